import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { lookBeside, onDialect, troublesOf } from './beside.ts'
import { madeId, person } from './resources.ts'
import { holdWriteLock } from './write-lock.ts'
import { eventually } from './waiting.ts'

const CLIENTS = 12

/** What the clients saw from start to end. */
interface Seen {
  readonly answers: Answer[]
  /** Names in requests that got no answer. */
  readonly unanswered: string[]
  /** Errors of those requests, but for connections that were refused. */
  readonly broken: string[]
}

/** Writes one after another on kept-alive connections until new connections are refused. */
async function writeUntilRefused(url: string, token: string, name: string, seen: Seen): Promise<void> {
  const client = new ScimClient(url, token)
  for (let n = 0; ; n++) {
    const userName = `${name}-${n}@example.com`
    try {
      seen.answers.push(await client.post('/Users', person(userName)))
    } catch (error) {
      const code = String((error as NodeJS.ErrnoException).code)
      seen.unanswered.push(userName)
      if (code !== 'ECONNREFUSED') seen.broken.push(code)
      client.close()
      return
    }
  }
}

async function statusOf(url: string): Promise<number | 'refused'> {
  return fetch(url).then(
    ({ status }) => status,
    () => 'refused',
  )
}

forEachDialect('stopping (R07)', (dialect) => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess

  before(async () => {
    environment = await gatewayEnvironment(dialect)
    gateway = await serveProcess(environment)
  })
  after(async () => {
    await gateway.end('SIGKILL')
  })

  it('answers all that was sent, says Connection: close, is not ready at once, and ends with 0 within 10 s', async () => {
    const seen: Seen = { answers: [], unanswered: [], broken: [] }
    const base = `${environment.url}/scim/v2`
    const clients = Array.from({ length: CLIENTS }, (_, index) =>
      writeUntilRefused(base, environment.token, `drained-${index}`, seen),
    )
    await eventually(() => seen.answers.length > 3 * CLIENTS)
    const started = performance.now()
    const ended = gateway.end('SIGTERM')
    const ready: (number | 'refused')[] = []
    await eventually(async () => {
      ready.push(await statusOf(`${environment.url}/readyz`))
      return ready.at(-1) === 'refused'
    })
    expect(await ended, gateway.output()).to.equal(0)
    expect(performance.now() - started).to.be.below(10_000)
    await Promise.all(clients)
    expect(seen.broken).to.deep.equal([])
    expect([...new Set(seen.answers.map(({ status }) => status))]).to.deep.equal([201])
    expect(seen.answers.filter(({ headers }) => headers['connection'] === 'close')).to.have.length.at.least(CLIENTS)
    // The signal and the first question race; from the first 503 on there is no way back.
    expect(ready).to.include(503)
    expect(ready.slice(ready.indexOf(503))).not.to.include(200)
    await lookBeside(environment, async (test, orgId) => {
      for (const answer of seen.answers) {
        expect(await test.store.reads.users.find(orgId, madeId(answer) as never)).not.to.equal(undefined)
      }
      const { reader } = test.connections
      const cut = reader.selectFrom('user').select('username').where('username', 'in', seen.unanswered)
      expect(await cut.execute(), 'done and not answered').to.deep.equal([])
      expect(await troublesOf(test, orgId)).to.deep.equal([])
    })
  })
})

onDialect('sqlite', 'stopping (R07)', () => {
  it('leaves the write-ahead log empty and the store marked as closed', async () => {
    const environment = await gatewayEnvironment('sqlite')
    const gateway = await serveProcess(environment)
    const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    madeId(await client.post('/Users', person('checkpointed@example.com')))
    client.close()
    expect(await gateway.end('SIGTERM')).to.equal(0)
    const wal = join(environment.dataDir, 'rollcall.db-wal')
    expect(existsSync(wal) ? statSync(wal).size : 0).to.equal(0)
    const again = await serveProcess({ ...environment, env: { ...environment.env, LOG_LEVEL: 'warn' } })
    expect(await again.end('SIGTERM')).to.equal(0)
    expect(again.output()).not.to.match(/did not stop cleanly/)
  })

  it('cuts what is left when told a second time', async () => {
    const environment = await gatewayEnvironment('sqlite')
    const gateway = await serveProcess(environment)
    const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    // A write that waits for another process's lock is a request in flight.
    const lock = await holdWriteLock(environment.dataDir)
    const waiting = client.post('/Users', person('cut@example.com')).catch((error: NodeJS.ErrnoException) => error.code)
    await eventually(async () => (await statusOf(`${environment.url}/livez`)) === 200)
    gateway.child.kill('SIGTERM')
    await eventually(async () => (await statusOf(`${environment.url}/readyz`)) === 'refused')
    const started = performance.now()
    gateway.child.kill('SIGTERM')
    expect(await waiting).to.equal('ECONNRESET')
    expect(performance.now() - started).to.be.below(1_000)
    await lock.release()
    expect(await gateway.exited).to.equal(0)
    client.close()
  })
})
