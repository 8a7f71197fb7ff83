import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../scim/http/scim-client.ts'
import { GROUP, USER } from './orgs.ts'

const EACH = 60

const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** A socket that says so much and then a byte now and then, and what it was answered before it was closed. */
async function slowClient(port: number, head: string, byte: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  // Writing into a connection that the server closed may end in a reset.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(head)
  const drip = setInterval(() => {
    if (socket.writable) socket.write(byte)
  }, 100)
  await once(socket, 'close')
  clearInterval(drip)
  return answer
}

describe('a client that takes its time (S36)', function () {
  this.timeout(60_000)
  let test: TestGateway
  let port: number

  before(async () => {
    test = await startTestGateway('sqlite', { ROLLCALL_REQUEST_TIMEOUT_MS: '1000' })
    port = Number(new URL(test.url).port)
  })
  after(() => test.stop())

  it('is closed with 408, headers or body, while idle connections stay and others are served (CWE-400)', async () => {
    const idle: Socket[] = Array.from({ length: EACH }, () => connect(port, '127.0.0.1'))
    await Promise.all(idle.map((socket) => once(socket, 'connect')))
    const request = (method: string) => `${method} /scim/v2/Users HTTP/1.1\r\nHost: gateway\r\n`
    const body = [
      `Authorization: Bearer ${test.token}`,
      'Content-Type: application/scim+json',
      'Content-Length: 100000',
      '',
      '{',
    ].join('\r\n')
    let done = false
    const slow = Promise.all([
      ...Array.from({ length: EACH }, () => slowClient(port, `${request('GET')}X-Slow: `, 'x')),
      ...Array.from({ length: EACH }, () => slowClient(port, `${request('POST')}${body}`, ' ')),
    ]).finally(() => (done = true))
    const healthy = new ScimClient(test.url, test.token)
    const statuses = new Set<number>()
    while (!done) statuses.add((await healthy.get('/Users?count=1')).status)
    healthy.close()
    expect([...statuses]).to.deep.equal([200])
    for (const answer of await slow) expect(answer).to.match(/^HTTP\/1\.1 408 /)
    expect(idle.filter((socket) => socket.destroyed || socket.readyState !== 'open')).to.deep.equal([])
    for (const socket of idle) socket.destroy()
  })
})

forEachDialect('requests as large as they may be, and larger (S36)', function (dialect) {
  let test: TestGateway
  let client: ScimClient

  before(async () => {
    test = await startTestGateway(dialect)
    client = new ScimClient(test.url, test.token)
    await client.post('/Users', { schemas: [USER], userName: 'first@example.com' })
  })
  after(async () => {
    client.close()
    await test.stop()
  })

  const names = Array.from({ length: 10_000 }, (_, n) => `a${n % 10}`)
  const members = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `nobody-${n}` }))
  const operations = (count: number) => Array.from({ length: count }, () => ({ op: 'remove', path: 'title' }))
  const ring = (count: number) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ method: 'POST', path: '/Groups', bulkId: `g${n}` },
      data: { schemas: [GROUP], displayName: `ring ${n}`, members: [{ value: `bulkId:g${(n + 1) % count}` }] },
    }))
  const filter = (text: string) => `/Users?filter=${encodeURIComponent(text)}`

  interface Large {
    readonly title: string
    readonly method: 'GET' | 'POST' | 'PATCH'
    readonly path: string
    readonly body?: object
    readonly wanted: readonly [status: number, scimType?: string]
  }

  const LARGE: readonly Large[] = [
    { title: 'a count of a thousand millions', method: 'GET', path: '/Users?count=1000000000', wanted: [200] },
    {
      title: 'a count that is no whole number',
      method: 'GET',
      path: '/Users?count=1e9',
      wanted: [400, 'invalidValue'],
    },
    { title: 'a startIndex of 2^53', method: 'GET', path: '/Users?startIndex=9007199254740992', wanted: [200] },
    { title: 'ten thousand attributes', method: 'GET', path: `/Users?attributes=${names.join(',')}`, wanted: [200] },
    {
      ...{ title: 'ten thousand attributes of a search', method: 'POST', path: '/.search' },
      ...{ body: { schemas: [SEARCH], attributes: names, count: 1_000_000_000 }, wanted: [200] },
    },
    {
      title: 'a filter of 9 KiB',
      method: 'GET',
      path: filter(`title eq "${'x'.repeat(9_000)}"`),
      wanted: [400, 'invalidFilter'],
    },
    {
      ...{ title: 'a filter of 201 terms', method: 'GET', wanted: [400, 'invalidFilter'] },
      path: filter(Array.from({ length: 201 }, () => 'title pr').join(' or ')),
    },
    {
      ...{ title: 'a filter of 200 terms', method: 'GET', wanted: [200] },
      path: filter(Array.from({ length: 200 }, (_, n) => `title co "${n}"`).join(' or ')),
    },
    {
      ...{ title: 'a filter nested 2,000 deep', method: 'GET', wanted: [400, 'invalidFilter'] },
      path: filter(`${'('.repeat(2_000)}title pr${')'.repeat(2_000)}`),
    },
    { title: 'an address of 40 KiB', method: 'GET', path: `/Users?x=${'x'.repeat(40_000)}`, wanted: [414] },
    {
      ...{ title: 'a person of 3 MB', method: 'POST', path: '/Users', wanted: [413] },
      body: { schemas: [USER], userName: 'large@example.com', x: 'x'.repeat(3_000_000) },
    },
    {
      ...{ title: '1,001 operations of a PATCH', method: 'PATCH', path: '/Users/ID', wanted: [413] },
      body: { schemas: [PATCH], Operations: operations(1_001) },
    },
    {
      ...{ title: '20,001 members', method: 'POST', path: '/Groups', wanted: [413] },
      body: { schemas: [GROUP], displayName: 'many', members: members(20_001) },
    },
    {
      ...{ title: '20,000 members whom nobody has', method: 'POST', path: '/Groups', wanted: [400, 'invalidValue'] },
      body: { schemas: [GROUP], displayName: 'many', members: members(20_000) },
    },
    {
      ...{ title: '1,001 operations of a Bulk request', method: 'POST', path: '/Bulk', wanted: [413] },
      body: { schemas: [BULK], Operations: ring(1_001) },
    },
    {
      ...{ title: 'a circle of 1,000 operations', method: 'POST', path: '/Bulk', wanted: [200] },
      body: { schemas: [BULK], Operations: ring(1_000) },
    },
  ]

  async function sendAll(): Promise<void> {
    const [first] = ((await client.get('/Users?count=1')).json['Resources'] ?? []) as { id: string }[]
    for (const { title, method, path, body, wanted } of LARGE) {
      const target = `/scim/v2${path.replace('/ID', () => `/${first!.id}`)}`
      const { status, json } = await client.send(method, target, body === undefined ? {} : { body })
      expect([status, ...(wanted.length === 1 ? [] : [json['scimType']])], title).to.deep.equal(wanted)
      const resources = (json['Resources'] ?? []) as object[]
      expect(resources.length, title).to.be.at.most(1_000)
    }
  }

  it('are answered or refused with a status that says so, again and again, in memory that does not grow (S20, S36)', async function () {
    this.timeout(120_000)
    await sendAll()
    const before = process.memoryUsage().rss
    for (let round = 0; round < 4; round++) await sendAll()
    expect((process.memoryUsage().rss - before) / 1_048_576, 'MiB more').to.be.below(200)
    const { json } = await client.get('/Groups?count=0')
    expect(json, 'a circle that is too large makes nothing').to.include({ totalResults: 0 })
  })

  it('leave the circle with 409 for each of its operations (RFC 7644 §3.7.2)', async () => {
    const answer = await client.post('/Bulk', { schemas: [BULK], Operations: ring(1_000) })
    const statuses = new Set((answer.json['Operations'] as { status: string }[]).map(({ status }) => status))
    expect([...statuses]).to.deep.equal(['409'])
  })

  it('do not keep a good credential out once bad ones are answered 429', async () => {
    const bad = { anonymous: true, headers: { authorization: 'Bearer wrong' } }
    const statuses: number[] = []
    for (let n = 0; n < 40; n++) statuses.push((await client.get('/Users', bad)).status)
    expect([...new Set(statuses)]).to.deep.equal([401, 429])
    expect((await client.get('/Users?count=1')).status).to.equal(200)
  })
})
