import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { erasedOutside } from '../../src/audit/checkpoint-file.ts'
import { askRollcall, recordsOf, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const KEY = 'bootstrap-admin-key-of-32-characters'

interface Answer {
  readonly status: number
  readonly json: Record<string, unknown>
}

forEachDialect('erasing people and legal holds, by command and over the admin API', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  let folder: string
  let outside: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-outside-'))
    outside = join(folder, 'checkpoints.ndjson')
    gateway = await startTestGateway(dialect, {
      ROLLCALL_BOOTSTRAP_ADMIN_KEY: KEY,
      ROLLCALL_CHECKPOINT_FILE: outside,
    })
    env = gateway.env
  })
  after(async () => {
    await gateway.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function api(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await fetch(`${gateway.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
  }
  const person = async (userName: string): Promise<string> =>
    (await api('POST', '/users', { userName, email: userName })).json['id'] as string

  it('writes everything that is held of a person, their values and no secret and nobody else, and leaves a record of it', async () => {
    const id = await person('okapi@x.example')
    const other = await person('tapir@x.example')
    const team = await api('POST', '/teams', { name: 'zoo' })
    for (const one of [id, other]) {
      await api('POST', `/teams/${team.json['id'] as string}/members`, { person: one, role: 'member' })
    }
    const key = await api('POST', `/users/${id}/keys`, { name: 'laptop of okapi' })
    const { status, stdout, stderr } = await runRollcall(['privacy', 'export', 'okapi@x.example'], env)
    expect([status, stderr]).to.deep.equal([0, ''])
    const told = JSON.parse(stdout) as {
      held: Record<string, Record<string, unknown>[]>
      log: { record: { action: string; changes?: { path: string; new?: unknown }[] } }[]
    }
    expect(told.held['user']![0]).to.include({ id, username: 'okapi@x.example' })
    expect(told.held).to.include.keys('user_email', 'team_membership', 'access_period', 'api_key', 'user_seat')
    const made = told.log.find(({ record }) => record.action === 'user.create')!.record
    expect(made.changes!.find(({ path }) => path === 'userName')!.new).to.equal('okapi@x.example')
    expect(told.log.map(({ record }) => record.action)).to.include.members(['member.add', 'key.create'])
    expect(stdout).not.to.include('tapir')
    for (const secret of [String(key.json['key']), 'secret_hash', '"hash"']) {
      expect(stdout).not.to.include(secret)
    }
    const [newest] = (await recordsOf(env)).slice(-1)
    expect(newest!.record.action).to.equal('log.export')
    expect(JSON.stringify(newest!.record)).to.include(`"about":"${id}"`)
    const nobody = await runRollcall(['privacy', 'export', '0190a5f0-0000-7000-8000-000000000009'], env)
    expect([nobody.status, nobody.stdout]).to.deep.equal([1, ''])
    expect(nobody.stderr).to.include('live or deleted')
  })

  it('erases beside a running server, says what it reached, and tells the file outside', async () => {
    const id = await person('quagga@x.example')
    const { status, stdout, stderr } = await runRollcall(['privacy', 'erase', 'quagga@x.example', '--vacuum'], env)
    expect([status, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(new RegExp(`^Erased user ${id}, by record \\d+\n`))
    expect(stdout).to.include('The person was live, and is deleted')
    expect(stdout).to.match(/Rows emptied: .*user 1, user_email 1/)
    expect(stdout).to.include('Database: the database file and its write-ahead log hold no byte of it')
    expect(stdout).to.include('the checkpoint file names the person by id')
    expect(stdout).to.include('Not reached: what was exported')
    const { name } = (await gateway.gateway.opened.connections.findDeployment())!
    expect((await erasedOutside(outside, name)).map((erased) => erased.person)).to.deep.equal([id])
    expect(await erasedOutside(outside, 'another')).to.deep.equal([])
    expect(readFileSync(outside, 'utf8')).to.not.include('quagga')
    const again = await askRollcall<{ before: boolean; seq: number }>(['privacy', 'erase', id], env)
    expect(again.before).to.equal(true)
    const verified = await runRollcall(['log', 'verify', '--checkpoints', outside, '--replay'], env)
    expect([verified.status, verified.stderr]).to.deep.equal([0, ''])
    expect(verified.stdout).to.match(/default: intact, .* personal values and \d+ rows of people agree/)
  })

  it('erases over the admin API', async () => {
    const id = await person('dodo@x.example')
    const { status, json } = await api('POST', `/users/${id}/erasure`)
    expect(status).to.equal(200)
    expect(json).to.include({ user: id, deleted: true, before: false, outside: true })
    expect(json['reached']).to.equal(dialect === 'sqlite' ? 'files' : 'rows')
    expect((await api('GET', `/users/${id}`)).status).to.equal(404)
    const repeat = await api('POST', `/users/${id}/erasure`)
    expect(repeat.json).to.include({ before: true, seq: json['seq'] as number })
  })

  it('lists, places and releases holds, which forbid it', async () => {
    const id = await person('moa@x.example')
    expect((await runRollcall(['privacy', 'hold', 'list'], env)).stdout).to.equal('No holds\n')
    const command = ['privacy', 'hold', 'place', '--user', 'moa@x.example', '--reason', 'case 12']
    const placed = await askRollcall<{ id: string; user: string }>(command, env)
    expect(placed.user).to.equal(id)
    const refused = await api('POST', `/users/${id}/erasure`)
    expect([refused.status, refused.json['code']]).to.deep.equal([409, 'hold.stands'])
    const byCommand = await runRollcall(['privacy', 'erase', id], env)
    expect([byCommand.status, byCommand.stderr]).to.deep.equal([
      1,
      `rollcall: The legal hold ${placed.id} stands, so this person cannot be erased; release it first, if that is right\n`,
    ])
    const { json } = await api('GET', '/holds')
    expect(json['items']).to.have.length(1)
    expect((await api('DELETE', `/holds/${placed.id}`)).json['released']).to.be.a('string')
    expect((await runRollcall(['privacy', 'hold', 'release', placed.id], env)).stderr).to.match(/is released already/)
    const made = await api('POST', '/holds', { fromSeq: 1, toSeq: 2, reason: 'all of it' })
    expect(made.status).to.equal(201)
    expect((await api('POST', '/holds', { fromSeq: 2, toSeq: 1, reason: 'turned' })).status).to.equal(400)
    expect((await runRollcall(['privacy', 'hold', 'list', '--all'], env)).stdout.split('\n')).to.have.length(4)
    expect((await runRollcall(['privacy', 'hold', 'release', made.json['id'] as string], env)).status).to.equal(0)
    expect((await runRollcall(['privacy', 'hold', 'place', '--reason', ' '], env)).status).to.equal(1)
    expect((await api('POST', `/users/${id}/erasure`)).status).to.equal(200)
  })
})
