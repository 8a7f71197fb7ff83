import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { SYSTEM_ORG } from '../../src/audit/system-org.ts'
import { verifyChain } from '../../src/audit/verify.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { problemsOf } from '../support/tenant.ts'
import { ERROR, fresh, make } from './orgs.ts'
import { rareRequests, wildRequest, type WildRequest } from './requests.ts'

/** How many requests each dialect gets; the long form is ROLLCALL_FUZZ_REQUESTS=50000. */
const REQUESTS = Number(process.env['ROLLCALL_FUZZ_REQUESTS'] ?? 2_000)

const BUILT_IN = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Object, Array]

/** Every member of what all objects inherit from, with its value where it is a plain one. */
function builtIns(): readonly unknown[] {
  return BUILT_IN.map((each) =>
    Reflect.ownKeys(each).map((name) => [name, Object.getOwnPropertyDescriptor(each, name)]),
  )
}

interface WildAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/**
 * Notes when the gateway ends a connection: it sends FIN first, or a reset. One that the client itself drops does not
 * count; Node's does so after a HEAD answer without a length, whatever the server says.
 */
function watchConnection(socket: Socket, onLost: (how: string) => void): void {
  socket.once('end', () => {
    if (!socket.writableEnded) onLost('FIN')
  })
  socket.once('error', (error) => {
    onLost(error.message)
  })
}

forEachDialect('bad input of every kind', (dialect) => {
  let test: TestGateway
  let agent: Agent
  let ids: string[]
  const watched = new WeakSet<Socket>()
  /** How the gateway ended connections; each entry is one too many. */
  const lost: string[] = []

  before(async () => {
    test = await startTestGateway(dialect, { ROLLCALL_AUTH_FAILURES_PER_MINUTE: '100000' })
    agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const client = new ScimClient(test.base, test.token)
    const users = await Promise.all(
      Array.from({ length: 8 }, () =>
        make(client, '/Users', { userName: fresh('fuzz'), emails: [{ value: 'a@b.example' }] }),
      ),
    )
    const members = users.map((value) => ({ value }))
    const groups = [fresh('g'), fresh('g')].map((displayName) => make(client, '/Groups', { displayName, members }))
    ids = [...users, ...(await Promise.all(groups))]
    client.close()
  })
  after(async () => {
    agent.destroy()
    await test.stop()
  })

  function send({ method, target, headers, body }: WildRequest): Promise<WildAnswer> {
    const { hostname, port } = new URL(test.url)
    return new Promise((resolve, reject) => {
      const length =
        body === undefined ? {} : { 'content-type': 'application/scim+json', 'content-length': body.length }
      const authorization = `Bearer ${test.token}`
      const options = { hostname, port, method, agent, path: target, headers: { authorization, ...length, ...headers } }
      const outgoing = httpRequest(options, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text })
        })
      })
      outgoing.on('socket', (socket: Socket) => {
        if (watched.has(socket)) return
        watched.add(socket)
        watchConnection(socket, (how) => lost.push(how))
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  /** No failure of ours, the right form of error, nothing of the engine's own words. */
  function expectSound({ method, target }: WildRequest, { status, headers, text }: WildAnswer): void {
    expect(status, text).to.be.within(200, 501).and.not.equal(500)
    if (status < 400) return
    expect(text).to.not.match(
      /SQLITE|\bpg_|violates|syntax error at|is not a function|Cannot read|\bat \S+ \(|node:internal/,
    )
    const path = target.split('?')[0]!.toLowerCase()
    if (!/^\/(api\/)?scim(\/|$)/.test(path)) return
    expect(headers['content-type']).to.equal('application/scim+json')
    if (method === 'HEAD') return
    const body = JSON.parse(text) as Record<string, unknown>
    expect(body).to.deep.include({ schemas: [ERROR], status: String(status) })
    expect(body['detail']).to.be.a('string').and.not.equal('')
  }

  it(`gets a good answer to each of ${REQUESTS} wild requests over one connection, and changes nothing else (S45)`, async function () {
    this.timeout(60_000 + REQUESTS * 60)
    const before = builtIns()
    const warnings: string[] = []
    const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`)
    process.on('warning', onWarning)
    const seen = new Map<number, number>()
    let last = ''
    await fc.assert(
      fc.asyncProperty(wildRequest(ids), async (wild) => {
        const answer = await send(wild)
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
        expectSound(wild, answer)
        expect(lost, `the gateway ended the connection after ${last}`).to.deep.equal([])
        expect(answer.headers.connection).to.equal('keep-alive')
        last = `${wild.method} ${wild.target} ${JSON.stringify(wild.headers)}: ${answer.status}`
        expect(builtIns(), 'prototypes').to.deep.equal(before)
      }),
      { numRuns: REQUESTS, examples: rareRequests().map((wild): [WildRequest] => [wild]) },
    )
    expect(lost, `the gateway ended the connection after ${last}`).to.deep.equal([])
    process.off('warning', onWarning)
    expect(warnings, 'warnings of the engine').to.deep.equal([])
    // A generator that only ever misses would prove nothing.
    for (const status of [200, 201, 204, 400, 401, 404, 405, 413, 415])
      expect(seen.get(status), `answers of status ${status}`).to.be.above(0)
    const { connections, store } = test.gateway.opened
    for (const { id } of await store.reads.orgs.list())
      expect(await problemsOf({ connections, store }, id)).to.deep.equal([])
    expect((await verifyChain(store.reads.records, SYSTEM_ORG)).finding).to.equal(undefined)
    const client = new ScimClient(test.base, test.token)
    expect((await client.get('/Users?count=1000')).status).to.equal(200)
    expect((await client.get('/Groups?count=1000')).status).to.equal(200)
    client.close()
  })
})
