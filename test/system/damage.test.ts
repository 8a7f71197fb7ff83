import { randomInt } from 'node:crypto'
import { closeSync, cpSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { expect } from 'chai'
import { verifyChain } from '../../src/audit/verify.ts'
import { databaseFile } from '../../src/storage/store.ts'
import {
  type GatewayEnvironment,
  gatewayEnvironment,
  type GatewayProcess,
  serveProcess,
  spawnRollcall,
} from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { lookBeside, onDialect } from './beside.ts'
import { add, madeId, makePeople, team } from './resources.ts'

const EXIT_DATA = 65
const EXIT_UNAVAILABLE = 69

/** Turns bits at random places of a file. */
function flipBytes(file: string, count: number): void {
  const bytes = readFileSync(file)
  const handle = openSync(file, 'r+')
  try {
    const { size } = fstatSync(handle)
    for (let n = 0; n < count; n++) {
      const at = randomInt(size)
      bytes[at] = bytes[at]! ^ randomInt(1, 256)
      writeSync(handle, bytes, at, 1, at)
    }
  } finally {
    closeSync(handle)
  }
}

/** A store with some history that a process was serving when it was killed. */
async function killedStore(): Promise<GatewayEnvironment> {
  const environment = await gatewayEnvironment('sqlite')
  const first = await serveProcess(environment)
  const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
  const people = await makePeople(client, 'whole', 120)
  const group = madeId(await client.post('/Groups', team('whole')))
  for (const id of people.slice(0, 20)) await client.patch(`/Groups/${group}`, [add(id)])
  client.close()
  // The clean stop moves everything from the write-ahead log into the file that is damaged later.
  expect(await first.end('SIGTERM')).to.equal(0)
  const second = await serveProcess(environment)
  expect(await second.end('SIGKILL')).to.equal('SIGKILL')
  return environment
}

/** The same store in a folder of its own. */
function copyOf(environment: GatewayEnvironment): GatewayEnvironment {
  const dataDir = mkdtempSync(join(tmpdir(), 'rollcall-damaged-'))
  cpSync(environment.dataDir, dataDir, { recursive: true })
  return { ...environment, dataDir, env: { ...environment.env, ROLLCALL_DATA_DIR: dataDir } }
}

onDialect('sqlite', 'a store that was damaged (R19)', function () {
  this.timeout(120_000)
  let whole: GatewayEnvironment

  before(async () => {
    whole = await killedStore()
  })

  it('is served after a kill when it is whole', async () => {
    const environment = copyOf(whole)
    const gateway = await serveProcess({ ...environment, env: { ...environment.env, LOG_LEVEL: 'warn' } })
    expect(gateway.output()).to.match(/did not stop cleanly/)
    expect(await gateway.end('SIGTERM')).to.equal(0)
    rmSync(environment.dataDir, { recursive: true })
  })

  it('is never served silently with 1,000 random bytes flipped', async () => {
    for (let round = 0; round < 5; round++) {
      const environment = copyOf(whole)
      flipBytes(databaseFile(environment.dataDir), 1_000)
      await expectNoticed(environment, `round ${round}`)
      rmSync(environment.dataDir, { recursive: true })
    }
  })

  it('is never served silently with a page of zeros in it', async () => {
    const size = readFileSync(databaseFile(whole.dataDir)).length
    for (let page = 0; page < size / 4096; page += Math.ceil(size / 4096 / 4)) {
      const environment = copyOf(whole)
      const handle = openSync(databaseFile(environment.dataDir), 'r+')
      writeSync(handle, Buffer.alloc(4096), 0, 4096, page * 4096)
      closeSync(handle)
      await expectNoticed(environment, `page ${page}`)
      rmSync(environment.dataDir, { recursive: true })
    }
  })

  it('is not served when a record was changed without breaking the file, as far as the chain tells', async () => {
    const environment = copyOf(whole)
    const database = new Sqlite(databaseFile(environment.dataDir))
    database.exec('DROP TRIGGER provisioning_event_append_only')
    const changed = database.prepare(
      `UPDATE provisioning_event SET body = replace(body, '"new":true', '"new":false') WHERE seq = 40`,
    )
    expect(changed.run().changes).to.equal(1)
    database.close()
    const report = await lookBeside(environment, (test, orgId) => verifyChain(test.store.reads.records, orgId))
    expect(report.finding).to.deep.equal({ seq: 40, kind: 'body edited' })
    rmSync(environment.dataDir, { recursive: true })
  })
})

/** Either the start is refused in a sentence, or what is served is seen to be broken by whoever verifies it. */
async function expectNoticed(environment: GatewayEnvironment, round: string): Promise<void> {
  const gateway = spawnRollcall(['serve'], environment.env)
  const ended = await Promise.race([gateway.exited, becomesReady(environment, gateway)])
  if (ended === 'ready') {
    const problems = await lookBeside(environment, async (test, orgId) => {
      const report = await verifyChain(test.store.reads.records, orgId)
      return report.finding === undefined ? [] : [report.finding]
    })
    await gateway.end('SIGKILL')
    expect(problems, `${round}: served silently`).not.to.be.empty
    return
  }
  expect(ended, `${round}: ${gateway.output()}`).to.equal(EXIT_DATA)
  expect(gateway.output(), round).to.match(/^rollcall: The store .* is damaged and is not served: .*backup/m)
  expect(gateway.output(), round).not.to.match(/\n\s+at /)
}

async function becomesReady({ url }: GatewayEnvironment, { child }: GatewayProcess): Promise<'ready' | 'late'> {
  const deadline = performance.now() + 15_000
  while (child.exitCode === null && performance.now() < deadline) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return 'ready'
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
  return 'late'
}

onDialect('sqlite', 'two processes and one store', () => {
  it('refuses a second server with 69 while commands work beside the first', async () => {
    const environment = await gatewayEnvironment('sqlite')
    const gateway = await serveProcess(environment)
    const second = spawnRollcall(['serve'], { ...environment.env, PORT: '0' })
    expect(await second.exited, second.output()).to.equal(EXIT_UNAVAILABLE)
    expect(second.output()).to.match(/^rollcall: Another gateway is serving the store in /m)
    const list = spawnRollcall(['org', 'list', '--json'], environment.env)
    expect(await list.exited, list.output()).to.equal(0)
    expect(list.output()).to.contain('default')
    expect((await fetch(`${environment.url}/readyz`)).status).to.equal(200)
    // The lock dies with its holder, however it dies.
    await gateway.end('SIGKILL')
    const third = await serveProcess(environment)
    expect(await third.end('SIGTERM')).to.equal(0)
  })
})
