import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { pair, providerOf } from '../support/sign-ins.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('ways to sign in over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  const config = { issuer: 'https://okta.example', clientId: 'c-1' }
  const made = async (name: string, more: object = {}): Promise<string> => {
    const answer = await admin.post('/signin-providers', { kind: 'oidc', name, config, ...more })
    expect(answer.status, answer.text).to.equal(201)
    return answer.json['id'] as string
  }
  const bodies = async (): Promise<string> =>
    (await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 100)).map(({ body }) => body).join('\n')

  it('S42: a secret goes in and never comes out: of no answer, record or row can it be read', async () => {
    const secret = 'canary-of-a-client-secret'
    const id = await made('Okta', { secret })
    const list = await admin.get('/signin-providers')
    expect(list.text).to.contain('"hasSecret":true').and.not.contain('canary')
    expect(await bodies())
      .to.contain('"provider.create"')
      .and.not.contain('canary')
    const row = await gateway.test.connections.reader
      .selectFrom('signin_provider')
      .select('secret')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(Buffer.from(row.secret!).toString('utf8')).not.to.contain('canary')
    const forgotten = await admin.patch(`/signin-providers/${id}`, { secret: null })
    expect(forgotten.json['hasSecret']).to.equal(false)
  })

  it('is made, shown in full, changed under its version and ended', async () => {
    const id = await made('Entra', { config: { ...config, claims: { externalId: 'oid' }, scopes: ['openid', 'api'] } })
    type Shown = { readonly id: string; readonly config: Readonly<Record<string, unknown>> }
    const items = (await admin.get('/signin-providers')).json['items'] as readonly Shown[]
    const shown = items.find((one) => one.id === id)!
    expect(shown.config).to.deep.include({ clientAuth: 'basic', scopes: ['api'], trustEmail: false, groups: false })
    expect(shown.config['claims']).to.deep.include({ externalId: 'oid', userName: 'preferred_username' })
    const changed = await admin.patch(`/signin-providers/${id}`, { enabled: false })
    expect(changed.json).to.deep.include({ enabled: false, version: 2 })
    expect((await admin.patch(`/signin-providers/${id}`, { enabled: false })).json['version']).to.equal(2)
    expect((await admin.delete(`/signin-providers/${id}`)).status).to.equal(204)
    problemCode(await admin.patch(`/signin-providers/${id}`, { enabled: true }), 404)
  })

  it('S27: refuses an issuer within this network, what is no setting, and a name that is taken', async () => {
    await made('Taken')
    const post = (more: object) => admin.post('/signin-providers', { kind: 'oidc', name: 'New', config, ...more })
    problemCode(await post({ name: 'TAKEN' }), 409)
    for (const issuer of ['http://127.0.0.1', 'https://[::1]', 'https://169.254.169.254', 'https://2130706433', 'x']) {
      problemCode(await post({ config: { ...config, issuer } }), 400)
    }
    for (const wrong of [{ tenant: 'x' }, { groups: 'yes' }, { clientAuth: 'implicit' }, { scopes: 'a b' }]) {
      problemCode(await post({ config: { ...config, ...wrong } }), 400)
    }
    problemCode(await post({ config: { clientId: 'c' } }), 400)
  })

  it('may be a directory: checked when it is saved, its password kept as any secret, and at no address within', async () => {
    const ldap = { url: 'ldaps://ldap.example.com', baseDn: 'dc=example,dc=com', bindDn: 'cn=reader' }
    const post = (more: object) =>
      admin.post('/signin-providers', { kind: 'ldap', name: 'Directory', config: ldap, secret: 'canary-pass', ...more })
    for (const url of [
      'ldaps://127.0.0.1',
      'ldaps://[::1]',
      'ldaps://169.254.169.254',
      'ldap://ldap.example.com',
      'x',
    ]) {
      problemCode(await post({ config: { ...ldap, url } }), 400)
    }
    problemCode(await post({ config: { url: ldap.url } }), 400)
    problemCode(await post({ config: { ...ldap, issuer: 'https://x.example' } }), 400)
    const answer = await post({})
    expect(answer.status, answer.text).to.equal(201)
    expect(answer.json).to.deep.include({ kind: 'ldap', hasSecret: true })
    expect(answer.text).not.to.contain('canary')
    const id = String(answer.json['id'])
    const changed = await admin.patch(`/signin-providers/${id}`, { config: { ...ldap, groupSync: true } })
    expect(changed.json['config']).to.deep.include({ groupSync: true, url: ldap.url })
    expect((await admin.delete(`/signin-providers/${id}`)).status).to.equal(204)
  })

  it('a connection is paired with one and parted from it again; one of scripts owns nobody and is not', async () => {
    const id = await made('Paired')
    const path = `/connections/${gateway.tenant.idp.connection!.id}/pairing`
    expect((await admin.patch(path, { provider: id })).status).to.equal(204)
    const paired = () =>
      gateway.test.connections.reader
        .selectFrom('connection')
        .select('signin_provider_id as id')
        .where('id', '=', gateway.tenant.idp.connection!.id)
        .executeTakeFirstOrThrow()
    expect(await paired()).to.deep.equal({ id })
    expect((await admin.delete(`/signin-providers/${id}`)).status).to.equal(204)
    expect(await paired()).to.deep.equal({ id: null })
    const script = await gateway.tenant.connect('script', 'script')
    problemCode(await admin.patch(`/connections/${script.connection!.id}/pairing`, { provider: await made('P') }), 400)
  })

  it("shows who a person is at providers, and ends it with the person's sessions", async () => {
    const idp = providerOf(gateway.tenant)
    await pair(gateway.test, gateway.tenant.idp, idp.id)
    const ann = await gateway.tenant.user('ann')
    await idp.signIn('ann')
    const path = `/users/${ann.id}/identities`
    const list = await admin.get(path)
    expect(list.text).to.contain(idp.issuer)
    const [{ id, way }] = list.json['items'] as [{ id: string; way: string }]
    expect(way).to.equal('paired')
    expect((await admin.delete(`${path}/${id}`)).status).to.equal(204)
    expect((await admin.get(path)).json['items']).to.deep.equal([])
    problemCode(await admin.delete(`${path}/${id}`), 404)
    expect((await idp.signIn('ann')).way).to.equal('paired')
  })
})
