import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { askRollcall, runRollcall } from '../support/cli.ts'

const SECRETS = {
  DATABASE_URL: 'postgres://rollcall:hidden-word@db.example.com/rollcall',
  ROLLCALL_MASTER_KEY: '0f'.repeat(32),
  ROLLCALL_BOOTSTRAP_SCIM_TOKEN: 'a-token-of-at-least-thirty-two-characters',
}

describe('wrong configuration', () => {
  it('is reported with every problem at once and status 78, by every command, and nothing is made', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
    const env = {
      ROLLCALL_DATA_DIR: dataDir,
      PORT: '80800',
      DISABLE_SSO_PROVISIONING: 'maybe',
      LOG_LEVEL: 'loud',
      ROLLCALL_DATADIR: 'x',
      ROLLCALL_BOOTSTRAP_SCIM_TOKEN: 'short',
    }
    for (const command of [['serve'], ['migrate'], ['config'], ['org', 'list']]) {
      const { status, stdout, stderr } = await runRollcall(command, env)
      expect(status).to.equal(78)
      expect(stdout).to.equal('')
      const lines = stderr.trimEnd().split('\n')
      expect(lines[0]).to.equal('rollcall: 5 settings are wrong:')
      const named = lines.slice(1).map((line) => line.trim().split(':')[0])
      expect(named).to.have.members(Object.keys(env).filter((name) => name !== 'ROLLCALL_DATA_DIR'))
      for (const line of lines.slice(1)) expect(line).to.match(/: got .+; wanted .+/)
      expect(stderr).not.to.include('short"')
    }
    expect(readdirSync(dataDir)).to.deep.equal([])
  })

  it('does not keep --help and --version from answering', async () => {
    for (const option of ['--help', '--version']) {
      const { status, stdout, stderr } = await runRollcall([option], { PORT: 'none' })
      expect([status, stderr]).to.deep.equal([0, ''])
      expect(stdout).to.match(option === '--help' ? /^Usage: rollcall / : /^\d+\.\d+\.\d+\n$/)
    }
  })
})

describe('rollcall config', () => {
  it('prints every setting with its source, secrets masked', async () => {
    const { status, stdout, stderr } = await runRollcall(['config'], { ...SECRETS, PORT: '9000' })
    expect([status, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(/^PORT +9000 +environment$/m)
    expect(stdout).to.match(/^DATABASE_URL +postgres:\/\/rollcall:\*\*\*\*@db\.example\.com\/rollcall +environment$/m)
    expect(stdout).to.match(/^ROLLCALL_MASTER_KEY +\*\*\*\* +environment$/m)
    expect(stdout).to.match(/^PUBLIC_URL +http:\/\/127\.0\.0\.1:9000 +default$/m)
    for (const secret of ['hidden-word', SECRETS.ROLLCALL_MASTER_KEY, SECRETS.ROLLCALL_BOOTSTRAP_SCIM_TOKEN]) {
      expect(stdout).not.to.include(secret)
    }
  })

  it('answers in JSON with the same, and masks there too', async () => {
    const rows = await askRollcall<{ name: string; value: string; source: string }[]>(['config'], SECRETS)
    const masked = rows.filter(({ name }) => Object.hasOwn(SECRETS, name)).map(({ value }) => value)
    expect(masked).to.deep.equal(['postgres://rollcall:****@db.example.com/rollcall', '****', '****'])
    expect(rows.find(({ name }) => name === 'ROLLCALL_BOOTSTRAP_ADMIN_KEY')).to.include({ value: '', source: 'unset' })
  })

  it('shows no control character of a value', async () => {
    const { stdout } = await runRollcall(['config'], { ROLLCALL_DATA_DIR: './a\u001b[31mb\u202ec' })
    expect(stdout).to.include('/a\\u001b[31mb\\u202ec')
    expect(stdout.replaceAll('\n', '')).not.to.match(/[\p{Cc}\p{Cf}]/u)
  })

  it('names the file that a secret came from, not the secret', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'rollcall-test-')), 'token')
    writeFileSync(file, SECRETS.ROLLCALL_BOOTSTRAP_SCIM_TOKEN)
    const rows = await askRollcall<{ name: string }[]>(['config'], { ROLLCALL_BOOTSTRAP_SCIM_TOKEN_FILE: file })
    const row = rows.find(({ name }) => name === 'ROLLCALL_BOOTSTRAP_SCIM_TOKEN')
    expect(row).to.deep.equal({ name: 'ROLLCALL_BOOTSTRAP_SCIM_TOKEN', value: '****', source: file })
  })
})
