import { expect } from 'chai'
import type { JsonObject } from '../../../src/domain/json.ts'
import type { SignInProvider } from '../../../src/domain/sign-in-provider.ts'
import { createProvider } from '../../../src/provisioning/sign-in-providers.ts'
import { type AdminGateway, openAdminGateway, PUBLIC_URL } from '../../admin/api.ts'
import { Browser, type PageAnswer } from '../../console/browser.ts'
import { operatorOf } from '../../support/callers.ts'
import { forEachDialect } from '../../support/databases.ts'
import { type HonestIssuer, openHonestIssuer } from '../../support/honest-issuer.ts'
import { compact, hmac, issuerKey, type IssuerKey } from '../../support/issuer.ts'
import { type LogoutTokenParts, type LyingIssuer, openLyingIssuer } from '../../support/lying-issuer.ts'
import { foundTenant } from '../../support/tenant.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

forEachDialect('sign-out at an OpenID provider', (dialect) => {
  let gateway: AdminGateway
  let honest: HonestIssuer
  let liar: LyingIssuer
  let good: SignInProvider
  let bad: SignInProvider

  before(async () => {
    gateway = await openAdminGateway(dialect, undefined, { ALLOW_PRIVATE_ISSUERS: 'true' })
    honest = await openHonestIssuer(`${PUBLIC_URL}/oidc/callback`)
    honest.deliverTo = gateway.origin
    liar = await openLyingIssuer()
    good = await provider('Honest', { issuer: honest.issuer, clientId: honest.clientId, clientAuth: 'none' })
    bad = await provider('Lab', { issuer: liar.issuer, clientId: liar.clientId, clientAuth: 'none' })
  })
  after(async () => {
    await honest.close()
    await liar.close()
    await gateway.close()
  })

  const provider = (name: string, config: JsonObject, orgId = gateway.tenant.orgId) =>
    createProvider(gateway.tenant.provisioning, operatorOf(orgId), { kind: 'oidc', name, config }).durable
  const browser = () => new Browser(gateway.origin, PUBLIC_URL)
  const begin = async (who: Browser, { orgId, id }: SignInProvider): Promise<string> =>
    (await who.get(`/signin/oidc?org=${orgId}&provider=${id}`)).headers.get('location')!
  const comeBack = (who: Browser, url: URL): Promise<PageAnswer> => who.get(url.pathname + url.search)
  const isIn = async (who: Browser): Promise<boolean> => (await who.get('/account')).status === 200
  /** Signs somebody in with the lying issuer, who tells the truth here. */
  const enter = async (subject: string, sid?: string, at = bad): Promise<Browser> => {
    const who = browser()
    const back = liar.answer(await begin(who, at), ({ claims }) => {
      Object.assign(claims, { sub: subject, preferred_username: subject, email: `${subject}@x.example` })
      if (sid !== undefined) claims['sid'] = sid
    })
    expect((await comeBack(who, back)).status).to.equal(303)
    expect(await isIn(who)).to.equal(true)
    return who
  }
  const tell = (token: string | undefined): Promise<Response> =>
    fetch(`${gateway.origin}/oidc/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams(token === undefined ? {} : { logout_token: token }),
    })
  const lastEnd = async (): Promise<JsonObject> => {
    const tail = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 10)
    const bodies = tail.map(({ body }) => JSON.parse(body) as JsonObject)
    return bodies.filter(({ action }) => action === 'session.end').at(-1)!
  }

  describe('begun here (OpenID Connect RP-Initiated Logout 1.0)', () => {
    it('ends the session here at once, then by a link there, and comes back to where one signs in again', async () => {
      const who = await enter('leaver')
      const out = await who.submit('/account', '/signout')
      expect(await isIn(who)).to.equal(false)
      const to = out.headers.get('location')!
      expect(to).to.match(/^\/signed-out\?there=[\w-]{43}$/)
      const { html } = await who.get(to)
      const link = /href="(\/logout\?there=[\w-]{43})"/.exec(html)![1]!
      // A browser that did not begin it is led nowhere, and leaves it to the one that did.
      expect((await browser().get(link)).headers.get('location')).to.equal('/signed-out')
      expect((await who.get(link)).headers.get('location')).to.contain(liar.issuer)
      expect((await who.get(link)).headers.get('location')).to.equal('/signed-out')
    })

    it('names the session, this client and the way back to the issuer', async () => {
      const who = await enter('hinted')
      const to = (await who.submit('/account', '/signout')).headers.get('location')!
      const answer = await who.get(to.replace('/signed-out', '/logout'))
      expect(answer.status).to.equal(303)
      const url = new URL(answer.headers.get('location')!)
      expect(url.origin + url.pathname).to.equal(`${liar.issuer}/end`)
      expect(Object.fromEntries(url.searchParams)).to.deep.include({
        client_id: liar.clientId,
        post_logout_redirect_uri: `${PUBLIC_URL}/signed-out`,
      })
      const [, payload = ''] = url.searchParams.get('id_token_hint')!.split('.')
      expect(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).to.include({ sub: 'hinted' })
      expect((await who.get(to.replace('/signed-out', '/logout'))).headers.get('location')).to.equal('/signed-out')
    })

    it('takes no half of a sign-in for one of a sign-out, and the other way round', async () => {
      const who = await enter('mixed')
      const to = (await who.submit('/account', '/signout')).headers.get('location')!
      const secret = new URL(to, PUBLIC_URL).searchParams.get('there')!
      expect((await who.get(`/oidc/callback?state=${secret}&code=x`)).status).to.equal(400)
      const state = new URL(await begin(who, bad)).searchParams.get('state')!
      expect((await who.get(`/logout?there=${state}`)).headers.get('location')).to.equal('/signed-out')
    })

    it('is here alone where the issuer is no provider any more', async () => {
      const gone = await openLyingIssuer()
      const at = await provider('Gone', { issuer: gone.issuer, clientId: gone.clientId, clientAuth: 'none' })
      const who = browser()
      expect((await comeBack(who, gone.answer(await begin(who, at)))).status).to.equal(303)
      await gone.close()
      const { writer } = gateway.test.connections
      await writer
        .updateTable('session')
        .set({ issuer: 'https://nobody.example' })
        .where('issuer', '=', gone.issuer)
        .execute()
      const out = await who.submit('/account', '/signout')
      expect(out.headers.get('location')).to.equal('/signed-out')
    })

    it('as an address that somebody typed asks first, since a link of anybody leads there', async () => {
      const who = await enter('typed')
      expect((await who.get('/logout')).html).to.contain('Sign out?')
      expect(await isIn(who)).to.equal(true)
      expect((await who.submit('/logout', '/signout')).status).to.equal(303)
      expect((await who.get('/logout')).headers.get('location')).to.equal('/signed-out')
    })
  })

  describe('begun there (OpenID Connect Back-Channel Logout 1.0)', () => {
    it('by a real provider ends the session of that browser alone, whatever instance holds it', async () => {
      const config = { issuer: honest.issuer, clientId: honest.clientId, clientAuth: 'basic' }
      const admin = gateway.client(await gateway.key('admin'))
      const changed = await admin.patch(`/signin-providers/${good.id}`, { config, secret: honest.clientSecret })
      expect(changed.status, changed.text).to.equal(200)
      honest.people.set('h-2', { preferred_username: 'henry' })
      const [one, other] = [browser(), browser()]
      const cookies = new Map<string, string>()
      const back = await honest.signIn(await begin(one, good), 'h-2', cookies)
      expect((await comeBack(one, back)).status).to.equal(303)
      expect((await comeBack(other, await honest.signIn(await begin(other, good), 'h-2'))).status).to.equal(303)
      const to = (await one.submit('/account', '/signout')).headers.get('location')!
      const there = (await one.get(to.replace('/signed-out', '/logout'))).headers.get('location')!
      // Signed in anew here, and still to be signed out there: what the provider says ends this one too.
      const anew = browser()
      expect((await comeBack(anew, await honest.signIn(await begin(anew, good), 'h-2', cookies))).status).to.equal(303)
      const home = await honest.signOut(there, cookies)
      expect(home.href).to.equal(`${PUBLIC_URL}/signed-out`)
      expect(honest.told).to.deep.equal([200])
      expect([await isIn(anew), await isIn(other)]).to.deep.equal([false, true])
      const { actor, outcome } = await lastEnd()
      expect(actor).to.deep.include({ type: 'system' })
      expect(outcome).to.deep.include({ result: 'success', reason: 'issuer-signed-out' })
    })

    it('by session ends that one, by person all of them, by both also those that never had a name', async () => {
      const [a, b] = [await enter('ida', 's-a'), await enter('ida', 's-b')]
      const nameless = await enter('ida')
      const another = await enter('ivo', 's-c')
      expect((await tell(liar.logoutToken({ sid: 's-a' }))).status).to.equal(200)
      expect([await isIn(a), await isIn(b), await isIn(nameless)]).to.deep.equal([false, true, true])
      // Both must fit: another's session does not end by it.
      expect((await tell(liar.logoutToken({ sub: 'ivo', sid: 's-b' }))).status).to.equal(200)
      expect([await isIn(b), await isIn(another)]).to.deep.equal([true, true])
      expect((await tell(liar.logoutToken({ sub: 'ida', sid: 's-z' }))).status).to.equal(200)
      expect([await isIn(b), await isIn(nameless)]).to.deep.equal([true, false])
      expect((await tell(liar.logoutToken({ sub: 'ida' }))).status).to.equal(200)
      expect([await isIn(b), await isIn(another)]).to.deep.equal([false, true])
    })

    it('answers what no cache keeps, and to a GET which method to use', async () => {
      const answer = await tell(liar.logoutToken({ sub: 'nobody-here' }))
      expect([answer.status, answer.headers.get('cache-control')]).to.deep.equal([200, 'no-store'])
      const get = await fetch(`${gateway.origin}/oidc/backchannel-logout`)
      expect([get.status, get.headers.get('allow')]).to.deep.equal([405, 'POST'])
    })

    it('S31: works once, also when it is sent many times at the same moment', async () => {
      const token = liar.logoutToken({ sub: 'racer' })
      const answers = await Promise.all(Array.from({ length: 8 }, () => tell(token)))
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, ...Array<number>(7).fill(400)])
      const who = await enter('racer')
      expect((await tell(token)).status).to.equal(400)
      expect(await isIn(who)).to.equal(true)
    })

    it('reaches people of every org that signs in with that client, and of no other', async () => {
      const elsewhere = await foundTenant(gateway.test)
      const same = await provider('Same', { ...bad.config }, elsewhere.orgId)
      const apart = await foundTenant(gateway.test)
      const other = await provider('Apart', { ...bad.config, clientId: 'another' }, apart.orgId)
      const [here, there] = [await enter('shared'), await enter('shared', undefined, same)]
      const who = browser()
      const back = liar.answer(await begin(who, other), ({ claims }) => {
        Object.assign(claims, { aud: 'another', sub: 'shared' })
      })
      expect((await comeBack(who, back)).status).to.equal(303)
      expect((await tell(liar.logoutToken({ sub: 'shared' }))).status).to.equal(200)
      expect([await isIn(here), await isIn(there), await isIn(who)]).to.deep.equal([false, false, true])
    })

    describe('S31: by a token that is none', () => {
      let victim: Browser
      let stranger: IssuerKey

      before(async () => {
        victim = await enter('victim', 's-v')
        stranger = await issuerKey('k1')
      })

      const lies: Readonly<Record<string, (token: LogoutTokenParts) => void>> = {
        'no event': ({ claims }) => void delete claims['events'],
        'another event': ({ claims }) => void (claims['events'] = { 'https://schemas.openid.net/x': {} }),
        'an event that is no object': ({ claims }) => void (claims['events'] = { [EVENT]: true }),
        'a nonce, as ID tokens have one': ({ claims }) => void (claims['nonce'] = 'n'),
        'neither person nor session': ({ claims }) => void delete claims['sub'],
        'a person that is no text': ({ claims }) => void (claims['sub'] = { '': 1 }),
        'no jti': ({ claims }) => void delete claims['jti'],
        'no iat': ({ claims }) => void delete claims['iat'],
        'an iat of the future': ({ claims }) => void (claims['iat'] = Math.floor(Date.now() / 1000) + 3_600),
        'no exp': ({ claims }) => void delete claims['exp'],
        'an exp that has passed': ({ claims }) =>
          Object.assign(claims, { iat: Math.floor(Date.now() / 1000) - 600, exp: Math.floor(Date.now() / 1000) - 300 }),
        'an exp of years ahead': ({ claims }) => void (claims['exp'] = Math.floor(Date.now() / 1000) + 9e7),
        'another issuer': ({ claims }) => void (claims['iss'] = 'https://evil.example'),
        'the issuer with a slash at the end': ({ claims }) => void (claims['iss'] = `${String(claims['iss'])}/`),
        'no audience': ({ claims }) => void delete claims['aud'],
        'the audience of another client': ({ claims }) => void (claims['aud'] = 'another-client'),
        'the type of an access token': ({ header }) => void (header['typ'] = 'at+jwt'),
        'a key that nobody has': ({ header }) => void (header['kid'] = 'k7'),
        'the signature of a stranger': (token) => void (token.signer = stranger),
      }

      for (const [what, lie] of Object.entries(lies)) {
        it(`with ${what} nothing ends, and one sentence is said`, async () => {
          const answer = await tell(liar.logoutToken({ sub: 'victim' }, lie))
          expect(answer.status).to.equal(400)
          expect(await answer.json()).to.deep.include({ error: 'invalid_request' })
          expect(await isIn(victim)).to.equal(true)
        })
      }

      it('without a signature, or one by the public key as a secret, nothing ends', async () => {
        const [, payload = ''] = liar.logoutToken({ sub: 'victim' }).split('.')
        const claims = Buffer.from(payload, 'base64url').toString('utf8')
        const pem = stranger.publicKey.export({ type: 'spki', format: 'pem' })
        for (const token of [
          compact({ alg: 'none', typ: 'logout+jwt' }, claims, () => Buffer.alloc(0)),
          compact({ alg: 'HS256', kid: 'k1', typ: 'logout+jwt' }, claims, hmac(pem)),
          'x',
          '',
          undefined,
        ]) {
          expect((await tell(token)).status).to.equal(400)
        }
        expect(await isIn(victim)).to.equal(true)
      })

      it('an ID token of the person is none either', async () => {
        const now = Math.floor(Date.now() / 1000)
        const claims = { nonce: 'n', events: undefined, iat: now, exp: now + 300, sub: 'victim' }
        expect((await tell(liar.logoutToken(claims, ({ header }) => void (header['typ'] = 'JWT')))).status).to.equal(
          400,
        )
        expect(await isIn(victim)).to.equal(true)
      })
    })

    it('is a 503 that can be sent again while the keys of the issuer cannot be had', async () => {
      const gone = await openLyingIssuer()
      const { orgId } = await foundTenant(gateway.test)
      await provider('Down', { issuer: gone.issuer, clientId: gone.clientId, clientAuth: 'none' }, orgId)
      const token = gone.logoutToken({ sub: 'x' })
      await gone.close()
      const answer = await tell(token)
      expect([answer.status, answer.headers.get('retry-after')]).to.deep.equal([503, '30'])
      expect(await answer.json()).to.deep.include({ error: 'temporarily_unavailable' })
    })
  })
})
