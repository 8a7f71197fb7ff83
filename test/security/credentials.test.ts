import { expect } from 'chai'
import type { JwtTrust } from '../../src/domain/connection.ts'
import { DomainError } from '../../src/domain/errors.ts'
import { isId } from '../../src/domain/ids.ts'
import { revokeToken } from '../../src/provisioning/connection-tokens.ts'
import { revokeConnection } from '../../src/provisioning/revoke-connection.ts'
import { ENDPOINTS } from '../../src/scim/endpoint.ts'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type IssuerKey, issuerKey, type LyingIssuer, signed, startIssuer } from '../support/issuer.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { operation } from '../support/tenant.ts'
import { type Access, addTokenTo, basic, ERROR, fresh, GROUP, make, openAccess, textOf, USER } from './orgs.ts'

forEachDialect('credentials over HTTP', (dialect) => {
  let test: TestGateway
  let scim: ScimClient
  let root: ScimClient

  before(async () => {
    const more = { ALLOW_PRIVATE_ISSUERS: 'true', ROLLCALL_AUTH_FAILURES_PER_MINUTE: '100000' }
    test = await startTestGateway(dialect, more)
    scim = new ScimClient(test.base)
    root = new ScimClient(test.url)
  })
  after(async () => {
    scim.close()
    root.close()
    await test.stop()
  })

  const statusOf = async (authorization: string, path = '/Users?count=0'): Promise<number> =>
    (await scim.get(path, { authorization })).status

  /** A token request (RFC 6749 §4.4.2), its credentials in the header or in the form. */
  function requestToken(id: string, secret: string, way: 'header' | 'form' = 'header'): Promise<Answer> {
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (way === 'form')
      for (const [name, value] of Object.entries({ client_id: id, client_secret: secret })) form.set(name, value)
    const headers = way === 'header' ? { authorization: basic(id, secret) } : {}
    return root.call('oauth/token', {
      ...{ method: 'POST', rawBody: form.toString() },
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  }

  const accessTokenOf = async ({ connection, token }: Access): Promise<string> =>
    textOf(await requestToken(connection.id, token), 'access_token')

  /** A refusal in SCIM's form with both challenges, which tells nothing about why. */
  function expectUnauthorized(answer: Answer): void {
    expect(answer.status, answer.text).to.equal(401)
    expect(answer.headers['content-type']).to.equal('application/scim+json')
    expect(answer.headers['www-authenticate']).to.equal('Bearer realm="rollcall", Basic realm="rollcall"')
    expect(answer.body).to.deep.include({ schemas: [ERROR], status: '401' })
  }

  describe('of connections', () => {
    it('have ids that the server makes, whatever they are called (S08, CVE-2026-67330)', async () => {
      const names = ['default', 'credential', 'admin', 'sso', '__proto__', '0']
      const accesses = await Promise.all(names.map((name) => openAccess(test.gateway, undefined, { name })))
      const same = await openAccess(test.gateway, undefined, { name: 'credential' })
      const ids = [...accesses, same].map(({ connection }) => connection.id)
      expect(new Set(ids).size).to.equal(names.length + 1)
      for (const id of ids) expect(isId(id), id).to.equal(true)
      const again = await openAccess(test.gateway, same.orgId, { name: 'Credential' }).catch((error: unknown) => error)
      expect(again).to.be.instanceOf(DomainError).and.include({ code: 'uniqueness' })
    })

    it('end with their connection: bearer, Basic, access token and client secret are 401 at once (S08)', async () => {
      const access = await openAccess(test.gateway)
      const { connection, orgId, token } = access
      const { token: second } = await addTokenTo(test.gateway, connection)
      const beside = await openAccess(test.gateway, orgId)
      const ways = [`Bearer ${token}`, `Bearer ${second}`, basic('x', token), `Bearer ${await accessTokenOf(access)}`]
      for (const way of ways) expect(await statusOf(way)).to.equal(200)
      await revokeConnection(test.gateway.provisioning, operation(), orgId, connection.id).durable
      for (const way of ways) expectUnauthorized(await scim.get('/Users', { authorization: way }))
      expect((await requestToken(connection.id, token)).status).to.equal(401)
      expect(await statusOf(`Bearer ${beside.token}`), 'another connection of the org goes on').to.equal(200)
    })

    for (const { scopes, open, closed } of [
      { scopes: ['users'], open: '/Users', closed: '/Groups' },
      { scopes: ['groups'], open: '/Groups', closed: '/Users' },
    ] as const) {
      it(`with the scope ${scopes[0]} get 403 for everything of ${closed}, and nothing is written (S04, S08)`, async () => {
        const full = await openAccess(test.gateway)
        const owner = new ScimClient(test.base, full.token)
        const id = await make(
          owner,
          closed,
          closed === '/Users' ? { userName: fresh('u') } : { displayName: fresh('g') },
        )
        const before = await owner.get(`${closed}/${id}`)
        const limited = await openAccess(test.gateway, full.orgId, { scopes })
        const ways = [`Bearer ${limited.token}`, basic('any', limited.token), `Bearer ${await accessTokenOf(limited)}`]
        const of = closed === '/Users' ? 'User' : 'Group'
        const refused = ENDPOINTS.filter((endpoint) => endpoint.kind === of && !('unsupported' in endpoint))
        const routes = refused.flatMap(({ template, methods }) =>
          methods
            .filter((method) => method !== 'OPTIONS')
            .map((method) => ({ method, path: template.replace(':id', id) })),
        )
        expect(routes).to.have.length.above(7)
        const body = { schemas: [USER, GROUP], userName: fresh('taken'), displayName: fresh('taken') }
        for (const authorization of ways) {
          expect(await statusOf(authorization, open)).to.equal(200)
          for (const { method, path } of routes) {
            const sent = ['GET', 'HEAD', 'DELETE'].includes(method) ? {} : { body }
            const answer = await scim.call(path, { method, headers: { authorization }, ...sent })
            expect(answer.status, `${method} ${path}`).to.equal(403)
            expect(answer.headers['www-authenticate']).to.include('insufficient_scope')
          }
        }
        expect((await owner.get(`${closed}/${id}`)).text).to.equal(before.text)
        owner.close()
      })
    }
  })

  describe('of other kinds', () => {
    it('Basic takes any user name, or none, with a token as password, and nothing else (RFC 7617)', async () => {
      const { token, connection } = await openAccess(test.gateway)
      for (const user of ['', 'scim', 'api', connection.id, 'user@example.com', 'ünïcode']) {
        expect(await statusOf(basic(user, token)), user).to.equal(200)
      }
      const wrong = [
        basic(token, ''),
        basic(token, token.slice(1)),
        basic('', ''),
        `Basic ${token}`,
        'Basic',
        'Basic ====',
      ]
      for (const authorization of wrong) expectUnauthorized(await scim.get('/Users', { authorization }))
    })

    it('an access token is got with Basic or a form, serves, and ends at once with its token (RFC 6749 §4.4)', async () => {
      const { connection, orgId, token, tokenId } = await openAccess(test.gateway)
      const { token: second, tokenId: secondId } = await addTokenTo(test.gateway, connection)
      const got = await Promise.all([
        requestToken(connection.id, token, 'header'),
        requestToken(connection.id, token, 'form'),
        requestToken(connection.id, second, 'form'),
      ])
      for (const { status, body, headers } of got) {
        expect(status).to.equal(200)
        expect(body).to.include({ token_type: 'Bearer', expires_in: 3600, scope: 'users groups' })
        expect(headers['cache-control']).to.equal('no-store')
      }
      const [first, alike, other] = got.map((answer) => `Bearer ${textOf(answer, 'access_token')}`)
      for (const way of [first, alike, other]) expect(await statusOf(way!)).to.equal(200)
      await revokeToken(test.gateway.provisioning, operation(), orgId, { id: tokenId, connectionId: connection.id })
        .durable
      for (const way of [first, alike]) expectUnauthorized(await scim.get('/Users', { authorization: way! }))
      expect(await statusOf(other!), 'what was got with the other token').to.equal(200)
      await revokeToken(test.gateway.provisioning, operation(), orgId, { id: secondId, connectionId: connection.id })
        .durable
      expect(await statusOf(other!)).to.equal(401)
      expect((await requestToken(connection.id, token)).body).to.include({ error: 'invalid_client' })
    })

    it('a token is the client secret of its own connection only, and an access token of none', async () => {
      const [one, other] = [await openAccess(test.gateway), await openAccess(test.gateway)]
      const wrong = [
        [one.connection.id, other.token],
        [one.orgId, one.token],
        [one.tokenId, one.token],
        ['', one.token],
        [one.connection.id.toUpperCase(), one.token],
        [one.connection.id, await accessTokenOf(one)],
      ] as const
      for (const [id, secret] of wrong) {
        for (const way of ['header', 'form'] as const) {
          const answer = await requestToken(id, secret, way)
          expect([answer.status, answer.body['error']], `${id} by ${way}`).to.deep.equal([401, 'invalid_client'])
        }
      }
    })
  })

  describe("of identity providers' JWTs", () => {
    const AUDIENCE = 'https://rollcall.example/scim/v2'
    const PINS = { tid: 'tenant-1', appid: 'app-1' }
    let issuer: LyingIssuer
    let key: IssuerKey

    before(async () => {
      key = await issuerKey('k1')
      issuer = await startIssuer([key.jwk])
    })
    after(() => issuer.stop())

    const trusting = (more: Partial<JwtTrust> = {}): Promise<Access> =>
      openAccess(test.gateway, undefined, { trust: { issuer: issuer.url, audience: AUDIENCE, pins: PINS, ...more } })
    const seconds = (): number => Math.floor(Date.now() / 1000)
    const jwt = (changes: object = {}, header: object = {}): string =>
      signed(
        { alg: 'RS256', kid: 'k1', typ: 'JWT', ...header },
        { iss: issuer.url, aud: AUDIENCE, sub: 's', iat: seconds(), exp: seconds() + 3600, ...PINS, ...changes },
        key,
      )
    const show = (token: string): Promise<Answer> => scim.get('/Users?count=0', { authorization: `Bearer ${token}` })

    it('a good one is served by a trust that names no algorithms; a wrong pin, aud, iss or signature is 401 (S25)', async () => {
      const { connection, orgId } = await trusting()
      const good = jwt()
      expect((await show(good)).status).to.equal(200)
      const wrong: Readonly<Record<string, string>> = {
        'pin appid': jwt({ appid: 'app-2' }),
        'pin tid absent': jwt({ tid: undefined }),
        'pin in another case': jwt({ appid: 'APP-1' }),
        'pin in a list': jwt({ appid: ['app-1'] }),
        aud: jwt({ aud: 'https://elsewhere.example' }),
        iss: jwt({ iss: `${issuer.url}/` }),
        expired: jwt({ iat: seconds() - 7200, exp: seconds() - 3600 }),
        signature: `${good.slice(0, good.lastIndexOf('.'))}.${'A'.repeat(342)}`,
        'another key': jwt({}, { kid: 'k2' }),
        'alg none': jwt({}, { alg: 'none' }),
      }
      for (const [title, token] of Object.entries(wrong)) {
        const answer = await show(token)
        expect(answer.status, title).to.equal(401)
        expectUnauthorized(answer)
      }
      await revokeConnection(test.gateway.provisioning, operation(), orgId, connection.id).durable
      expect((await show(good)).status, 'revoked').to.equal(401)
    })

    it('a trust that is added or removed by command counts from the next request on', async () => {
      const { connection, orgId } = await trusting({ pins: { tid: 'first' } })
      const ask = <T>(...args: readonly string[]): Promise<T> =>
        askRollcall<T>(['connection', 'trust', ...args, '--org', orgId], test.env)
      const said = ['--issuer', issuer.url, '--audience', AUDIENCE, '--pin', 'tid=second']
      const second = jwt({ tid: 'second', appid: undefined })
      expect((await show(second)).status).to.equal(401)
      const { id } = await ask<{ id: string }>('add', connection.id, ...said)
      expect((await show(second)).status).to.equal(200)
      expect(
        (await ask<object[]>('list', connection.id)).map((each) => (each as { pins: object }).pins),
      ).to.have.deep.members([{ tid: 'first' }, { tid: 'second' }])
      const again = await runRollcall(['connection', 'trust', 'add', connection.id, '--org', orgId, ...said], test.env)
      expect([again.status, again.stderr]).to.satisfy(
        ([status, text]: [number, string]) => status === 1 && /trusts/.test(text),
      )
      await ask('remove', connection.id, id)
      expect((await show(second)).status, 'removed').to.equal(401)
      expect((await show(jwt({ tid: 'first', appid: undefined }))).status).to.equal(200)
    })

    it('decides the org by its pins: the same issuer for two orgs never mixes them up (S11)', async () => {
      const pinsOf = (appid: string): JwtTrust['pins'] => ({ tid: 'tenant-9', appid })
      const [one, other] = [await trusting({ pins: pinsOf('one') }), await trusting({ pins: pinsOf('other') })]
      const client = new ScimClient(test.base, jwt(pinsOf('one')))
      const id = await make(client, '/Users', { userName: fresh('jwt') })
      expect((await new ScimClient(test.base, one.token).get(`/Users/${id}`)).status).to.equal(200)
      for (const token of [other.token, jwt(pinsOf('other'))])
        expect((await new ScimClient(test.base, token).get(`/Users/${id}`)).status).to.equal(404)
      client.close()
    })

    it('keys that cannot be had are 503 with Retry-After, not 401; ones already had go on serving (R12)', async () => {
      const away = await startIssuer([key.jwk])
      await openAccess(test.gateway, undefined, { trust: { issuer: away.url, audience: AUDIENCE, pins: PINS } })
      await away.stop()
      const answer = await show(jwt({ iss: away.url }))
      expect(answer.status).to.equal(503)
      expect(Number(answer.headers['retry-after'])).to.be.within(1, 60)
      expect(answer.body).to.deep.include({ schemas: [ERROR], status: '503' })
      await trusting({ pins: { tid: 'stale' } })
      expect((await show(jwt({ tid: 'stale', appid: undefined }))).status).to.equal(200)
      await issuer.stop()
      expect((await show(jwt({ tid: 'stale', appid: undefined, sub: 'again' }))).status).to.equal(200)
      await issuer.start()
    })
  })
})
