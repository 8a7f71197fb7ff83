import { expect } from 'chai'
import { ERROR_URN } from '../../src/scim/errors.ts'
import { askRollcall } from '../support/cli.ts'
import { freshLocation } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type OwnCluster, createDatabase, startCluster } from '../support/postgres.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { lookBeside, onDialect, troublesOf } from './beside.ts'
import { activation, madeId, makePeople, person, statusCounts, team } from './resources.ts'
import { eventually } from './waiting.ts'
import { holdWriteLock, type WriteLock } from './write-lock.ts'

function expectUnavailable(answer: Answer): void {
  expect(answer.status, answer.text).to.equal(503)
  expect(answer.headers['content-type']).to.match(/^application\/scim\+json/)
  expect(answer.body).to.include({ status: '503' })
  expect(answer.body['schemas']).to.deep.equal([ERROR_URN])
  expect(Number(answer.headers['retry-after'])).to.be.within(1, 60)
  expect(answer.text).not.to.match(/sqlite|postgres|ECONN|database/i)
}

async function timed<T>(call: Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const started = performance.now()
  const value = await call
  return { value, ms: performance.now() - started }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status
}

onDialect('sqlite', 'while another process holds the write lock (R09)', () => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess
  let client: ScimClient
  let people: readonly string[]
  let lock: WriteLock

  before(async () => {
    environment = await gatewayEnvironment('sqlite')
    gateway = await serveProcess(environment)
    client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    people = await makePeople(client, 'before', 8)
  })
  afterEach(() => lock.release())
  after(async () => {
    client.close()
    await gateway.end('SIGKILL')
  })

  it('answers every write 503 within 6 s, reads on, keeps its event loop free, and recovers by itself', async () => {
    lock = await holdWriteLock(environment.dataDir)
    const deadline = performance.now() + 9_000
    const pulse: number[] = []
    const reads: number[] = []
    const beat = async (): Promise<void> => {
      while (performance.now() < deadline) {
        const alive = await timed(statusOf(`${environment.url}/livez`))
        expect(alive.value).to.equal(200)
        pulse.push(alive.ms)
        const read = await timed(client.get(`/Users/${people[0]}`))
        expect(read.value.status, read.value.text).to.equal(200)
        reads.push(read.ms)
      }
    }
    // In waves, so that some writes come while others have waited long; 40 are more than one batch takes.
    const waves = [0, 1_000, 2_500, 4_000].map(async (wait) => {
      await new Promise((resolve) => setTimeout(resolve, wait))
      return Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          timed(
            index % 2 === 0
              ? client.post('/Users', person(`locked-${wait}-${index}@example.com`))
              : client.patch(`/Users/${people[index % 8]}`, [activation(false)]),
          ),
        ),
      )
    })
    const [, ...answered] = await Promise.all([beat(), ...waves])
    for (const { value, ms } of answered.flat()) {
      expectUnavailable(value)
      expect(ms).to.be.below(6_000)
    }
    const slowest = Math.max(...answered.flat().map(({ ms }) => ms))
    // A wait inside SQLite would hold every answer up for seconds; machines of tests are slow, so not the slowest counts.
    expect(median(pulse), 'usual time of /livez').to.be.below(250)
    expect(median(reads), 'usual time of a read').to.be.below(250)
    await lock.release()
    const { value, ms } = await timed(client.post('/Users', person('after@example.com')))
    expect(value.status, value.text).to.equal(201)
    console.info(
      `      slowest 503 ${slowest.toFixed()} ms, /livez ${median(pulse).toFixed()} ms, ` +
        `read ${median(reads).toFixed()} ms; first write after: ${ms.toFixed()} ms`,
    )
    expect(await lookBeside(environment, troublesOf)).to.deep.equal([])
  })

  it('lets a write through that waits while the lock is released', async () => {
    lock = await holdWriteLock(environment.dataDir)
    const waiting = client.post('/Users', person('patient@example.com'))
    await eventually(async () => (await statusOf(`${environment.url}/livez`)) === 200)
    await lock.release()
    madeId(await waiting)
  })
})

onDialect('postgres', 'while the server of the store is stopped (R09)', function () {
  this.timeout(120_000)
  let cluster: OwnCluster
  let environment: GatewayEnvironment
  let gateway: GatewayProcess
  let client: ScimClient
  let id: string
  let group: string

  before(async () => {
    cluster = await startCluster()
    const { dataDir } = await freshLocation('sqlite')
    environment = await gatewayEnvironment('postgres', {
      DATABASE_URL: await createDatabase(cluster),
      ROLLCALL_DATA_DIR: dataDir,
    })
    environment = { ...environment, databaseUrl: environment.env['DATABASE_URL'] }
    await askRollcall(['migrate'], environment.env)
    gateway = await serveProcess(environment)
    client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    id = madeId(await client.post('/Users', person('before@example.com')))
    group = madeId(await client.post('/Groups', team('before')))
  })
  after(async () => {
    client.close()
    await gateway.end('SIGKILL')
    await cluster.remove()
  })

  /** Requests of every kind; what is down must never look like a bad token or a missing person. */
  function calls(): readonly Promise<Answer>[] {
    return [
      client.get('/Users?filter=userName%20eq%20%22before@example.com%22'),
      client.get(`/Users/${id}`),
      client.get('/Groups'),
      client.post('/Users', person('during@example.com')),
      client.patch(`/Users/${id}`, [activation(false)]),
      client.put(`/Users/${id}`, person('before@example.com')),
      client.delete(`/Groups/${group}`),
    ]
  }

  it('stops in the middle of load without bringing the gateway down', async () => {
    let running = true
    const statuses = new Set<number>()
    const load = Array.from({ length: 8 }, async (_, index) => {
      for (let n = 0; running; n++) {
        statuses.add((await client.post('/Users', person(`load-${index}-${n}@example.com`))).status)
      }
    })
    await eventually(() => statuses.has(201))
    await cluster.stop()
    await eventually(() => statuses.has(503))
    running = false
    await Promise.all(load)
    expect([...statuses].sort()).to.deep.equal([201, 503])
    expect(gateway.child.exitCode, gateway.output()).to.equal(null)
  })

  it('answers SCIM 503 with Retry-After within 2 s, is alive and not ready', async () => {
    const answered = await Promise.all(calls().map(timed))
    for (const { value, ms } of answered) {
      expectUnavailable(value)
      expect(ms).to.be.below(2_000)
    }
    expect(await statusOf(`${environment.url}/livez`)).to.equal(200)
    expect(await statusOf(`${environment.url}/readyz`)).to.equal(503)
  })

  it('serves again within 5 s of the server, without a restart', async () => {
    await cluster.start()
    const started = performance.now()
    await eventually(async () => (await client.get(`/Users/${id}`)).status === 200, 5_000)
    await eventually(async () => (await statusOf(`${environment.url}/readyz`)) === 200, 5_000)
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, index) => client.post('/Users', person(`again-${index}@example.com`))),
    )
    expect(statusCounts(made)).to.deep.equal({ 201: 8 })
    console.info(`      serving again after ${(performance.now() - started).toFixed()} ms`)
    expect(await lookBeside(environment, troublesOf)).to.deep.equal([])
  })
})
