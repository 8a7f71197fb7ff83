import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { askRollcall, fingerprint, runRollcall, serveHere } from '../support/cli.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment } from '../support/gateway.ts'

const WRITING: readonly (readonly string[])[] = [
  ['serve'],
  ['migrate'],
  ['org', 'create', 'acme'],
  ['connection', 'create', '--kind', 'script'],
  ['connection', 'revoke', 'default'],
  ['token', 'create'],
  ['token', 'rotate'],
  ['token', 'revoke', '00000000-0000-7000-8000-000000000000'],
  ['demo'],
]

/** A store that was served once and is closed. */
async function servedStore(
  dialect: (typeof DIALECTS)[number],
): Promise<Awaited<ReturnType<typeof gatewayEnvironment>>> {
  const environment = await gatewayEnvironment(dialect)
  await (await serveHere(environment.env)).end('SIGTERM')
  return environment
}

forEachDialect('a master key that is not the store’s', (dialect) => {
  it('stops serving and every writing command with status 78 before anything is written', async function () {
    this.timeout(90_000)
    const { env } = await servedStore(dialect)
    const before = await fingerprint(env)
    const wrong = { ...env, ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex') }
    const results = await Promise.all(WRITING.map((command) => runRollcall(command, wrong)))
    for (const [index, { status, stdout, stderr }] of results.entries()) {
      expect([WRITING[index], status]).to.deep.equal([WRITING[index], 78])
      expect(stderr).to.match(/^rollcall: The master key \S+ is not the store's: it was made with \S+\. Nothing was/)
      expect(stderr).not.to.include(wrong.ROLLCALL_MASTER_KEY)
      expect(stdout).to.equal('')
    }
    expect(await fingerprint(env)).to.equal(before)
  })
})

forEachDialect('the master key', (dialect) => {
  it('is the same written in hexadecimal and in base64url, and may come from a file', async () => {
    const key = randomBytes(32)
    const environment = await gatewayEnvironment(dialect, { ROLLCALL_MASTER_KEY: key.toString('hex').toUpperCase() })
    await (await serveHere(environment.env)).end('SIGTERM')
    const { env, dataDir } = environment
    const written = { ...env, ROLLCALL_MASTER_KEY: key.toString('base64url') }
    expect(await askRollcall(['org', 'list'], written)).to.have.length(1)
    const file = join(dataDir, 'key')
    writeFileSync(file, `${key.toString('base64url')}\n`)
    const inFile = { ...env, ROLLCALL_MASTER_KEY: '', ROLLCALL_MASTER_KEY_FILE: file }
    expect(await askRollcall(['org', 'list'], inFile)).to.have.length(1)
    expect(existsSync(join(dataDir, 'master.key'))).to.equal(false)
  })

  it('of another length is refused, and never shown', async () => {
    const { env } = await gatewayEnvironment(dialect)
    const short = randomBytes(31).toString('hex')
    const refused = await runRollcall(['serve'], { ...env, ROLLCALL_MASTER_KEY: short })
    expect(refused.status).to.equal(78)
    expect(refused.stderr).to.include('ROLLCALL_MASTER_KEY: got **** (62 characters); wanted 32 random bytes')
    expect(refused.stderr).not.to.include(short)
  })
})

describe('the key file of the embedded store', () => {
  if (!DIALECTS.includes('sqlite')) return

  it('must not be missing beside an existing store: status 78, and no new key is made', async () => {
    const { env, dataDir } = await servedStore('sqlite')
    const file = join(dataDir, 'master.key')
    const key = readFileSync(file, 'utf8')
    rmSync(file)
    const before = await fingerprint(env)
    for (const command of [['serve'], ['org', 'create', 'acme'], ['migrate']]) {
      const { status, stderr } = await runRollcall(command, env)
      expect(status).to.equal(78)
      expect(stderr).to.include(`none is given: set ROLLCALL_MASTER_KEY or put ${file} back`)
    }
    expect(existsSync(file)).to.equal(false)
    expect(await fingerprint(env)).to.equal(before)
    expect(await askRollcall(['org', 'list'], { ...env, ROLLCALL_MASTER_KEY: key.trim() })).to.have.length(1)
  })

  it('that holds something else stops the start with status 78 and says what is wanted', async () => {
    const { env, dataDir } = await servedStore('sqlite')
    writeFileSync(join(dataDir, 'master.key'), 'not a key\n')
    const { status, stderr } = await runRollcall(['serve'], env)
    expect(status).to.equal(78)
    expect(stderr).to.include('master.key holds no master key: 64 hexadecimal or 43 base64url characters are wanted')
  })
})

describe('PostgreSQL without a master key', () => {
  if (!DIALECTS.includes('postgres')) return

  it('is refused by every command with status 78, and no key is made', async function () {
    this.timeout(60_000)
    const { env, dataDir } = await gatewayEnvironment('postgres')
    const before = await fingerprint(env)
    for (const command of [['serve'], ['migrate'], ['org', 'create', 'acme']]) {
      const { status, stderr } = await runRollcall(command, { ...env, ROLLCALL_MASTER_KEY: '' })
      expect(status).to.equal(78)
      expect(stderr).to.include('ROLLCALL_MASTER_KEY: got nothing; wanted it (or ROLLCALL_MASTER_KEY_FILE) beside DATA')
    }
    expect(await fingerprint(env)).to.equal(before)
    expect(existsSync(join(dataDir, 'master.key'))).to.equal(false)
  })
})
