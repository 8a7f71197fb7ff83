import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { forEachDialect } from '../support/databases.ts'
import { foundTenant, refusal } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

const ADDRESS = '/scim/v2'

forEachDialect('connections over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  async function scim(token: string, method: string, path: string, body?: object): Promise<Response> {
    const answer = await fetch(`${gateway.origin}${ADDRESS}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return answer
  }

  async function connect(body: object): Promise<{ id: string; token: string; tokenId: string }> {
    const answer = await admin.post('/connections', body)
    expect(answer.status, answer.text).to.equal(201)
    return answer.json as unknown as { id: string; token: string; tokenId: string }
  }

  it('are made with a token that works and is never shown again (S09)', async () => {
    const headers = { 'idempotency-key': 'connect-1' }
    const made = await admin.post('/connections', { name: 'okta' }, headers)
    const token = made.json['token'] as string
    expect((await scim(token, 'GET', '/Users')).status).to.equal(200)
    const again = await admin.post('/connections', { name: 'okta' }, headers)
    expect([again.status, again.json['token'], again.json['id']]).to.deep.equal([201, null, made.json['id']])
    const id = String(made.json['id'])
    for (const path of ['/connections', `/connections/${id}`, '/keys', '/openapi.json']) {
      expect((await admin.get(path)).text).not.to.include(token.slice(-30))
    }
    const rows = await gateway.test.connections.reader.selectFrom('kept_answer').selectAll().execute()
    expect(JSON.stringify(rows)).not.to.include(token)
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 100)
    expect(JSON.stringify(records)).not.to.include(token)
    expect(records.map(({ action }) => action).slice(-2)).to.deep.equal(['connection.create', 'token.create'])
  })

  it('rotate tokens without downtime, and end one at once', async () => {
    const { id, token, tokenId } = await connect({ name: 'rotating' })
    const next = await admin.post(`/connections/${id}/tokens`, {})
    const second = next.json['token'] as string
    expect([(await scim(token, 'GET', '/Users')).status, (await scim(second, 'GET', '/Users')).status]).to.deep.equal([
      ...[200, 200],
    ])
    expect(problemCode(await admin.post(`/connections/${id}/tokens`, {}), 409)).to.equal('token.too-many')
    expect((await admin.delete(`/connections/${id}/tokens/${tokenId}`)).status).to.equal(204)
    expect((await scim(token, 'GET', '/Users')).status).to.equal(401)
    expect((await scim(second, 'GET', '/Users')).status).to.equal(200)
    problemCode(await admin.post(`/connections/${id}/tokens`, { expires: '2020-01-01T00:00:00.000Z' }), 400)
    expect((await admin.delete(`/connections/${id}`)).status).to.equal(204)
    expect((await scim(second, 'GET', '/Users')).status).to.equal(401)
    problemCode(await admin.post(`/connections/${id}/tokens`, {}), 403)
  })

  it('obey a change of their scopes with the next request: a token for users alone writes no group (S04)', async () => {
    const { id, token } = await connect({ name: 'narrow', scopes: ['users'] })
    const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'ml' }
    expect((await scim(token, 'POST', '/Groups', group)).status).to.equal(403)
    const changed = await admin.patch(`/connections/${id}`, { scopes: ['users', 'groups'], name: 'wide' })
    expect(changed.json).to.deep.include({ name: 'wide', scopes: ['users', 'groups'], version: 2 })
    expect((await scim(token, 'POST', '/Groups', group)).status).to.equal(201)
    problemCode(await admin.patch(`/connections/${id}`, { name: 'stale' }, { 'if-match': '"1"' }), 412)
    expect(problemCode(await admin.patch(`/connections/${id}`, { name: 'OKTA' }), 409)).to.equal(
      'connection.name-taken',
    )
    expect((await admin.patch(`/connections/${id}`, {})).headers.get('etag')).to.equal('"2"')
  })

  it('are refused a trust that no JWT could, or too many would, satisfy', async () => {
    const trust = { issuer: 'http://10.0.0.1', audience: 'x' }
    const answer = await admin.post('/connections', { name: 'jwt', trust })
    expect(problemCode(answer, 400)).to.equal('invalid-value')
    expect(answer.json['errors']).to.have.length(1)
  })

  it('are given further trusts, listed with them, and rid of them, each with its record', async () => {
    const { json } = await admin.post('/connections', { name: 'jwts' })
    const path = `/connections/${json['id'] as string}/trusts`
    const trust = { issuer: 'https://login.example.com', audience: 'rollcall', pins: { tid: '1' } }
    problemCode(await admin.post(path, { ...trust, issuer: 'http://10.0.0.1' }), 400)
    const made = await admin.post(path, trust)
    expect(made.json).to.include({ issuer: trust.issuer, audience: 'rollcall', longLived: false, jwksUri: null })
    problemCode(await admin.post(path, trust), 409)
    expect((await admin.get(path)).json['items']).to.deep.equal([made.json])
    const one = `${path}/${made.json['id'] as string}`
    const other = await admin.post('/connections', { name: 'others' })
    problemCode(
      await admin.delete(`/connections/${other.json['id'] as string}/trusts/${made.json['id'] as string}`),
      404,
    )
    expect((await admin.delete(one)).status).to.equal(204)
    problemCode(await admin.delete(one), 404)
    expect((await admin.get(path)).json['items']).to.deep.equal([])
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 20)
    const actions = records.map(({ action }) => action).filter((action) => action.startsWith('trust.'))
    expect(actions).to.include.members(['trust.create', 'trust.delete'])
  })

  it('hand people over, one and all, and only then the other one may write to them', async () => {
    const { tenant } = gateway
    const okta = await tenant.connect('idp', 'from')
    const entra = await tenant.connect('idp', 'to')
    const people = []
    for (const userName of ['h1', 'h2', 'h3']) {
      const attributes = { userName }
      people.push(
        await createUser(tenant.provisioning, okta, { active: true, externalId: userName, attributes }).durable,
      )
    }
    const rename = (id: UserId): Promise<unknown> =>
      changeUser(tenant.provisioning, entra, id, {
        method: 'PATCH',
        change: (state) => ({ ...state, attributes: { ...state.attributes, title: 'x' } }),
      }).durable
    expect(await refusal(rename(people[0]!.id))).to.equal('forbidden owner.other-connection')
    const to = entra.connection!.id
    expect((await admin.put(`/users/${people[0]!.id}/owner`, { to })).json).to.deep.equal({ users: 1, groups: 0 })
    expect(await refusal(rename(people[0]!.id))).to.equal('')
    const all = await admin.post(`/connections/${okta.connection!.id}/handover`, { to })
    expect(all.json).to.deep.equal({ users: 2, groups: 0 })
    expect(await refusal(rename(people[2]!.id))).to.equal('')
    expect((await admin.get(`/users?owner=${to}`)).json['total']).to.equal(3)
    problemCode(await admin.put(`/users/${people[0]!.id}/owner`, { to: people[0]!.id }), 404)
  })

  it('take no team that was made by hand for theirs, whatever it is called, and nobody of another org into it (S15)', async () => {
    const made = await admin.post('/teams', { name: 'Admins by hand' })
    expect(made.status, made.text).to.equal(201)
    const { token } = await connect({ name: 'pushing' })
    const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'ADMINS BY HAND' }
    expect((await scim(token, 'POST', '/Groups', group)).status).to.equal(409)
    expect((await scim(token, 'DELETE', `/Groups/${String(made.json['id'])}`)).status).to.equal(403)
    expect((await admin.get(`/teams/${String(made.json['id'])}`)).json).to.include({ name: 'Admins by hand' })
    const stranger = await (await foundTenant(gateway.test)).user('stranger@example.com')
    const members = [{ value: stranger.id }]
    expect((await scim(token, 'POST', '/Groups', { ...group, displayName: 'mine', members })).status).to.equal(400)
    const mine = await scim(token, 'POST', '/Groups', { ...group, displayName: 'mine' })
    expect(mine.status).to.equal(201)
    const { id } = (await mine.json()) as { id: string }
    expect((await scim(token, 'DELETE', `/Groups/${id}`)).status).to.equal(204)
    expect((await admin.get(`/teams/${String(made.json['id'])}`)).status).to.equal(200)
  })

  it('leave a link and an admin they may not make to the admins, who confirm or reject them (S05, S30)', async () => {
    const { tenant } = gateway
    const made = await admin.post('/users', { userName: 'local@example.com', email: 'local@example.com' })
    const id = made.json['id'] as UserId
    const { id: connection, token } = await connect({ name: 'linking' })
    const patch = (path: string, value: unknown) => ({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path, value }],
    })
    const taken = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'local@example.com' }
    expect((await scim(token, 'POST', '/Users', taken)).status).to.equal(409)
    expect((await scim(token, 'PATCH', `/Users/${id}`, patch('userName', 'evil@example.com'))).status).to.equal(403)
    const links = (await admin.get('/waiting')).json['links'] as Record<string, string>[]
    expect(links.find(({ subject }) => subject === id)).to.include({
      connection,
      state: 'waiting',
      subjectType: 'user',
    })
    expect((await admin.post(`/waiting/links/${connection}/${id}/reject`, undefined)).status).to.equal(204)
    expect((await scim(token, 'PATCH', `/Users/${id}`, patch('userName', 'evil@example.com'))).status).to.equal(403)
    expect((await admin.get(`/users/${id}`)).json).to.include({ userName: 'local@example.com', owner: null })
    expect((await admin.post(`/waiting/links/${connection}/${id}/confirm`, undefined)).status).to.equal(204)
    expect((await scim(token, 'PATCH', `/Users/${id}`, patch('userName', 'new@example.com'))).status).to.equal(200)

    expect((await scim(token, 'PATCH', `/Users/${id}`, patch('roles', [{ value: 'admin' }]))).status).to.equal(200)
    expect((await admin.get(`/users/${id}`)).json).to.include({ orgRole: 'member' })
    const { admins } = (await admin.get('/waiting')).json as { admins: Record<string, string>[] }
    expect(admins.find(({ user }) => user === id)).to.include({ connection, attribute: 'roles', state: 'waiting' })
    expect((await admin.post(`/waiting/admins/${id}/confirm`, undefined)).status).to.equal(204)
    expect((await admin.get(`/users/${id}`)).json).to.include({ orgRole: 'admin' })
    problemCode(await admin.post(`/waiting/admins/${id}/confirm`, undefined), 404)
    expect(tenant.orgId).to.be.a('string')
  })

  it('warn of a single admin, of an org without one, and of connections nothing can come through', async () => {
    const other = await openAdminGateway(dialect)
    try {
      const client = other.client(await other.key('admin'))
      const codes = async (): Promise<readonly unknown[]> =>
        ((await client.get('/warnings')).json['items'] as { code: string }[]).map(({ code }) => code)
      expect(await codes()).to.deep.equal(['org.no-admin', 'connection.no-credential'])
      await client.post('/users', { userName: 'boss', orgRole: 'admin' })
      await other.scimToken()
      expect(await codes()).to.deep.equal(['org.single-admin'])
      const second = await client.post('/users', { userName: 'deputy', orgRole: 'admin' })
      expect(await codes()).to.deep.equal([])
      await client.patch(`/users/${String(second.json['id'])}`, { active: false })
      const [item] = (await client.get('/warnings')).json['items'] as Record<string, string>[]
      expect(item).to.include({ code: 'org.single-admin', userName: 'boss' })
      expect(item!['message']).to.include('boss is the only active admin')
    } finally {
      await other.close()
    }
  })

  it('fail for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
