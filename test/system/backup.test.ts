import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { loadConfig } from '../../src/config.ts'
import { connect } from '../../src/opened-store.ts'
import { recordReads } from '../../src/storage/record-reads.ts'
import { rowsOf } from '../security/orgs.ts'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { DIALECTS, forEachDialect, freshLocation } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'

type Environment = Readonly<Record<string, string>>

/** Copies made under load, back to back; `ROLLCALL_BACKUPS=30` is the long run, with one every two seconds. */
const COPIES = Number(process.env['ROLLCALL_BACKUPS'] ?? 3)

interface Restored {
  readonly rows: number
  readonly erased: number
  readonly rpoMs: number
  readonly missing: readonly string[]
  readonly chains: readonly {
    readonly org: string
    readonly orgId: string
    readonly records: number
    readonly lost: number
  }[]
}

forEachDialect('a backup', (dialect) => {
  let gateway: TestGateway
  let client: ScimClient
  let folder: string
  let outside: string
  const file = (name: string): string => join(folder, name)

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-backup-'))
    outside = file('checkpoints.ndjson')
    gateway = await startTestGateway(dialect, { ROLLCALL_CHECKPOINT_FILE: outside })
    client = new ScimClient(gateway.base, gateway.token)
  })
  after(async () => {
    client.close()
    await gateway.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const make = async (userName: string): Promise<void> => {
    expect((await client.post('/Users', { userName, displayName: `${userName} of old` })).status).to.equal(201)
  }
  const backup = (...args: readonly string[]) => askRollcall<{ rows?: number }>(['backup', ...args], gateway.env)

  /** Where a store of the same deployment may be put: empty, with the same master key. */
  async function elsewhere(more: Environment = {}): Promise<Environment> {
    const { dataDir, databaseUrl } = await freshLocation(dialect)
    const key = join(gateway.dataDir, 'master.key')
    if (existsSync(key)) copyFileSync(key, join(dataDir, 'master.key'))
    return {
      ...gateway.env,
      ROLLCALL_DATA_DIR: dataDir,
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...more,
    }
  }

  it('R15: each copy made under load is restored whole, a prefix of the log that went on', async function () {
    this.timeout(120_000 + COPIES * 10_000)
    const copies = Array.from({ length: COPIES }, (_, n) => n + 1)
    let stop = false
    let made = 0
    const load = (async () => {
      while (!stop) await make(`load-${made++}@x.example`)
    })()
    try {
      for (const n of copies) {
        const before = made
        if (COPIES > 3) await pause(2_000)
        while (made < before + 3) await new Promise(setImmediate)
        await backup(file(`r15-${n}`), '--keys', file(`r15-${n}.keys`))
      }
    } finally {
      stop = true
      await load
    }
    const live = recordReads(gateway.gateway.opened.connections.reader, dialect)
    let last = 0
    for (const n of copies) {
      const env = await elsewhere({ ROLLCALL_CHECKPOINT_FILE: '' })
      const restored = await askRollcall<Restored>(
        ['restore', file(`r15-${n}`), '--keys', file(`r15-${n}.keys`), '--reason', 'a drill'],
        env,
      )
      const connections = connect(loadConfig(env), () => undefined)
      try {
        expect(await connections.quickCheck()).to.deep.equal([])
        for (const { orgId, records } of restored.chains) {
          const copy = await recordReads(connections.reader, dialect).page(orgId as never, records - 1, records, 1)
          const theirs = await live.page(orgId as never, records - 1, records, 1)
          expect(copy).to.deep.equal(theirs)
        }
      } finally {
        await connections.close()
      }
      const { records } = restored.chains.find(({ org }) => org === 'default')!
      expect(records).to.be.greaterThan(last)
      last = records
    }
  })

  it('is put back where no store is: what is lost is said and recorded, who was erased since is erased again', async function () {
    this.timeout(120_000)
    for (const name of ['ada', 'ben', 'quagga']) await make(`${name}@x.example`)
    await backup(file('store'), '--keys', file('keys-old'))
    const { status, stderr } = await runRollcall(['privacy', 'erase', 'quagga@x.example'], gateway.env)
    expect([status, stderr]).to.deep.equal([0, ''])
    await make('late@x.example')
    await backup('--keys', file('keys'))

    const stored = gunzipSync(readFileSync(file('store'))).toString('utf8')
    expect(stored).to.include('ada@x.example')
    const keys = gunzipSync(readFileSync(file('keys'))).toString('utf8')
    expect(keys).to.not.include('ada@x.example')
    const wrapped = keys
      .split('\n')
      .filter((line) => line.startsWith('['))
      .map((line) => (JSON.parse(line) as string[])[4])
    for (const key of wrapped.filter((text) => typeof text === 'string' && text.length > 40))
      expect(stored).to.not.include(key)

    const env = await elsewhere()
    const command = ['restore', file('store'), '--keys', file('keys'), '--reason', 'the disk was lost']
    const drill = await askRollcall<Restored>([...command, '--drill'], env)
    expect(drill.erased).to.equal(1)
    const outsideBefore = readFileSync(outside, 'utf8')
    const restored = await askRollcall<Restored>(command, env)
    expect(restored).to.deep.include({ rows: drill.rows, erased: 1, missing: [] })
    const { lost } = restored.chains.find(({ org }) => org === 'default')!
    expect(lost).to.be.greaterThan(0)
    expect(restored.rpoMs).to.be.greaterThan(0)
    expect(readFileSync(outside, 'utf8').length).to.be.greaterThan(outsideBefore.length)

    const verified = await askRollcall<{ org: string; intact: boolean; checkpoints: { forks: object[] } }[]>(
      ['log', 'verify', '--checkpoints', outside],
      env,
    )
    for (const { org, intact, checkpoints } of verified)
      expect([org, intact, checkpoints.forks.length]).to.deep.equal([org, true, 1])
    const { stdout: actions } = await runRollcall(['log', 'tail', '-n', '4'], env)
    expect(actions).to.include('log.restore').and.include('privacy.erase')
    const { stdout: text } = await runRollcall(['log', 'export'], env)
    expect(text).to.include('ada@x.example of old').and.not.include('quagga')
    const connections = connect(loadConfig(env), () => undefined)
    const rows = await rowsOf({ opened: { connections } })
    await connections.close()
    expect(rows.join('\n')).to.not.include('quagga')
    expect(readdirSync(env['ROLLCALL_DATA_DIR']!).filter((name) => name.startsWith('restoring'))).to.deep.equal([])

    const again = await runRollcall(command, env)
    expect([again.status, again.stderr]).to.match(
      /1,rollcall: There is a store in .* already: a restore overwrites none/,
    )
  })

  it('serves and is written on once it is restored', async function () {
    this.timeout(120_000)
    const env = await elsewhere({ ROLLCALL_CHECKPOINT_FILE: '' })
    const { status, stdout, stderr } = await runRollcall(['restore', file('store'), '--keys', file('keys-old')], env)
    expect([status, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(/^Restored \d+ rows of the backup made at 20\S+Z, in \d+\.\d s\n/)
    expect(stdout).to.include('No checkpoint outside names a record that is not in the backup')
    expect(stdout).to.include('Tokens and keys revoked since the backup are valid again')
    const user = await runRollcall(['user', 'create', 'new@x.example'], env)
    expect([user.status, user.stderr]).to.deep.equal([0, ''])
    // The load made more people than a list shows at a time.
    const found = async (text: string): Promise<readonly string[]> => {
      const listed = await askRollcall<{ userName: string }[]>(['user', 'list', '--search', text], env)
      return listed.map(({ userName }) => userName)
    }
    expect(await found('a@x.example')).to.have.members(['ada@x.example', 'quagga@x.example'])
    expect(await found('new@x.example')).to.deep.equal(['new@x.example'])
    expect(await found('late@x.example')).to.deep.equal([])
  })

  if (dialect === 'sqlite' && DIALECTS.includes('postgres')) {
    it('of an embedded store is put back into PostgreSQL, and of that into an embedded one', async function () {
      this.timeout(120_000)
      const master = readFileSync(join(gateway.dataDir, 'master.key'), 'utf8').trim()
      const { databaseUrl = '' } = await freshLocation('postgres')
      const base = await elsewhere({ ROLLCALL_CHECKPOINT_FILE: '', ROLLCALL_MASTER_KEY: master })
      const atScale = { ...base, DATABASE_URL: databaseUrl }
      await askRollcall(['restore', file('store'), '--keys', file('keys')], atScale)
      await askRollcall(['backup', file('at-scale'), '--keys', file('at-scale.keys')], atScale)
      const back = await askRollcall<Restored>(['restore', file('at-scale'), '--keys', file('at-scale.keys')], base)
      for (const env of [atScale, base]) {
        const verified = await askRollcall<{ intact: boolean }[]>(['log', 'verify'], env)
        expect(verified.map(({ intact }) => intact)).to.deep.equal([true, true])
      }
      expect(back.chains.find(({ org }) => org === 'default')!.records).to.be.greaterThan(10)
      const { stdout } = await runRollcall(['log', 'export'], base)
      expect(stdout).to.include('ada@x.example of old').and.not.include('quagga')
    })
  }

  it('that is cut off, changed, of another kind, of a newer version or older than asked is refused with a sentence', async () => {
    const env = await elsewhere()
    const whole = readFileSync(file('store'))
    const lines = gunzipSync(whole).toString('utf8').split('\n')
    const variants: readonly (readonly [string, Buffer | string, RegExp])[] = [
      ['cut', whole.subarray(0, whole.length - 200), /it is cut off/],
      ['short', gzipSync(lines.slice(0, -2).join('\n') + '\n'), /it is cut off: its last line is missing/],
      ['changed', gzipSync(lines.join('\n').replace('ada@x.example', 'eve@x.example')), /changed or damaged/],
      ['none', 'no archive', /no backup of Rollcall, or damaged/],
      ['text', gzipSync('{}\n'), /it is no backup of Rollcall/],
      ['newer', gzipSync(lines.join('\n').replace('rollcall.backup/1', 'rollcall.backup/2')), /of a newer version/],
    ]
    for (const [name, bytes, wanted] of variants) {
      writeFileSync(file(name), bytes)
      const { status, stderr } = await runRollcall(['restore', file(name), '--keys', file('keys')], env)
      expect([name, status]).to.deep.equal([name, 1])
      expect(stderr, name)
        .to.match(wanted)
        .and.to.match(/^rollcall: [^\n]*\n$/)
    }
    const swapped = await runRollcall(['restore', file('keys'), '--keys', file('store')], env)
    expect(swapped.stderr).to.match(/is a file of keys; the store's own file is wanted first/)
    const both = await runRollcall(['restore', file('store'), '--keys', file('store')], env)
    expect(both.stderr).to.match(/is no file of keys/)
    const older = await runRollcall(['restore', file('store'), '--keys', file('r15-1.keys')], env)
    expect(older.stderr).to.match(/is older than .*: the newest keys file is wanted/)
    const missing = await runRollcall(['restore', file('nowhere'), '--keys', file('keys')], env)
    expect(missing.stderr).to.match(/cannot be read: ENOENT/)
    const taken = await runRollcall(['backup', file('store'), '--keys', file('more')], gateway.env)
    expect(taken.stderr).to.match(/cannot be written: it is there already/)
    const other = { ...env, ROLLCALL_MASTER_KEY: 'ab'.repeat(32) }
    const wrongKey = await runRollcall(['restore', file('store'), '--keys', file('keys')], other)
    expect([wrongKey.status, wrongKey.stderr]).to.match(/78,rollcall: The master key \w+ is not the store's/)
    expect(existsSync(join(env['ROLLCALL_DATA_DIR']!, 'rollcall.db'))).to.equal(false)
  })
})
