import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { startSmallServer, type SmallServer } from './small-server.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function command(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const node = ['--import', 'tsx', 'conformance/main.ts', ...args]
  const env = { ...process.env, SCIM_TOKEN: undefined, ...environment }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, node, { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

describe('conformance: the command', () => {
  let server: SmallServer

  before(async () => {
    server = await startSmallServer()
  })
  after(() => server.close())

  it('ends with 0 and a summary when all chosen cases pass', async () => {
    const ended = await command(['--url', server.url, '--token', server.token, '--grep', 'rfc-post-client-id-ignored'])
    expect(ended).to.include({ code: 0, stderr: '' })
    expect(ended.stdout).to.match(/1 passed, 0 failed, 0 skipped/u)
  })

  it('ends with 1 when a case fails, and prints one JSON document with --json', async () => {
    const args = ['--url', server.url, '--grep', 'disc-types', '--json']
    const ended = await command(args, { SCIM_TOKEN: server.token })
    expect(ended.code).to.equal(1)
    expect(JSON.parse(ended.stdout)).to.have.nested.property('counts.passed', 0)
  })

  it('writes the HTML report and every answer to the files that are named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-command-'))
    const [html, answers] = [join(folder, 'report.html'), join(folder, 'answers.jsonl')]
    const asked = ['--url', server.url, '--token', server.token, '--grep', 'rfc-post-client-id-ignored']
    const ended = await command([...asked, '--html', html, '--answers', answers])
    expect(ended).to.include({ code: 0, stderr: '' })
    expect(readFileSync(html, 'utf8')).to.contain('<b class="passed">1</b>')
    const [first] = readFileSync(answers, 'utf8').split('\n')
    expect(JSON.parse(first!)).to.include({ case: 'rfc-post-client-id-ignored', method: 'POST', status: 201 })
    expect(readFileSync(answers, 'utf8')).not.to.contain(server.token)
    const unwritable = await command([...asked, '--html', join(folder, 'none', 'report.html')])
    expect(unwritable).to.include({ code: 2, stdout: '' })
    rmSync(folder, { recursive: true })
  })

  it('ends with 2 and says what is wrong when nothing can be run', async () => {
    const [noUrl, profile, none, refused] = await Promise.all([
      command([]),
      command(['--url', server.url, '--token', 'x', '--profile', 'onelogin']),
      command(['--url', server.url, '--token', server.token, '--grep', 'no such case']),
      command(['--url', 'http://127.0.0.1:1/scim', '--token', 'x']),
    ])
    expect(noUrl).to.include({ code: 2, stdout: '' })
    expect(noUrl.stderr).to.contain('--url and --token are needed')
    expect(profile.stderr).to.contain('--profile onelogin: wanted one of rfc, okta, entra, jumpcloud, ping, authentik')
    expect(none.stderr).to.contain('no case matches')
    expect(refused.stderr).to.contain('ECONNREFUSED')
  })
})
