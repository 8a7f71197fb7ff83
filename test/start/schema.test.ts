import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { sql } from 'kysely'
import { migrations } from '../../db/migrations/index.ts'
import { askRollcall, fingerprint, runRollcall, serveHere, withDatabase } from '../support/cli.ts'
import { DIALECTS, forEachDialect, freshLocation } from '../support/databases.ts'
import { gatewayEnvironment, serveProcess } from '../support/gateway.ts'
import { sharedCluster } from '../support/postgres.ts'

// Their names are held in test/storage/migrations.test.ts; here is asked what commands say of them.
const ALL = Object.keys(migrations('sqlite'))

forEachDialect('a store that a newer version migrated', (dialect) => {
  it('is refused by server and commands with status 78 and a sentence, and nothing is written', async function () {
    this.timeout(60_000)
    const environment = await gatewayEnvironment(dialect)
    const { env } = environment
    await (await serveHere(environment.env)).end('SIGTERM')
    await withDatabase(env, (db) =>
      sql`insert into kysely_migration (name, timestamp) values ('9999-to-come', '2030-01-01T00:00:00.000Z')`.execute(
        db,
      ),
    )
    const before = await fingerprint(env)
    for (const command of [['serve'], ['migrate'], ['org', 'create', 'acme'], ['org', 'list'], ['token', 'create']]) {
      const { status, stderr } = await runRollcall(command, env)
      expect([command.join(' '), status]).to.deep.equal([command.join(' '), 78])
      expect(stderr).to.match(
        /^rollcall: The store was migrated by a newer version of Rollcall, with "9999-to-come", .* restore a backup[^\n]*\n$/,
      )
    }
    expect(await fingerprint(env)).to.equal(before)
    const states = await askRollcall<object[]>(['migrate', 'status'], env)
    expect(states.at(-1)).to.deep.equal({ name: '9999-to-come', executed: '2030-01-01T00:00:00.000Z', known: false })
  })
})

forEachDialect('rollcall migrate', (dialect) => {
  it('makes the schema, says so, and has nothing to do a second time', async () => {
    const env = await newStore(dialect)
    const first = await runRollcall(['migrate'], env)
    expect(first).to.deep.equal({ status: 0, stdout: `Ran ${ALL.join(', ')}\n`, stderr: '' })
    const second = await runRollcall(['migrate'], env)
    expect(second).to.deep.equal({ status: 0, stdout: 'The schema is up to date\n', stderr: '' })
    expect(await askRollcall(['migrate'], env)).to.deep.equal({ ran: [] })
  })

  it('shows with status what was run, also in JSON wherever the option stands', async () => {
    const env = await newStore(dialect)
    expect(await askRollcall(['migrate'], env)).to.deep.equal({ ran: ALL })
    const shown = await runRollcall(['migrate', 'status'], env)
    expect(shown.stdout).to.match(
      new RegExp(`^name +executed +version\\n${ALL.map((name) => `${name} +20\\S+Z +this\\n`).join('')}$`),
    )
    for (const command of [
      ['migrate', 'status', '--json'],
      ['migrate', '--json', 'status'],
    ]) {
      const states = JSON.parse((await runRollcall(command, env)).stdout) as { name: string; known: boolean }[]
      expect(states.map(({ name, known }) => ({ name, known }))).to.deep.equal(
        ALL.map((name) => ({ name, known: true })),
      )
    }
  })
})

describe('a PostgreSQL schema that is behind', () => {
  if (!DIALECTS.includes('postgres')) return

  it('is not served: status 78 and the command that migrates; afterwards it is', async function () {
    this.timeout(60_000)
    const environment = await gatewayEnvironment('postgres')
    const empty = { ...environment.env, ...(await newStore('postgres')) }
    for (const command of [['serve'], ['org', 'create', 'acme'], ['token', 'create']]) {
      const { status, stderr } = await runRollcall(command, empty)
      expect(status).to.equal(78)
      expect(stderr).to.equal(
        `rollcall: The schema of this PostgreSQL database is behind by ${ALL.join(', ')}: run "npx rollcall migrate" first\n`,
      )
    }
    const states = await askRollcall(['migrate', 'status'], empty)
    expect(states).to.deep.equal(ALL.map((name) => ({ name, executed: null, known: true })))
    await askRollcall(['migrate'], empty)
    const gateway = await serveProcess({ ...environment, env: empty })
    expect(await gateway.end('SIGTERM')).to.equal(0)
  })
})

describe('a store that cannot be opened', () => {
  if (DIALECTS.includes('sqlite')) {
    it('because it is not there is not made by commands that only need one', async () => {
      const dataDir = join(mkdtempSync(join(tmpdir(), 'rollcall-test-')), 'nothing')
      for (const command of [['org', 'list'], ['token', 'create'], ['log', 'tail'], ['migrate', 'status'], ['demo']]) {
        const { status, stderr } = await runRollcall(command, { ROLLCALL_DATA_DIR: dataDir })
        expect(status).to.equal(78)
        expect(stderr).to.match(/^rollcall: There is no store in .* start the gateway once \(npm start\)[^\n]*\n$/)
      }
      expect(existsSync(dataDir)).to.equal(false)
    })

    it('because it is no database ends with status 65, time and again', async () => {
      const { env, dataDir } = await gatewayEnvironment('sqlite')
      writeFileSync(
        join(dataDir, 'rollcall.db'),
        'this is a letter and no database, and long enough for a header'.repeat(99),
      )
      for (const command of [['serve'], ['serve'], ['org', 'list']]) {
        const { status, stderr } = await runRollcall(command, env)
        expect(status).to.equal(65)
        expect(stderr).to.match(/^rollcall: The store in .* is damaged and is not served: [^\n]*Restore a backup\n$/)
      }
    })

    it('because the data folder is a file ends with status 78 and no stack', async () => {
      const { env, dataDir } = await gatewayEnvironment('sqlite')
      const file = join(dataDir, 'file')
      writeFileSync(file, '')
      for (const command of [['serve'], ['migrate'], ['org', 'create', 'acme']]) {
        const { status, stderr } = await runRollcall(command, { ...env, ROLLCALL_DATA_DIR: file })
        expect(status).to.equal(78)
        expect(stderr).to.match(
          /^rollcall: The store in \S+ cannot be opened \(\w+\): check ROLLCALL_DATA_DIR[^\n]*\n$/,
        )
      }
    })
  }
  if (!DIALECTS.includes('postgres')) return

  it('because no server answers ends with status 69 and says where it was looked for', async () => {
    const { env } = await gatewayEnvironment('postgres')
    const gone = { ...env, DATABASE_URL: 'postgres://someone:secret-word@127.0.0.1:1/rollcall' }
    for (const command of [['serve'], ['migrate'], ['migrate', 'status'], ['org', 'list']]) {
      const { status, stderr } = await runRollcall(command, gone)
      expect(status).to.equal(69)
      expect(stderr).to.match(
        /^rollcall: PostgreSQL at 127\.0\.0\.1:1\/rollcall cannot be reached \(ECONNREFUSED\): [^\n]*\n$/,
      )
      expect(stderr).not.to.include('secret-word')
    }
  })

  it('because of a wrong password or database ends with status 78 and says which', async () => {
    const { env } = await gatewayEnvironment('postgres')
    const { port } = await sharedCluster()
    const cases = [
      [`postgres://postgres:wrong@127.0.0.1:${port}/postgres`, 'refused the password of DATABASE_URL (28P01)'],
      [env['DATABASE_URL']!.replace(/[^/]+$/, 'nowhere'), 'has no such database; make it first (3D000)'],
    ] as const
    for (const [url, said] of cases) {
      const { status, stderr } = await runRollcall(['serve'], { ...env, DATABASE_URL: url })
      expect(status).to.equal(78)
      expect(stderr).to.match(/^rollcall: PostgreSQL at [^\n]*\n$/)
      expect(stderr).to.include(said)
    }
  })
})

/** The environment of commands on a store where nothing was ever done. */
async function newStore(dialect: (typeof DIALECTS)[number]): Promise<Record<string, string>> {
  const { dataDir, databaseUrl } = await freshLocation(dialect)
  if (databaseUrl === undefined) return { ROLLCALL_DATA_DIR: dataDir }
  return { ROLLCALL_DATA_DIR: dataDir, DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: 'ab'.repeat(32) }
}
