import { expect } from 'chai'
import type { JsonObject } from '../../../src/domain/json.ts'
import type { SignInProvider } from '../../../src/domain/sign-in-provider.ts'
import { changeOrgSettings } from '../../../src/provisioning/change-org-settings.ts'
import { changeProvider, createProvider } from '../../../src/provisioning/sign-in-providers.ts'
import { sealProviderSecret } from '../../../src/sign-in-wiring.ts'
import { type AdminGateway, openAdminGateway, PUBLIC_URL } from '../../admin/api.ts'
import { Browser, type PageAnswer } from '../../console/browser.ts'
import { operatorOf } from '../../support/callers.ts'
import { forEachDialect } from '../../support/databases.ts'
import { askForged } from '../../support/forged-host.ts'
import { type HonestIssuer, openHonestIssuer } from '../../support/honest-issuer.ts'
import { issuerKey } from '../../support/issuer.ts'
import { type IssuerAnswers, type LyingIssuer, openLyingIssuer } from '../../support/lying-issuer.ts'
import { compact, hmac } from '../../support/issuer.ts'
import { peopleIn } from '../../support/sign-ins.ts'
import { foundTenant } from '../../support/tenant.ts'

const CALLBACK = `${PUBLIC_URL}/oidc/callback`

forEachDialect('sign-in by an OpenID provider', (dialect) => {
  let gateway: AdminGateway
  let honest: HonestIssuer
  let liar: LyingIssuer
  let good: SignInProvider
  let bad: SignInProvider

  before(async () => {
    gateway = await openAdminGateway(dialect, undefined, { ALLOW_PRIVATE_ISSUERS: 'true' })
    honest = await openHonestIssuer(CALLBACK)
    liar = await openLyingIssuer()
    good = await provider('Honest', { issuer: honest.issuer, clientId: honest.clientId, clientAuth: 'none' })
    bad = await provider('Lab', { issuer: liar.issuer, clientId: liar.clientId, clientAuth: 'none' })
  })
  after(async () => {
    await honest.close()
    await liar.close()
    await gateway.close()
  })

  const operator = () => operatorOf(gateway.tenant.orgId)
  const provider = (name: string, config: JsonObject, orgId = gateway.tenant.orgId) =>
    createProvider(gateway.tenant.provisioning, operatorOf(orgId), { kind: 'oidc', name, config }).durable
  const browser = () => new Browser(gateway.origin, PUBLIC_URL)
  const startOf = ({ orgId, id }: SignInProvider, more = '') => `/signin/oidc?org=${orgId}&provider=${id}${more}`
  const begin = async (who: Browser, at: SignInProvider, more = ''): Promise<string> => {
    const answer = await who.get(startOf(at, more))
    expect(answer.status, answer.html).to.equal(303)
    return answer.headers.get('location')!
  }
  const comeBack = (who: Browser, url: URL): Promise<PageAnswer> => who.get(url.pathname + url.search)
  const isIn = async (who: Browser): Promise<boolean> => (await who.get('/account')).status === 200
  const records = async (): Promise<readonly JsonObject[]> =>
    (await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 20)).map(
      ({ body }) => JSON.parse(body) as JsonObject,
    )
  const lastRefusal = async (): Promise<JsonObject | undefined> => {
    const refused = (await records()).filter(({ action }) => action === 'sso.refused')
    return refused.at(-1)?.['outcome'] as JsonObject | undefined
  }

  describe('that is honest (oidc-provider)', () => {
    before(async () => {
      const sealedSecret = sealProviderSecret(gateway.secrets, good, honest.clientSecret)
      const config = { ...good.config, clientAuth: 'basic' }
      const { value } = await changeProvider(gateway.tenant.provisioning, operator(), good.id, { config, sealedSecret })
        .durable
      expect(value.hasSecret).to.equal(true)
    })

    it('makes the person, begins a session and goes on where the browser wanted to', async () => {
      honest.people.set('h-1', {
        preferred_username: 'hanna',
        email: 'hanna@x.example',
        email_verified: true,
        name: 'H',
      })
      const who = browser()
      expect(await isIn(who)).to.equal(false)
      const authorization = await begin(who, good, '&returnTo=%2Faccount%3Fx%3D1')
      const asked = new URL(authorization).searchParams
      expect(asked.get('code_challenge_method')).to.equal('S256')
      expect(asked.get('code_challenge')).to.match(/^[\w-]{43}$/)
      expect(asked.get('nonce')).to.match(/^[\w-]{43}$/)
      const answer = await comeBack(who, await honest.signIn(authorization, 'h-1'))
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/account?x=1'])
      expect(await isIn(who)).to.equal(true)
      const actions = (await records()).map(({ action }) => action).slice(-3)
      expect(actions).to.deep.equal(['sso.login', 'sso.jit', 'session.start'])
    })

    it('is told the public address to send people back to, whatever host a request names', async () => {
      const { location } = await askForged(gateway.origin + startOf(good))
      expect(new URL(location!).searchParams.get('redirect_uri')).to.equal(`${PUBLIC_URL}/oidc/callback`)
    })

    it('S31: a code and a state work once, and only in the browser that began', async () => {
      honest.people.set('h-2', { preferred_username: 'henry' })
      const who = browser()
      const back = await honest.signIn(await begin(who, good), 'h-2')
      const other = browser()
      await begin(other, good)
      const stolen = await comeBack(other, back)
      expect(stolen.status).to.equal(400)
      expect(await isIn(other)).to.equal(false)
      // It is gone with the attempt: neither the thief nor the owner can use it any more.
      expect((await comeBack(who, back)).status).to.equal(400)
      const again = await honest.signIn(await begin(who, good), 'h-2')
      expect((await comeBack(who, again)).status).to.equal(303)
      const replayed = await comeBack(browser(), again)
      expect(replayed.status).to.equal(400)
      expect(replayed.html).to.contain('start again')
    })

    it('says what to do where the person or the provider says no', async () => {
      const who = browser()
      const answer = await comeBack(who, await honest.refuse(await begin(who, good)))
      expect(answer.status).to.equal(403)
      expect(answer.html).to.contain('did not let you in')
      expect((await lastRefusal())?.['params']).to.deep.equal({ check: 'access_denied' })
    })

    it('S39: makes nobody where the org says so, names whom to ask, and lets in whom it knows', async () => {
      const settings = { 'signIn.makesPeople': false, 'signIn.contact': 'it@x.example' }
      await changeOrgSettings(gateway.tenant.provisioning, operator(), { settings }).durable
      const count = await peopleIn(gateway.test, gateway.tenant.orgId)
      honest.people.set('h-3', { preferred_username: 'stranger' })
      const who = browser()
      const refused = await comeBack(who, await honest.signIn(await begin(who, good), 'h-3'))
      expect(refused.status).to.equal(403)
      expect(refused.html).to.contain('it@x.example').and.contain('no account here yet')
      expect(await isIn(who)).to.equal(false)
      expect(await peopleIn(gateway.test, gateway.tenant.orgId)).to.equal(count)
      const known = browser()
      expect((await comeBack(known, await honest.signIn(await begin(known, good), 'h-1'))).status).to.equal(303)
      const back = { 'signIn.makesPeople': null, 'signIn.contact': null }
      await changeOrgSettings(gateway.tenant.provisioning, operator(), { settings: back }).durable
    })

    it('S35: goes to no address of somebody else afterwards', async () => {
      const who = browser()
      const authorization = await begin(who, good, `&returnTo=${encodeURIComponent('//evil.example')}`)
      const answer = await comeBack(who, await honest.signIn(authorization, 'h-1'))
      expect(answer.headers.get('location')).to.equal('/')
    })

    it('is on the sign-in page of its org by its name', async () => {
      const { html } = await browser().get(`/signin?org=${gateway.tenant.orgId}`)
      expect(html).to.contain('Sign in with Honest').and.contain('Sign in with Lab')
    })
  })

  describe('S31: that lies', () => {
    const lies: Readonly<Record<string, (answers: IssuerAnswers) => void | Promise<void>>> = {
      'no nonce': ({ claims }) => void delete claims['nonce'],
      'another nonce': ({ claims }) => void (claims['nonce'] = 'x'.repeat(43)),
      'another issuer in the token': ({ claims }) => void (claims['iss'] = 'https://evil.example'),
      'the issuer with a slash at the end': ({ claims }) => void (claims['iss'] = `${String(claims['iss'])}/`),
      'no subject': ({ claims }) => void delete claims['sub'],
      'an empty subject': ({ claims }) => void (claims['sub'] = ''),
      'a subject that is no text': ({ claims }) => void (claims['sub'] = 1),
      'no audience': ({ claims }) => void delete claims['aud'],
      'the audience of another client': ({ claims }) => void (claims['aud'] = 'another'),
      'several audiences and no azp': ({ claims }) => void (claims['aud'] = ['rollcall-lab', 'another']),
      "several audiences and another's azp": ({ claims }) => {
        Object.assign(claims, { aud: ['rollcall-lab', 'another'], azp: 'another' })
      },
      'no iat': ({ claims }) => void delete claims['iat'],
      'an iat of the future': ({ claims }) => void (claims['iat'] = Math.floor(Date.now() / 1000) + 3_600),
      'no exp': ({ claims }) => void delete claims['exp'],
      'an expired token': ({ claims }) => void (claims['exp'] = Math.floor(Date.now() / 1000) - 120),
      'a key id that no key has': ({ header }) => void (header['kid'] = 'k2'),
      'no key id, of several keys': (answers) => {
        delete answers.header['kid']
        answers.keys = [...answers.keys, { ...(answers.keys[0] as object), kid: 'k9' }]
      },
      'another issuer at the redirect (RFC 9207)': ({ redirect }) => void (redirect['iss'] = 'https://evil.example'),
      'no issuer at the redirect although it says it sends one': ({ redirect }) => void delete redirect['iss'],
      'no code': ({ redirect }) => void delete redirect['code'],
      'a code that was used before': (answers) => void (answers.tokenStatus = 400),
      'an unsigned token': (answers) => {
        answers.idToken = compact({ alg: 'none' }, answers.claims, () => Buffer.alloc(0))
      },
      'a token signed with the public key as a secret': (answers) => {
        const pem = answers.signer.publicKey.export({ type: 'spki', format: 'pem' })
        answers.idToken = compact({ alg: 'HS256', kid: 'k1' }, answers.claims, hmac(pem))
      },
      'a signature that does not fit': (answers) => {
        answers.idToken = compact(answers.header, answers.claims, () => Buffer.alloc(256, 7))
      },
      'the signature of a key that is not its own': async (answers) => {
        answers.signer = await issuerKey('k1')
      },
      'another subject at UserInfo': (answers) => {
        delete answers.claims['email']
        answers.userInfo = { sub: 'somebody-else', email: 'ceo@x.example', email_verified: true }
      },
    }

    for (const [what, lie] of Object.entries(lies)) {
      it(`with ${what} gets nobody in, and no row is made`, async () => {
        const count = await peopleIn(gateway.test, gateway.tenant.orgId)
        const who = browser()
        const authorization = await begin(who, bad)
        let pending: void | Promise<void> = undefined
        const back = liar.answer(authorization, (answers) => {
          pending = lie(answers)
        })
        await (pending as void | Promise<void>)
        const answer = await comeBack(who, back)
        expect(answer.status, answer.html).to.equal(403)
        expect(answer.html).to.contain('could not be confirmed')
        expect(await isIn(who)).to.equal(false)
        expect(await peopleIn(gateway.test, gateway.tenant.orgId)).to.equal(count)
        expect(await lastRefusal()).to.deep.include({ result: 'refused', reason: 'sign-in.rejected' })
      })
    }

    it('tells the truth in between, and is believed', async () => {
      const who = browser()
      const answer = await comeBack(who, liar.answer(await begin(who, bad)))
      expect([answer.status, await isIn(who)]).to.deep.equal([303, true])
    })

    it('tells the truth, with a key it changed a moment ago, and is believed', async () => {
      const next = await issuerKey('k2', 'ES256')
      const who = browser()
      const back = liar.answer(await begin(who, bad), (answers) => {
        answers.signer = next
        answers.keys = [next.jwk]
        Object.assign(answers.header, { alg: 'ES256', kid: 'k2' })
      })
      const answer = await comeBack(who, back)
      expect([answer.status, await isIn(who)]).to.deep.equal([303, true])
    })

    it('the verifier it sees fits the challenge, and each sign-in has its own', () => {
      const verifiers = liar.exchanges.map((form) => form.get('code_verifier'))
      expect(verifiers.every((each) => /^[\w-]{43}$/.test(each ?? ''))).to.equal(true)
      expect(new Set(verifiers).size).to.equal(verifiers.length)
    })

    it('a state that nobody began, or that stands there twice, is refused without asking the issuer', async () => {
      const before = liar.exchanges.length
      const who = browser()
      const { search } = liar.answer(await begin(who, bad))
      for (const query of ['?state=x&code=y', '?code=y', '', `${search}&state=z`]) {
        const answer = await who.get(`/oidc/callback${query}`)
        expect(answer.status).to.equal(400)
      }
      expect(liar.exchanges).to.have.length(before)
    })
  })

  it('S11: an issuer of another org proves nobody of this one', async () => {
    const elsewhere = await foundTenant(gateway.test)
    const theirs = await provider('Theirs', { ...bad.config }, elsewhere.orgId)
    const who = browser()
    const crossed = `/signin/oidc?org=${gateway.tenant.orgId}&provider=${theirs.id}`
    expect((await who.get(crossed)).status).to.equal(404)
    expect((await comeBack(who, liar.answer(await begin(who, theirs)))).status).to.equal(303)
    const [session] = await gateway.test.store.reads.sessions.list(elsewhere.orgId, Date.now())
    expect(session?.orgId).to.equal(elsewhere.orgId)
    expect(await gateway.test.store.reads.users.find(gateway.tenant.orgId, session!.user)).to.equal(undefined)
  })

  it('an issuer that is down is a page with 503 and no refusal of anybody', async () => {
    const gone = await openLyingIssuer()
    const at = await provider('Gone', { issuer: gone.issuer, clientId: gone.clientId })
    const who = browser()
    const back = gone.answer(await begin(who, at))
    await gone.close()
    for (const answer of [await comeBack(who, back), await browser().get(startOf(at))]) {
      if (answer.status === 303) continue
      expect(answer.status).to.equal(503)
      expect(answer.headers.get('retry-after')).to.match(/^\d+$/)
    }
    await changeProvider(gateway.tenant.provisioning, operator(), at.id, { enabled: false }).durable
  })

  it('S27: an issuer within this network is not asked unless that is allowed', async () => {
    const guarded = await openAdminGateway(dialect)
    try {
      const { orgId, provisioning } = guarded.tenant
      const config = { issuer: liar.issuer, clientId: 'x' }
      const made = await createProvider(provisioning, operatorOf(orgId), { kind: 'oidc', name: 'x', config }).durable
      const before = liar.asked.get('/.well-known/openid-configuration')
      const answer = await new Browser(guarded.origin, PUBLIC_URL).get(startOf(made))
      expect(answer.status).to.equal(503)
      expect(liar.asked.get('/.well-known/openid-configuration')).to.equal(before)
    } finally {
      await guarded.close()
    }
  })

  it('a discovery document that names another issuer is not believed', async () => {
    const other = await openLyingIssuer()
    const at = await provider('Other', { issuer: other.issuer, clientId: other.clientId })
    other.answer(`${other.issuer}/auth?redirect_uri=${CALLBACK}`, (answers) => {
      answers.discovery['issuer'] = 'https://evil.example'
    })
    const answer = await browser().get(startOf(at))
    expect(answer.status).to.equal(503)
    expect(answer.headers.get('location')).to.equal(null)
    await other.close()
  })

  it('nothing of it was a failure of ours', () => {
    expect(gateway.failures.filter((line) => line.includes('"status":500'))).to.deep.equal([])
  })
})
