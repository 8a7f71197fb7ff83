import { expect } from 'chai'
import { CompiledQuery } from 'kysely'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { lookBeside, troublesOf } from './beside.ts'
import { add, madeId, person, team, versionOf } from './resources.ts'
import { eventually } from './waiting.ts'

/** Loaded into the gateway's process: a signal plants the mistake that no code of ours should make. */
const MISTAKES = `
  process.on('SIGUSR2', () => { void Promise.reject(new Error('planted rejection')) })
  process.on('SIGWINCH', () => { setImmediate(() => { throw new Error('planted exception') }) })`

forEachDialect('a mistake in our own code (R23)', (dialect) => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess
  let client: ScimClient

  beforeEach(async () => {
    environment = await gatewayEnvironment(dialect, {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(MISTAKES)}`,
    })
    gateway = await serveProcess(environment)
    client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
  })
  afterEach(async () => {
    client.close()
    await gateway.end('SIGKILL')
  })

  async function execute(text: string): Promise<void> {
    await lookBeside(environment, (test) => test.connections.writer.executeQuery(CompiledQuery.raw(text)))
  }

  it('is answered 500 with the request id and nothing else, leaves nothing half-done, and serving goes on', async () => {
    const id = madeId(await client.post('/Users', person('whole@example.com')))
    const group = madeId(await client.post('/Groups', team('whole')))
    // A table that is not there is no outage: it is what a wrong statement in the code looks like.
    await execute('ALTER TABLE team_membership RENAME TO elsewhere')
    const broken = [
      await client.patch(`/Groups/${group}`, [add(id)], { 'x-request-id': 'probe-1' }),
      await client.post('/Groups', team('half', { members: [{ value: id }] })),
      await client.delete(`/Users/${id}`),
    ]
    for (const answer of broken) {
      expect(answer.status, answer.text).to.equal(500)
      expect(answer.headers['content-type']).to.match(/^application\/scim\+json/)
      expect(answer.body['detail']).to.contain(answer.headers['x-request-id'])
      expect(answer.text).not.to.match(/team_membership|elsewhere|SELECT|\bat /i)
    }
    expect((await client.get('/Groups?filter=displayName%20eq%20%22half%22')).body['totalResults']).to.equal(0)
    await execute('ALTER TABLE elsewhere RENAME TO team_membership')
    expect((await client.patch(`/Groups/${group}`, [add(id)])).status).to.equal(200)
    expect(gateway.child.exitCode).to.equal(null)
    expect(await lookBeside(environment, troublesOf)).to.deep.equal([])
  })

  for (const [mistake, signal] of [
    ['an unhandled rejection', 'SIGUSR2'],
    ['an uncaught exception', 'SIGWINCH'],
  ] as const) {
    it(`as ${mistake} ends the process with 1 under load; a fresh one has all that was acknowledged`, async () => {
      const acknowledged: Answer[] = []
      const load = Array.from({ length: 8 }, async (_, index) => {
        for (let n = 0; ; n++) {
          const sent = client.post('/Users', person(`crash-${index}-${n}@example.com`))
          const answer = await sent.catch(() => undefined)
          if (answer === undefined) return
          acknowledged.push(answer)
        }
      })
      await eventually(() => acknowledged.length > 16)
      gateway.child.kill(signal)
      // The supervisor: sees the status, starts another.
      expect(await gateway.exited).to.equal(1)
      await Promise.all(load)
      gateway = await serveProcess(environment)
      for (const answer of acknowledged) {
        const read = await client.get(`/Users/${madeId(answer)}`)
        expect([read.status, versionOf(read)]).to.deep.equal([200, versionOf(answer)])
      }
      expect(await lookBeside(environment, troublesOf)).to.deep.equal([])
    })
  }
})
