import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { runRollcall, serveHere } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment } from '../support/gateway.ts'
import { createDatabase, sharedCluster } from '../support/postgres.ts'

interface Shown {
  readonly org: string
  readonly intact: boolean
  readonly finding: { readonly kind: string } | null
  readonly checkpoints: { readonly checked: number; readonly provenUpTo?: number; readonly forks: readonly object[] }
}

forEachDialect('a store put back to an earlier copy (R18)', (dialect) => {
  let environment: GatewayEnvironment
  let env: Readonly<Record<string, string>>
  let outside: string
  let folder: string
  let putBack: () => GatewayEnvironment

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rollcall-outside-'))
    outside = join(folder, 'checkpoints.ndjson')
    environment = await gatewayEnvironment(dialect, { ROLLCALL_CHECKPOINT_FILE: outside })
    env = environment.env
  })
  after(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  /** Copies the store as it is, with nobody writing to it. @returns puts the copy in its place */
  async function copyOf(of: GatewayEnvironment): Promise<() => GatewayEnvironment> {
    if (of.databaseUrl !== undefined) {
      const databaseUrl = await createDatabase(await sharedCluster(), of.databaseUrl)
      return () => ({ ...of, databaseUrl, env: { ...of.env, DATABASE_URL: databaseUrl } })
    }
    cpSync(of.dataDir, join(folder, 'copy'), { recursive: true })
    return () => {
      for (const file of ['rollcall.db', 'rollcall.db-wal', 'rollcall.db-shm']) {
        rmSync(join(of.dataDir, file), { force: true })
      }
      cpSync(join(folder, 'copy'), of.dataDir, { recursive: true })
      return of
    }
  }

  async function makeUser(userName: string): Promise<{ status: number; body: string }> {
    const answer = await fetch(`${environment.url}/scim/v2/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${environment.token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName }),
    })
    return { status: answer.status, body: await answer.text() }
  }

  async function verify(...more: readonly string[]): Promise<readonly Shown[]> {
    const { stdout, stderr } = await runRollcall(['log', 'verify', '--checkpoints', outside, '--json', ...more], env)
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as Shown[]
  }

  it('writes checkpoints outside at a stop, which verify with the key that the command shows', async () => {
    const server = await serveHere(environment.env)
    expect((await makeUser('ada')).status).to.equal(201)
    expect(await server.end('SIGTERM')).to.equal(0)
    putBack = await copyOf(environment)
    expect(existsSync(outside)).to.equal(true)
    const { stdout } = await runRollcall(['log', 'key'], env)
    const [, fingerprint] = /fingerprint: ([0-9a-f]{64})/.exec(stdout)!
    const pem = join(folder, 'key.pem')
    writeFileSync(pem, stdout)
    for (const key of [fingerprint!, pem]) {
      const reports = await verify('--key', key)
      expect(reports.map(({ intact }) => intact)).to.deep.equal(reports.map(() => true))
      expect(reports.find(({ org }) => org === 'default')!.checkpoints.provenUpTo).to.be.greaterThan(3)
    }
  })

  it('answers writes with 503 and reads as ever, and the log says where it differs, until the fork is accepted', async () => {
    const later = await serveHere(environment.env)
    expect((await makeUser('ben')).status).to.equal(201)
    expect(await later.end('SIGTERM')).to.equal(0)
    environment = putBack()
    env = environment.env

    const restored = await serveHere(environment.env)
    try {
      const refused = await makeUser('cay')
      expect(refused.status, refused.body).to.equal(503)
      const list = await fetch(`${environment.url}/scim/v2/Users`, {
        headers: { authorization: `Bearer ${environment.token}` },
      })
      expect(list.status).to.equal(200)
      const command = await runRollcall(['connection', 'create', '--name', 'more'], env)
      expect(command.status).to.equal(1)
      expect(command.stderr).to.contain('rollcall log accept-fork')
      const report = (await verify()).find(({ org }) => org === 'default')!
      expect(report.finding).to.deep.include({ kind: 'shorter than checkpoint' })
      expect((await runRollcall(['doctor'], env)).stdout).to.contain('accept-fork')

      const accepted = await runRollcall(['log', 'accept-fork', '--reason', 'the disk was lost'], env)
      expect(accepted.status, accepted.stderr).to.equal(0)
      expect(accepted.stdout).to.match(/accepted by record \d+/)
      let status = 503
      for (let tries = 0; status === 503 && tries < 100; tries++) {
        status = (await makeUser('cay')).status
        if (status === 503) await pause(200)
      }
      expect(status).to.equal(201)
    } finally {
      await restored.end('SIGTERM')
    }
    const report = (await verify()).find(({ org }) => org === 'default')!
    expect(report).to.deep.include({ intact: true, finding: null })
    expect(report.checkpoints.forks).to.have.length(1)
  })

  it('writes a pack that verifies with no store at hand, and leaves a record of it', async () => {
    const file = join(folder, 'evidence.zip')
    const made = await runRollcall(['log', 'pack', file], env)
    expect([made.status, made.stderr]).to.deep.equal([0, ''])
    const nowhere = { ROLLCALL_DATA_DIR: join(folder, 'nowhere') }
    const { status, stdout, stderr } = await runRollcall(['log', 'verify', '--pack', file], nowhere)
    expect([status, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(
      /^intact, \d+ records and 0 stubs, signer not proven .*; nothing of its range is missing\n$/,
    )
    const again = await runRollcall(['log', 'pack', file], env)
    expect([again.status, again.stderr]).to.deep.equal([
      1,
      `rollcall: The pack ${file} cannot be written: it is there already\n`,
    ])
    const { stdout: exported } = await runRollcall(['log', 'export', '--action', 'log.export'], env)
    expect(exported.trimEnd().split('\n')).to.have.length(3)
    const turned = await runRollcall(['log', 'export', '--from', '2026-03-02', '--to', '2026-03-01'], env)
    expect(turned.stderr).to.match(/The time range ends before it begins/)
    const noDate = await runRollcall(['log', 'export', '--from', '2026-02-30'], env)
    expect(noDate.stderr).to.match(/a day or an instant in UTC is wanted/)
  })

  it('says which line of a checkpoint file is damaged', async () => {
    const damaged = join(folder, 'damaged.ndjson')
    writeFileSync(damaged, `${readFileSync(outside, 'utf8').split('\n')[0]}\n{"checkpoint":"{}"}\n`)
    const { status, stderr } = await runRollcall(['log', 'verify', '--checkpoints', damaged], env)
    expect([status, stderr]).to.deep.equal([
      1,
      `rollcall: The checkpoints in ${damaged} cannot be used: line 2 holds no checkpoint of a known form\n`,
    ])
    const missing = await runRollcall(['log', 'verify', '--checkpoints', join(folder, 'none')], env)
    expect(missing.stderr).to.match(/cannot be read \(ENOENT\)/)
    const key = await runRollcall(['log', 'verify', '--key', 'abc'], env)
    expect(key.stderr).to.match(/neither a fingerprint of 64 hexadecimal characters nor a readable PEM file/)
  })
})
