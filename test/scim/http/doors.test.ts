import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { ERROR, fresh, idOf, makeGroup, makeUser, makeUsers, type ScimClient, USER } from './scim-client.ts'

forEachDialect('ways into the SCIM router', (dialect) => {
  let gateway: Gateway
  let client: ScimClient
  const lines = () => gateway.requestLines

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = gateway.client()
  })
  after(async () => {
    client.close()
    await gateway.close()
  })

  it('answers no spelling of a path without a credential (S10)', async () => {
    const { id } = await makeUser(client)
    const targets = ['/scim/v2', '/api/scim', '/scim'].flatMap((mount) => [
      `${mount}/Users`,
      `${mount}/Users/`,
      `${mount}/Users/${id}`,
      `${mount}/users/${id}/`,
      `${mount}/Groups`,
      `${mount}/Schemas`,
      `${mount}/ServiceProviderConfig`,
      `${mount}/./Users`,
      `${mount}/../scim/Users`,
      `${mount}//Users`,
      `${mount};x/Users`,
      `${mount}/%55sers`,
      mount.toUpperCase() + '/Users',
      `/${mount}/Users`,
      mount.replace('scim', '%73cim') + '/Users',
      `http://127.0.0.1${mount}/Users`,
    ])
    for (const target of targets) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const headers = { 'X-HTTP-Method-Override': 'GET', 'X-Original-URL': '/scim/v2/Users' }
        const answer = await client.send(method, target, { anonymous: true, headers })
        expect(answer.status, `${method} ${target}`).to.be.oneOf([401, 404])
        expect(answer.text).to.not.include(id)
      }
    }
  })

  it('ignores X-HTTP-Method-Override with a credential too', async () => {
    const { id } = await makeUser(client)
    await client.get(`/Users/${id}`, { headers: { 'X-HTTP-Method-Override': 'DELETE' } })
    expect((await client.get(`/Users/${id}`)).status).to.equal(200)
  })

  it('reads nothing of a body before the credential: malformed JSON and 3 MB are 401', async () => {
    for (const body of ['{', 'x'.repeat(3 * 1024 * 1024)])
      expect((await client.post('/Users', body, { anonymous: true })).status).to.equal(401)
  })

  it('builds locations from PUBLIC_URL and the canonical mount, never from the Host header', async () => {
    const { id } = await makeUser(client)
    const answer = await client.send('GET', `/SCIM/V2/users/${id}/`, { headers: { Host: 'evil.example' } })
    expect(answer.status).to.equal(200)
    expect(answer.json).to.have.nested.property('meta.location', `${gateway.publicUrl}/scim/v2/Users/${id}`)
  })

  it('gives every mount its own page sizes: 100 and 1,000, or 9,999 for clients of the old addresses', async () => {
    const old = client.at('/scim')
    await makeUsers(client, 101)
    expect((await client.get('/Users?attributes=id')).json).to.include({ itemsPerPage: 100 })
    const all = await old.get('/Users?attributes=id')
    expect(all.json['itemsPerPage']).to.equal(all.json['totalResults'])
    old.close()
  })

  it('answers in application/scim+json without charset whatever Accept says, and lets no cache keep it', async () => {
    for (const accept of ['text/html', 'application/xml', '*/*;q=0']) {
      const answer = await client.get('/Users?count=0', { headers: { Accept: accept } })
      expect(answer.status).to.equal(200)
      expect(answer.headers).to.include({ 'content-type': 'application/scim+json', 'cache-control': 'no-store' })
    }
  })

  it('finds a person by primary e-mail address, and refuses to choose among several', async () => {
    const address = `${fresh('mail')}@example.com`
    const emails = [{ value: address, primary: true }]
    const { id } = await makeUser(client, { emails })
    const found = await client.get(`/Users/${encodeURIComponent(address.toUpperCase())}`)
    expect([found.status, idOf(found)]).to.deep.equal([200, id])
    expect((await client.get(`/Users/${fresh('none')}@example.com`)).status).to.equal(404)
    await makeUser(client, { emails })
    const several = await client.get(`/Users/${address}`)
    expect([several.status, several.json['scimType']]).to.deep.equal([400, 'invalidValue'])
  })

  it('refuses a token whose scopes do not reach a resource type with 403', async () => {
    const usersOnly = await gateway.connect({ scopes: ['users'] })
    expect((await usersOnly.get('/Users?count=0')).status).to.equal(200)
    const answer = await usersOnly.get('/Groups')
    expect(answer.status).to.equal(403)
    expect(answer.json).to.deep.include({ schemas: [ERROR], status: '403' })
    const groupsOnly = await gateway.connect({ scopes: ['groups'] })
    expect((await groupsOnly.get('/Groups?count=0')).status).to.equal(200)
    expect((await groupsOnly.post('/Users', { schemas: [USER], userName: fresh('x') })).status).to.equal(403)
    usersOnly.close()
    groupsOnly.close()
  })

  it('shows an externalId to the connection that owns the person only (RFC 7643 §3.1)', async () => {
    const externalId = fresh('ext')
    const { id } = await makeUser(client, { externalId })
    expect((await client.get(`/Users/${id}`)).json).to.include({ externalId })
    const other = await gateway.connect({})
    expect((await other.get(`/Users/${id}`)).json).to.not.have.property('externalId')
    const filter = encodeURIComponent(`externalId eq "${externalId}"`)
    expect((await other.get(`/Users?filter=${filter}`)).json).to.include({ totalResults: 0 })
    other.close()
  })

  it('keeps the orgs of two credentials apart: ids of one are 404 for the other (S22)', async () => {
    const { id, userName } = await makeUser(client)
    const group = await makeGroup(client, [id])
    const stranger = await gateway.connect({ org: fresh('org') })
    for (const path of [`/Users/${id}`, `/Groups/${group}`]) {
      expect((await stranger.get(path)).status).to.equal(404)
      expect((await stranger.delete(path)).status).to.equal(404)
    }
    expect((await stranger.post('/Users', { schemas: [USER], userName })).status).to.equal(201)
    stranger.close()
  })

  it('tells the observer of each request: template, status, scimType and time, never a value', async () => {
    const { id } = await makeUser(client)
    await client.get(`/Users/${id}`)
    await client.get('/Users?filter=nonsense', { headers: { 'X-Request-Id': 'watched' } })
    await client.get('/Users', { anonymous: true, headers: { 'X-Request-Id': 'nobody' } })
    // The answer may reach the client before the server sees its end.
    await client.get('/ServiceProviderConfig')
    const line = lines().find(({ requestId }) => requestId === 'watched')
    expect(line).to.include({ method: 'GET', route: '/Users', status: 400, scimType: 'invalidFilter' })
    expect(line?.latencyUs).to.be.greaterThan(0)
    expect(JSON.stringify(lines())).to.not.include(id)
    expect(lines().some(({ requestId }) => requestId === 'nobody')).to.equal(false)
  })
})
