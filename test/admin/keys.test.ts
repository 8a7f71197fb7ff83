import { expect } from 'chai'
import { mintToken } from '../../src/auth/token.ts'
import { type KeyId, newId, type UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { createKey } from '../../src/provisioning/api-keys.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { forEachDialect } from '../support/databases.ts'
import { foundTenant, operation } from '../support/tenant.ts'
import { type AdminGateway, ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('keys of the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  async function person(userName: string, more: object = {}): Promise<UserId> {
    const made = await admin.post('/users', { userName, ...more })
    expect(made.status, made.text).to.equal(201)
    return made.json['id'] as UserId
  }

  it('are made, listed without their text, and end at once, each with its record', async () => {
    const made = await admin.post('/keys', { name: 'nightly', scope: 'auditor' })
    expect(made.status, made.text).to.equal(201)
    const key = made.json['key'] as string
    const mine = gateway.client(key)
    expect((await mine.get('/me')).json).to.deep.include({ isOrgAdmin: false, isAuditor: true, user: null })
    const listed = await mine.get('/keys')
    expect(listed.text).to.include(made.json['id']).and.not.to.include(key)
    expect((await admin.delete(`/keys/${String(made.json['id'])}`)).status).to.equal(204)
    problemCode(await mine.get('/me'), 401)
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 2)
    expect(records.map(({ action }) => action)).to.deep.equal(['key.create', 'key.revoke'])
    for (const wrong of [{ name: 'x' }, { name: 'x', scope: 'admin', user: newId(Date.now()) }]) {
      expect(problemCode(await admin.post('/keys', wrong), 400)).to.equal('invalid-value')
    }
    problemCode(await admin.post('/keys', { name: 'x', user: newId(Date.now()) }), 404)
  })

  it('stop at the time they were given', async () => {
    const id = newId<KeyId>(Date.now())
    const { text, secretHash } = mintToken(id)
    const draft = { id, secretHash, scope: 'admin', user: undefined, name: 'short', origin: 'minted' } as const
    const made = createKey(gateway.tenant.provisioning, operation(), gateway.tenant.orgId, { ...draft, expires: 1 })
    await made.durable
    problemCode(await gateway.client(text).get('/me'), 401)
  })

  it('of a person may what the person may now: org role, auditor, billing admin, active', async () => {
    const id = await person('changing@example.com')
    const mine = gateway.client(await gateway.key('user', id))
    problemCode(await mine.get('/users'), 403)
    await admin.put(`/users/${id}/rights/auditor`, { on: true })
    expect((await mine.get('/users')).status).to.equal(200)
    expect((await mine.get('/keys')).status).to.equal(200)
    problemCode(await mine.post('/users', { userName: 'x' }), 403)
    problemCode(await mine.patch(`/users/${id}`, { orgRole: 'admin' }), 403)
    await admin.put(`/users/${id}/rights/auditor`, { on: false })
    problemCode(await mine.get('/users'), 403)
    await admin.put(`/users/${id}/rights/billingAdmin`, { on: true })
    expect((await mine.get('/me')).json).to.include({ isBillingAdmin: true, isOrgAdmin: false })
    await admin.patch(`/users/${id}`, { orgRole: 'admin' })
    expect((await mine.get('/users')).status).to.equal(200)
    await person('deputy@example.com', { orgRole: 'admin' })
    await admin.patch(`/users/${id}`, { active: false })
    problemCode(await mine.get('/me'), 401)
    await admin.delete(`/users/${id}`)
    problemCode(await mine.get('/me'), 401)
  })

  it('make orgs for operators alone, each with an admin key that sees that org and no other', async () => {
    problemCode(await admin.post('/orgs', { name: 'acme' }), 403)
    problemCode(await admin.post('/keys', { name: 'x', scope: 'operator' }), 403)
    const operator = gateway.client(await gateway.key('operator'))
    const headers = { 'idempotency-key': 'org-1' }
    const made = await operator.post('/orgs', { name: 'acme' }, headers)
    expect(made.status, made.text).to.equal(201)
    const again = await operator.post('/orgs', { name: 'acme' }, headers)
    expect(again.json).to.deep.equal({ ...made.json, adminKey: null })
    expect(problemCode(await operator.post('/orgs', { name: 'ACME' }), 409)).to.equal('org.name-taken')
    const theirs = gateway.client(made.json['adminKey'] as string)
    expect((await theirs.get('/org')).json).to.include({ id: made.json['id'], name: 'acme' })
    expect((await theirs.get('/users')).json['total']).to.equal(0)
    expect((await theirs.patch('/org', { name: 'Acme Inc' })).json).to.include({ name: 'Acme Inc' })
    const names = (await operator.get('/orgs')).json['items'] as { name: string }[]
    expect(names.map(({ name }) => name)).to.include('Acme Inc')
    problemCode(await theirs.get('/orgs'), 403)
  })

  it('of a service account make no keys, and say whom they act for in every record (S30)', async () => {
    const { provisioning, orgId, idp } = gateway.tenant
    await createGroup(provisioning, idp, { displayName: 'bots', externalId: undefined, members: [] }).durable
    const account = await createUser(
      provisioning,
      { ...idp, connection: undefined },
      {
        ...{ active: true, externalId: undefined, attributes: { userName: 'bot' } },
        wishes: [
          { kind: 'account_type', value: 'SERVICE' },
          { kind: 'default_team', teamName: 'bots' },
        ],
      },
    ).durable
    const bot = gateway.client(await gateway.key('user', account.id))
    expect((await bot.get('/me')).json).to.include({ isService: true, isOrgAdmin: false })
    problemCode(await bot.post('/keys', { name: 'more', user: account.id }), 403)
    problemCode(await bot.post('/connections', { name: 'more' }), 403)
    const ann = await person('acted-for@example.com')
    const header = { 'rollcall-on-behalf-of': ann }
    expect((await bot.get('/me', { headers: header })).status).to.equal(200)
    const stranger = await (await foundTenant(gateway.test)).user('stranger')
    for (const nobody of [stranger.id, newId(Date.now()), 'ann']) {
      problemCode(await bot.get('/me', { headers: { 'rollcall-on-behalf-of': nobody } }), 400)
    }
    problemCode(await admin.get('/me', { headers: header }), 403)
    expect(orgId).to.be.a('string')
  })

  it('leave who acted in the record: a person by their id, with the key', async () => {
    const id = await person('actor@example.com', { orgRole: 'admin' })
    const mine = gateway.client(await gateway.key('user', id))
    await mine.post('/users', { userName: 'made-by-actor' })
    const [record] = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1)
    const body = JSON.parse(record!.body) as { actor: JsonObject; request: JsonObject }
    expect(body.actor).to.include({ type: 'user', id })
    expect(body.actor['tokenId']).to.be.a('string')
    expect(body.request).to.include({ method: 'POST', route: '/api/v1/users' })
  })

  it('keep one org admin whatever fifty requests at once take away (S16)', async () => {
    const tenant = await foundTenant(gateway.test)
    const client = gateway.client(await gateway.key('admin', undefined, tenant.orgId))
    const admins: string[] = []
    for (let n = 0; n < 10; n++) {
      const made = await client.post('/users', { userName: `admin-${n}`, orgRole: 'admin' })
      admins.push(String(made.json['id']))
    }
    const takes = [
      (id: string) => client.patch(`/users/${id}`, { orgRole: 'member' }),
      (id: string) => client.patch(`/users/${id}`, { active: false }),
      (id: string) => client.delete(`/users/${id}`),
      (id: string) => client.patch(`/users/${id}`, { orgRole: null }),
      (id: string) => client.patch(`/users/${id}`, { orgRole: 'viewer' }),
    ]
    const answers = await Promise.all(takes.flatMap((take) => admins.map((id) => take(id))))
    expect(answers.filter(({ json }) => json['code'] === 'admin.last').length).to.be.greaterThan(0)
    for (const { status } of answers) expect(status).to.be.oneOf([200, 204, 404, 409])
    const left = await client.get('/users?orgRole=admin&status=active')
    expect(left.json['total']).to.equal(1)
  })

  it('answer HEAD as GET without a body, OPTIONS with what there is, and other methods with 405', async () => {
    const head = await admin.send('HEAD', '/org')
    expect([head.status, head.text]).to.deep.equal([200, ''])
    const options = await admin.send('OPTIONS', '/users')
    expect([options.status, options.headers.get('allow')]).to.deep.equal([204, 'GET, POST, HEAD, OPTIONS'])
    const wrong = await admin.send('PUT', '/users')
    problemCode(wrong, 405)
    expect(wrong.headers.get('allow')).to.equal('GET, POST, HEAD, OPTIONS')
    problemCode(await admin.get('/nowhere'), 404)
    problemCode(await admin.get('/users/%zz'), 400)
  })

  it('are needed for everything but the document and its page, which load nothing', async () => {
    const nobody = new ApiClient(gateway.origin, undefined)
    const document = (await nobody.get('/openapi.json')).json as { openapi: string; servers: { url: string }[] }
    expect(document.openapi).to.equal('3.1.0')
    expect(document.servers).to.deep.equal([{ url: 'https://scim.example/api/v1' }])
    const page = await nobody.get('/docs')
    expect(page.headers.get('content-type')).to.match(/^text\/html/)
    expect(page.headers.get('content-security-policy')).to.match(/^default-src 'none'; style-src 'sha256-/)
    expect(page.text)
      .to.include('/api/v1/users/{user}')
      .and.not.to.match(/<script|src=|href="http/)
    problemCode(await nobody.get('/nowhere'), 401)
  })

  it('fail for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
