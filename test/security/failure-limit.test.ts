import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { addTokenTo, basic, ERROR, openAccess, textOf } from './orgs.ts'

forEachDialect('the limit on failed credentials', (dialect) => {
  let test: TestGateway
  let client: ScimClient

  async function start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    test = await startTestGateway(dialect, more)
    client = new ScimClient(test.base)
  }
  afterEach(async () => {
    client.close()
    await test.stop()
  })

  const fail = (headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    client.get('/Users', { authorization: 'Bearer wrong', ...headers })
  const good = (): Promise<Answer> => client.get('/Users?count=0', { authorization: `Bearer ${test.token}` })

  function expectLimited({ status, headers, body }: Answer): void {
    expect(status).to.equal(429)
    expect(Number(headers['retry-after'])).to.be.within(1, 60)
    expect(headers['content-type']).to.equal('application/scim+json')
    expect(headers).to.not.have.property('www-authenticate')
    expect(body).to.deep.include({ schemas: [ERROR], status: '429' })
    expect(body['detail'])
      .to.be.a('string')
      .and.match(/try again/i)
  }

  it('is 20 a minute and source by default, then 429 with Retry-After in SCIM form (S37, RFC 6585 §4)', async () => {
    await start()
    for (let i = 1; i <= 20; i++) expect((await fail()).status, `failure ${i}`).to.equal(401)
    expectLimited(await fail())
  })

  it('never keeps a valid credential out, of whatever kind, from a source that is over it (S37)', async () => {
    await start({ ROLLCALL_AUTH_FAILURES_PER_MINUTE: '5' })
    const { connection, token } = await openAccess(test.gateway)
    const { token: second } = await addTokenTo(test.gateway, connection)
    for (let i = 0; i < 30; i++) await fail()
    expectLimited(await fail())
    const grant = await new ScimClient(test.url).call('oauth/token', {
      ...{ method: 'POST', rawBody: 'grant_type=client_credentials' },
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(connection.id, second) },
    })
    expect(grant.status).to.equal(200)
    const ways = [`Bearer ${token}`, basic('u', second), `Bearer ${textOf(grant, 'access_token')}`]
    for (const authorization of ways)
      expect((await client.get('/Users?count=0', { authorization })).status).to.equal(200)
    for (let i = 0; i < 10; i++) expect((await good()).status).to.equal(200)
    expectLimited(await fail())
  })

  it('does not count what was good, and holds at the number that was set (S37)', async () => {
    await start({ ROLLCALL_AUTH_FAILURES_PER_MINUTE: '3' })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) expect((await good()).status).to.equal(200)
      statuses.push((await fail()).status)
    }
    expect(statuses).to.deep.equal([401, 401, 401, 429, 429])
  })

  it('counts every way to fail together: no credential, Basic, a forged JWT, /oauth/token (S37)', async () => {
    await start({ ROLLCALL_AUTH_FAILURES_PER_MINUTE: '4' })
    const root = new ScimClient(test.url)
    const grant = (): Promise<Answer> =>
      root.call('oauth/token', {
        ...{ method: 'POST', rawBody: 'grant_type=client_credentials&client_id=x&client_secret=y' },
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    const statuses = [
      await client.get('/Users'),
      await client.get('/Groups', { authorization: basic('u', 'wrong') }),
      await client.post('/Users', {}, { authorization: 'Bearer aaaa.bbbb.cccc' }),
      await grant(),
    ].map(({ status }) => status)
    expect(statuses).to.deep.equal([401, 401, 401, 401])
    expectLimited(await fail())
    const limited = await grant()
    expect([limited.status, limited.body['error']]).to.deep.equal([429, 'temporarily_unavailable'])
    expect(Number(limited.headers['retry-after'])).to.be.within(1, 60)
    root.close()
  })

  it('counts the socket address: X-Forwarded-For gives no fresh start without TRUST_PROXY (S37, S44)', async () => {
    await start({ ROLLCALL_AUTH_FAILURES_PER_MINUTE: '3' })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++)
      statuses.push((await fail({ 'x-forwarded-for': `203.0.113.${i}`, forwarded: `for=203.0.113.${i}` })).status)
    expect(statuses).to.deep.equal([401, 401, 401, 429, 429])
  })

  it('counts the client behind a trusted proxy: one that fails does not limit another (S37, S44)', async () => {
    await start({ ROLLCALL_AUTH_FAILURES_PER_MINUTE: '3', TRUST_PROXY: 'loopback' })
    const from = (ip: string): Promise<Answer> => fail({ 'x-forwarded-for': ip })
    for (let i = 0; i < 3; i++) expect((await from('203.0.113.1')).status).to.equal(401)
    expectLimited(await from('203.0.113.1'))
    expectLimited(await from('198.51.100.7, 203.0.113.1'))
    expect((await from('203.0.113.2')).status).to.equal(401)
    for (let i = 0; i < 3; i++) expect((await from(`2001:db8::${i}`)).status, 'a /64 is one source').to.equal(401)
    expectLimited(await from('2001:db8::ffff'))
  })
})
