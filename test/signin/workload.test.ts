import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { createServiceAccount } from '../../src/provisioning/service-account-admin.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode, PUBLIC_URL } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { compact, type IssuerKey, issuerKey, type LyingIssuer, signed, startIssuer } from '../support/issuer.ts'
import { foundTenant } from '../support/tenant.ts'

const SUBJECT = 'system:serviceaccount:ml:trainer'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

forEachDialect('programs that show the JWT of their platform (RFC 7523)', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let platform: LyingIssuer
  let key: IssuerKey
  let team: string
  let account: string
  let now = 0

  before(async () => {
    key = await issuerKey('k1')
    platform = await startIssuer([key.jwk])
    gateway = await openAdminGateway(dialect, undefined, { ALLOW_PRIVATE_ISSUERS: 'true' })
    admin = gateway.client(await gateway.key('admin'))
    await set({ 'workload.issuers': [platform.url] })
    const owner = await gateway.tenant.user('olga')
    team = (await admin.post('/teams', { name: 'ml' })).json['id'] as string
    const draft = { userName: 'sa-trainer', defaultTeam: team, owner: owner.id, identity: { subject: SUBJECT } }
    const made = await admin.post('/service-accounts', draft)
    expect(made.status, made.text).to.equal(201)
    expect(made.json['identity']).to.deep.equal({ issuer: platform.url, subject: SUBJECT })
    account = made.json['id'] as string
  })
  after(async () => {
    await platform.stop()
    await gateway.close()
  })
  beforeEach(() => {
    now = Math.floor(Date.now() / 1000)
  })

  const set = (settings: JsonObject, orgId = gateway.tenant.orgId) =>
    changeOrgSettings(gateway.tenant.provisioning, operatorOf(orgId), { settings }).durable
  const claimsOf = (more: object = {}): Record<string, unknown> => ({
    ...{ iss: platform.url, sub: SUBJECT, aud: `${PUBLIC_URL}/oidc/token`, iat: now, exp: now + 600 },
    ...more,
  })
  const jwt = (more: object = {}, header: object = {}): string =>
    signed({ alg: 'RS256', kid: 'k1', typ: 'JWT', ...header }, claimsOf(more), key)
  const ask = async (form: Record<string, string>): Promise<{ status: number; body: JsonObject; headers: Headers }> => {
    const answer = await fetch(`${gateway.origin}/oidc/token`, { method: 'POST', body: new URLSearchParams(form) })
    return { status: answer.status, body: (await answer.json()) as JsonObject, headers: answer.headers }
  }
  const exchange = (assertion: string) => ask({ grant_type: GRANT, assertion })
  const tokenFor = async (assertion: string): Promise<string> => {
    const { status, body } = await exchange(assertion)
    expect(status, JSON.stringify(body)).to.equal(200)
    return body['access_token'] as string
  }
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1))[0]!.body) as JsonObject

  it('get an access token of an hour with which their service account acts, and both are in the log', async () => {
    const { status, body, headers } = await exchange(jwt({ jti: 'first' }))
    expect([status, headers.get('cache-control')]).to.deep.equal([200, 'no-store'])
    expect(body).to.deep.include({ token_type: 'Bearer', expires_in: 3600 })
    const { action, actor, outcome, targets } = await lastRecord()
    expect(action).to.equal('token.exchange')
    expect(actor).to.deep.include({ type: 'serviceAccount', id: account })
    expect(outcome).to.deep.include({ result: 'success' })
    const client = gateway.client(body['access_token'] as string)
    const me = await client.get('/me')
    expect(me.json).to.deep.include({ user: account, isService: true, isOrgAdmin: false })
    expect(targets).to.deep.include({ type: 'token', id: me.json['key'] })
    // It may what a key of the account may, and no more.
    expect((await client.get(`/service-accounts/${account}`)).status).to.equal(200)
    expect((await client.get('/users')).status).to.equal((await gateway.client(await keyOf()).get('/users')).status)
  })

  const keyOf = async (): Promise<string> => {
    const made = await admin.post(`/service-accounts/${account}/keys`, { name: 'compare' })
    return made.json['key'] as string
  }

  it('are not let in at SCIM, nor with the JWT itself, nor at the API of another deployment', async () => {
    const token = await tokenFor(jwt())
    const scim = (text: string) =>
      fetch(`${gateway.origin}/scim/v2/Users`, { headers: { authorization: `Bearer ${text}` } })
    expect((await scim(token)).status).to.equal(401)
    problemCode(await gateway.client(jwt()).get('/me'), 401)
    const other = await openAdminGateway(dialect)
    try {
      problemCode(await other.client(token).get('/me'), 401)
    } finally {
      await other.close()
    }
  })

  it('name this server, its token endpoint or their organisation, and nobody else', async () => {
    const name = (await gateway.test.store.reads.orgs.list())[0]!.name
    for (const aud of [PUBLIC_URL, `${PUBLIC_URL}/oidc/token`, gateway.tenant.orgId, name, [PUBLIC_URL]]) {
      expect((await exchange(jwt({ aud }))).status, String(aud)).to.equal(200)
    }
    for (const aud of ['https://elsewhere.example', `${PUBLIC_URL}/`, [PUBLIC_URL, 'x'], '', undefined, 1]) {
      const { status, body } = await exchange(jwt({ aud }))
      expect([status, body['error']], String(aud)).to.deep.equal([400, 'invalid_grant'])
    }
  })

  it('have one JWT exchanged once, also by many at the same moment, unless the organisation allows more', async () => {
    const token = jwt({ jti: 'once' })
    const answers = await Promise.all(Array.from({ length: 6 }, () => exchange(token)))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array<number>(5).fill(400)])
    await set({ 'workload.reusableTokens': true })
    expect((await exchange(token)).status).to.equal(200)
    await set({ 'workload.reusableTokens': null })
    expect((await exchange(token)).status).to.equal(400)
  })

  describe('S25: that show what is no JWT of theirs', () => {
    const lies: Readonly<Record<string, () => string | Promise<string>>> = {
      'another subject': () => jwt({ sub: 'system:serviceaccount:ml:other' }),
      'the subject in other letters': () => jwt({ sub: SUBJECT.toUpperCase() }),
      'no subject': () => jwt({ sub: undefined }),
      'another issuer': () => jwt({ iss: 'https://evil.example' }),
      'the issuer with a slash at the end': () => jwt({ iss: `${platform.url}/` }),
      'one that has expired': () => jwt({ iat: now - 900, exp: now - 300 }),
      'one without exp': () => jwt({ exp: undefined }),
      'one without iat': () => jwt({ iat: undefined }),
      'one of the future': () => jwt({ iat: now + 3_600, exp: now + 7_200 }),
      'one not to be used yet': () => jwt({ nbf: now + 3_600 }),
      'one for years': () => jwt({ exp: now + 9e7 }),
      'an ID token': () => jwt({ nonce: 'n' }),
      'a logout token': () => jwt({ events: {} }),
      'a token of another type': () => jwt({}, { typ: 'logout+jwt' }),
      'a jti that is no text': () => jwt({ jti: 7 }),
      'a key that nobody has': () => jwt({}, { kid: 'k9' }),
      'the signature of a stranger': async () => signed({ alg: 'RS256', kid: 'k1' }, claimsOf(), await issuerKey('k1')),
      'no signature': () => compact({ alg: 'none' }, claimsOf(), () => Buffer.alloc(0)),
      'a signature by the public key as a secret': () => {
        const pem = key.publicKey.export({ type: 'spki', format: 'pem' })
        return compact({ alg: 'HS256', kid: 'k1' }, claimsOf(), (input) =>
          createHmac('sha256', pem).update(input).digest(),
        )
      },
      'no JWT at all': () => 'x',
    }
    for (const [what, make] of Object.entries(lies)) {
      it(`${what} get one sentence and no token`, async () => {
        const { status, body } = await exchange(await make())
        expect([status, body['error']]).to.deep.equal([400, 'invalid_grant'])
        expect(body['access_token']).to.equal(undefined)
      })
    }

    it('make no request to an issuer that is not trusted, nor to where a header points', async () => {
      const before = platform.asked.length
      await exchange(
        jwt({ iss: 'http://127.0.0.1:9', sub: 'x' }, { jku: `${platform.url}/evil`, x5u: `${platform.url}/e` }),
      )
      await set({ 'workload.issuers': null })
      expect((await exchange(jwt())).status).to.equal(400)
      await set({ 'workload.issuers': [platform.url] })
      expect(platform.asked.filter((path) => /evil|\/e$/.test(path))).to.deep.equal([])
      expect(platform.asked.length).to.equal(before)
    })
  })

  it('get an error in OAuth’s words for a request that is none (RFC 6749 §5.2)', async () => {
    const errorOf = async (form: Record<string, string>) => {
      const { status, body } = await ask(form)
      return [status, body['error']]
    }
    expect(await errorOf({})).to.deep.equal([400, 'invalid_request'])
    expect(await errorOf({ grant_type: GRANT })).to.deep.equal([400, 'invalid_request'])
    expect(await errorOf({ grant_type: 'client_credentials' })).to.deep.equal([400, 'unsupported_grant_type'])
    expect((await fetch(`${gateway.origin}/oidc/token`)).status).to.equal(405)
  })

  it('lose their access tokens at once when the team is archived, the identity is taken, or the account deleted', async () => {
    const me = async (token: string) => (await gateway.client(token).get('/me')).status
    const token = await tokenFor(jwt())
    expect(await me(token)).to.equal(200)
    expect((await admin.post(`/teams/${team}/archive`, {})).status).to.be.oneOf([200, 204])
    expect([await me(token), (await exchange(jwt())).status]).to.deep.equal([401, 400])
    const { outcome } = await lastRecord()
    expect(outcome).to.deep.include({ result: 'refused', reason: 'workload.resting' })
    expect((await admin.post(`/teams/${team}/restore`, {})).status).to.be.oneOf([200, 204])
    expect(await me(token)).to.equal(200)
    expect((await admin.patch(`/service-accounts/${account}`, { identity: null })).json['identity']).to.equal(null)
    expect([await me(token), (await exchange(jwt())).status]).to.deep.equal([401, 400])
    await admin.patch(`/service-accounts/${account}`, { identity: { subject: SUBJECT } })
    const anew = await tokenFor(jwt())
    expect((await admin.delete(`/service-accounts/${account}`)).status).to.equal(204)
    expect([await me(anew), (await exchange(jwt())).status]).to.deep.equal([401, 400])
  })

  it('are told to wait while their issuer is down, with 503', async () => {
    const down = await startIssuer([key.jwk])
    await set({ 'workload.issuers': [platform.url, down.url] })
    await withIdentity('sa-down', { issuer: down.url, subject: 'pod' })
    await down.stop()
    const token = jwt({ iss: down.url, sub: 'pod', jti: 'later' })
    const { status, body, headers } = await exchange(token)
    expect([status, body['error']]).to.deep.equal([503, 'temporarily_unavailable'])
    expect(headers.get('retry-after')).to.match(/^\d+$/)
  })

  const withIdentity = async (userName: string, identity: { issuer: string; subject: string }) => {
    const draft = { userName, scope: 'team', defaultTeam: team as GroupId, owner: 'olga', identity } as const
    return createServiceAccount(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), draft).durable
  }

  it('of two organisations with one identity are told apart by the audience, and are nobody without one', async () => {
    const identity = { issuer: platform.url, subject: 'repo:acme/train:ref:refs/heads/main' }
    const mine = await withIdentity('sa-mine', identity)
    const theirs = await foundTenant(gateway.test)
    await set({ 'workload.issuers': [platform.url] }, theirs.orgId)
    const otto = await theirs.user('otto')
    const key2 = gateway.client(await gateway.key('admin', undefined, theirs.orgId))
    const home = (await key2.post('/teams', { name: 'theirs' })).json['id'] as string
    const made = await key2.post('/service-accounts', {
      ...{ userName: 'sa-theirs', defaultTeam: home, owner: otto.id, identity },
    })
    const idOf = async (aud: string): Promise<UserId> => {
      const me = await gateway.client(await tokenFor(jwt({ sub: identity.subject, aud }))).get('/me')
      return me.json['user'] as UserId
    }
    expect(await idOf(gateway.tenant.orgId)).to.equal(mine.id)
    expect(await idOf(theirs.orgId)).to.equal(made.json['id'])
    expect((await exchange(jwt({ sub: identity.subject }))).status).to.equal(400)
  })

  it('belong to an issuer that the organisation trusts, and to one account', async () => {
    const owner = 'olga'
    const post = (identity: object) =>
      admin.post('/service-accounts', { userName: 'sa-x', defaultTeam: team, owner, identity })
    problemCode(await post({ issuer: 'https://not-trusted.example', subject: 's' }), 400)
    problemCode(await post({ issuer: platform.url, subject: 'with\ttab' }), 400)
    await withIdentity('sa-taken', { issuer: platform.url, subject: 'taken' })
    problemCode(await post({ issuer: platform.url, subject: 'taken' }), 409)
    for (const wrong of [['ftp://x'], 'https://x', [1], Array(21).fill('https://x')]) {
      problemCode(await admin.patch('/settings', { 'workload.issuers': wrong }), 400)
    }
  })

  it('nothing of it was a failure of ours', () => {
    expect(gateway.failures.filter((line) => line.includes('"status":500'))).to.deep.equal([])
  })
})
