import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { CompactEncrypt } from 'jose'
import { ENTRA_SHARED_AUDIENCE } from '../../src/auth/jwt-claims.ts'
import type { AuthReason } from '../../src/auth/auth-error.ts'
import type { Connection } from '../../src/domain/connection.ts'
import { createGate, refusal, type Gate } from '../support/authentication.ts'
import {
  compact,
  encoded,
  hmac,
  issuerKey,
  signed,
  startIssuer,
  type IssuerKey,
  type LyingIssuer,
} from '../support/issuer.ts'

const AUDIENCE = 'https://rollcall.example/scim/v2'
const PINS = { tid: 'tenant-1', appid: 'app-1' }

describe('JWTs of identity providers', () => {
  let issuer: LyingIssuer
  let trap: LyingIssuer
  let gate: Gate
  let connection: Connection
  let rsa: IssuerKey
  let ec: IssuerKey
  let ed: IssuerKey
  let weak: IssuerKey
  let attacker: IssuerKey

  before(async () => {
    ;[rsa, ec, ed, weak, attacker] = await Promise.all([
      issuerKey('rsa'),
      issuerKey('ec', 'ES256'),
      issuerKey('ed', 'EdDSA'),
      issuerKey('weak', 'RS256', 1024),
      issuerKey('attacker'),
    ])
  })
  beforeEach(async () => {
    issuer = await startIssuer([rsa.jwk, ec.jwk, ed.jwk, weak.jwk])
    trap = await startIssuer([attacker.jwk])
    gate = createGate()
    connection = gate.credentials.addConnection()
    gate.credentials.addTrust(connection, { issuer: issuer.url, audience: AUDIENCE, pins: PINS })
  })
  afterEach(async () => {
    await issuer.stop()
    await trap.stop()
  })

  const seconds = (offset = 0): number => Math.floor(gate.now() / 1000) + offset
  const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    ...{ iss: issuer.url, aud: AUDIENCE, sub: 'service', iat: seconds(), nbf: seconds(), exp: seconds(3600) },
    ...{ ...PINS, ...changes },
  })
  const header = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    ...{ alg: 'RS256', kid: 'rsa', typ: 'JWT', ...changes },
  })
  /** A good token but for these claims; `undefined` takes a claim away. */
  const withClaims = (changes: Record<string, unknown>): string => signed(header(), claims(changes), rsa)
  const withHeader = (changes: Record<string, unknown>): string => signed(header(changes), claims(), rsa)
  const show = (token: string): ReturnType<Gate['authenticator']['authenticate']> =>
    gate.authenticator.authenticate(`Bearer ${token}`, '192.0.2.1')

  describe('are accepted', () => {
    const accepted: Record<string, () => string> = {
      'signed with RS256': () => withClaims({}),
      'signed with PS256': () => signed(header({ alg: 'PS256', kid: 'ps' }), claims(), { ...rsa, alg: 'PS256' }),
      'signed with ES256': () => signed(header({ alg: 'ES256', kid: 'ec' }), claims(), ec),
      'signed with EdDSA': () => signed(header({ alg: 'EdDSA', kid: 'ed' }), claims(), ed),
      'of type at+jwt (RFC 9068 §2.1)': () => withHeader({ typ: 'at+jwt' }),
      'of type application/at+jwt': () => withHeader({ typ: 'application/at+jwt' }),
      'without a type': () => withHeader({ typ: undefined }),
      'whose audience is an array of the one': () => withClaims({ aud: [AUDIENCE] }),
      'from a clock 60 s ahead': () => withClaims({ iat: seconds(60), nbf: seconds(60) }),
      'that expired less than 60 s ago': () => withClaims({ iat: seconds(-3600), exp: seconds(-59) }),
      'that live 24 hours': () => withClaims({ exp: seconds(24 * 3600) }),
      'without kid where one key only fits the algorithm': () =>
        signed(header({ alg: 'EdDSA', kid: undefined }), claims(), ed),
      'signed rightly though they name other keys': () =>
        withHeader({ jku: `${trap.url}/jwks`, x5u: `${trap.url}/x5u`, jwk: attacker.jwk }),
    }
    for (const [title, forge] of Object.entries(accepted)) {
      it(`when ${title}`, async () => {
        issuer.keys = [...issuer.keys, { ...rsa.jwk, kid: 'ps', alg: 'PS256' }]
        const found = await show(forge())
        expect(found).to.deep.equal({ connection, method: 'jwt', issuer: issuer.url, subject: 'service' })
        expect(trap.asked).to.deep.equal([])
      })
    }

    it('when they live longer than 24 hours and the trust allows it', async () => {
      gate.credentials.trusts = gate.credentials.trusts.map((trust) => ({ ...trust, longLived: true }))
      expect((await show(withClaims({ exp: seconds(400 * 24 * 3600) }))).method).to.equal('jwt')
    })
  })

  describe('are refused to the last (RFC 8725 §3.1–3.12)', () => {
    const publicPem = (): Buffer => Buffer.from(rsa.publicKey.export({ format: 'pem', type: 'spki' }))
    const forged: Partial<Record<AuthReason, Record<string, () => string | Promise<string>>>> = {
      'token.unknown': {
        'alg none, no signature': () => `${encoded(header({ alg: 'none' }))}.${encoded(claims())}.`,
        'no signature': () => `${encoded(header())}.${encoded(claims())}.`,
        'b64 false (RFC 7797)': () => {
          const first = encoded(header({ b64: false, crit: ['b64'] }))
          return `${first}.${JSON.stringify(claims())}.${randomBytes(256).toString('base64url')}`
        },
        'an encrypted token (JWE)': () =>
          new CompactEncrypt(Buffer.from(JSON.stringify(claims())))
            .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
            .encrypt(rsa.publicKey),
        '100 kB': () => withClaims({ padding: 'x'.repeat(100_000) }),
        'base64 with padding': () => withClaims({}).replace('.', '=.'),
        'two parts': () => `${encoded(header())}.${encoded(claims())}`,
        dots: () => '..',
        'spaces within': () => withClaims({}).replaceAll('.', '. '),
      },
      'jwt.malformed': {
        'no alg': () => withHeader({ alg: undefined }),
        'alg an array': () => withHeader({ alg: ['RS256'] }),
        'typ a number': () => withHeader({ typ: 1 }),
        'kid of 10 kB': () => withHeader({ kid: 'k'.repeat(10_000) }),
        'kid a number': () => withHeader({ kid: 1 }),
        'two kids in one header': () =>
          signed('{"alg":"RS256","typ":"JWT","kid":"attacker","kid":"rsa"}', claims(), rsa),
        'crit of something unknown': () => withHeader({ crit: ['exp'], exp: 1 }),
        'crit empty': () => withHeader({ crit: [] }),
        'b64 false over an encoded payload': () => withHeader({ b64: false }),
        zip: () => withHeader({ zip: 'DEF' }),
        'a claim twice': () => signed(header(), `{"sub":"admin",${JSON.stringify(claims()).slice(1)}`, rsa),
        'a claim twice, once escaped': () =>
          signed(header(), `${JSON.stringify(claims()).slice(0, -1)},"\\u0061ud":"x"}`, rsa),
        'a nested claim twice': () =>
          signed(header(), `${JSON.stringify(claims()).slice(0, -1)},"x":{"y":1,"y":2}}`, rsa),
        'claims that are an array': () => signed(header(), '[1]', rsa),
        'claims that are no JSON': () => signed(header(), 'claims', rsa),
        'claims that are no UTF-8': () => {
          const input = `${encoded(header())}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}`
          return `${input}.AAAA`
        },
        'a header that is null': () => signed('null', claims(), rsa),
        'base64url that is not canonical': () => {
          const token = signed(header(), { ...claims(), pad: '' }, rsa)
          const [first = '', ...rest] = token.split('.')
          const long = [
            encoded({ ...header(), p: '' }),
            encoded({ ...header(), p: 'x' }),
            encoded({ ...header(), p: 'xx' }),
          ]
          const part = long.find((text) => text.length % 4 === 2) ?? first
          return [`${part.slice(0, -1)}${String.fromCharCode(part.charCodeAt(part.length - 1) + 1)}`, ...rest].join('.')
        },
        garbage: () => 'aaaa.bbbb.cccc',
      },
      'jwt.untrusted': {
        'another iss': () => withClaims({ iss: 'https://elsewhere.example' }),
        'iss with a trailing slash': () => withClaims({ iss: `${issuer.url}/` }),
        'iss in capitals': () => withClaims({ iss: issuer.url.replace('http', 'HTTP') }),
        'no iss': () => withClaims({ iss: undefined }),
        'iss an array': () => withClaims({ iss: [issuer.url] }),
        'iss with NUL': () => withClaims({ iss: `${issuer.url}\u0000` }),
        'iss of the attacker, who has discovery': () => signed(header(), claims({ iss: trap.url }), attacker),
        'deep nesting': () => signed(header(), `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, rsa),
      },
      'jwt.claims': {
        'alg none with a signature': () => withHeader({ alg: 'none' }),
        'alg nOnE': () => withHeader({ alg: 'nOnE' }),
        'HS256 with the public key in PEM as secret': () =>
          compact(header({ alg: 'HS256' }), claims(), hmac(publicPem())),
        'HS256 with the modulus as secret': () =>
          compact(header({ alg: 'HS256' }), claims(), hmac(Buffer.from(rsa.jwk.n!, 'base64url'))),
        'HS256 with an empty secret': () => compact(header({ alg: 'HS256' }), claims(), hmac('')),
        'an algorithm the trust does not have (RS512)': () => withHeader({ alg: 'RS512' }),
        'another aud': () => withClaims({ aud: 'https://rollcall.example' }),
        'aud with a trailing slash': () => withClaims({ aud: `${AUDIENCE}/` }),
        'no aud': () => withClaims({ aud: undefined }),
        'aud an array of several': () => withClaims({ aud: [AUDIENCE, 'https://elsewhere.example'] }),
        'aud an empty array': () => withClaims({ aud: [] }),
        'no exp': () => withClaims({ exp: undefined }),
        'expired two minutes ago': () => withClaims({ iat: seconds(-600), exp: seconds(-120) }),
        'exp a string': () => withClaims({ exp: String(seconds(3600)) }),
        'exp too large for a number': () =>
          signed(header(), JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999'), rsa),
        'exp before iat': () => withClaims({ exp: seconds(-1) }),
        'no iat': () => withClaims({ iat: undefined }),
        'iat two minutes ahead': () => withClaims({ iat: seconds(120) }),
        'nbf two minutes ahead': () => withClaims({ nbf: seconds(120) }),
        'nbf a string': () => withClaims({ nbf: 'now' }),
        'a life of more than 24 hours': () => withClaims({ exp: seconds(24 * 3600 + 1) }),
        'the typ of a logout token': () => withHeader({ typ: 'logout+jwt' }),
        'the typ of a security event': () => withHeader({ typ: 'secevent+jwt' }),
        'the typ of an ID token elsewhere': () => withHeader({ typ: 'id_token+jwt' }),
        'the nonce of an ID token': () => withClaims({ nonce: 'n' }),
        'the at_hash of an ID token': () => withClaims({ at_hash: 'h' }),
        'the events of a logout token': () =>
          withClaims({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
        'sub a number': () => withClaims({ sub: 1 }),
        'kid /dev/null': () => compact(header({ alg: 'HS256', kid: '/dev/null' }), claims(), hmac('')),
        'a key set that holds a secret key': () => {
          issuer.keys = [{ kty: 'oct', kid: 'rsa', k: Buffer.from('secret').toString('base64url') }]
          return compact(header({ alg: 'HS256' }), claims(), hmac('secret'))
        },
        'the wrong pin': () => withClaims({ appid: 'app-2' }),
        'no pin': () => withClaims({ appid: undefined }),
        'the pin of another tenant': () => withClaims({ tid: 'tenant-2' }),
        'the pin as an array': () => withClaims({ tid: ['tenant-1'] }),
        'a pin in other case': () => withClaims({ tid: 'TENANT-1' }),
      },
      'jwt.key': {
        'RS256 said for the EC key': () => signed(header({ kid: 'ec' }), claims(), rsa),
        'ES256 said for the RSA key': () => signed(header({ alg: 'ES256' }), claims(), ec),
        'an unknown kid': () => withHeader({ kid: 'nobody' }),
        'kid ../../x': () => withHeader({ kid: '../../x' }),
        'kid of SQL': () => withHeader({ kid: "rsa' OR '1'='1" }),
        'kid __proto__': () => withHeader({ kid: '__proto__' }),
        'no kid where several keys fit': () => {
          issuer.keys = [...issuer.keys, { ...attacker.jwk }]
          return withHeader({ kid: undefined })
        },
        'two keys under one kid': () => {
          issuer.keys = [rsa.jwk, { ...attacker.jwk, kid: 'rsa' }]
          return withClaims({})
        },
        'a key that is for encryption': () => {
          issuer.keys = [{ ...rsa.jwk, use: 'enc' }]
          return withClaims({})
        },
        'jku of the attacker': () => signed(header({ kid: 'attacker', jku: `${trap.url}/jwks` }), claims(), attacker),
        'jwk of the attacker': () => signed(header({ kid: undefined, jwk: attacker.jwk }), claims(), attacker),
      },
      'jwt.signature': {
        'RS256 said, HMAC made': () => compact(header(), claims(), hmac(publicPem())),
        'the attacker’s key under the right kid': () => signed(header(), claims(), attacker),
        'a signature of zeroes': () => compact(header(), claims(), () => Buffer.alloc(256)),
        'ES256 with r = s = 0': () => compact(header({ alg: 'ES256', kid: 'ec' }), claims(), () => Buffer.alloc(64)),
        'the signature of other claims': () => {
          const [first, , third] = withClaims({ sub: 'somebody' }).split('.')
          return [first, encoded(claims()), third].join('.')
        },
        'an RSA key of 1024 bits (RFC 7518 §3.3)': () => signed(header({ kid: 'weak' }), claims(), weak),
        'jku with the right kid': () => signed(header({ jku: `${trap.url}/jwks` }), claims(), attacker),
        'x5u of the attacker': () => signed(header({ x5u: `${trap.url}/x5u` }), claims(), attacker),
        'jwk of the attacker with the right kid': () => signed(header({ jwk: attacker.jwk }), claims(), attacker),
        'x5c of the attacker': () =>
          signed(
            header({ x5c: [attacker.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }),
            claims(),
            attacker,
          ),
      },
    }
    const rows = Object.entries(forged).flatMap(([reason, table]) =>
      Object.entries(table).map(([title, forge]) => ({ reason, title, forge })),
    )
    for (const { reason, title, forge } of rows) {
      it(`${title} (${reason})`, async () => {
        const token = await forge()
        const error = await refusal(show(token))
        expect([error.status, error.reason]).to.deep.equal([401, reason])
        expect(error.challenge).to.equal('Bearer realm="rollcall", Basic realm="rollcall"')
        expect(error.message).not.to.include(token.slice(0, 20))
        expect(trap.asked, 'addresses that a token names').to.deep.equal([])
        for (const path of issuer.asked) {
          expect(path).to.be.oneOf(['/.well-known/openid-configuration', '/jwks'])
        }
      })
    }

    it('asks nobody for keys when the claims alone are reason enough', async () => {
      await refusal(show(withClaims({ appid: 'app-2' })))
      await refusal(show(withClaims({ aud: 'x' })))
      await refusal(show(withClaims({ exp: seconds(-120), iat: seconds(-600) })))
      expect(issuer.asked).to.deep.equal([])
    })
  })

  it('are refused when they satisfy the trusts of two connections', async () => {
    const token = withClaims({})
    const other = gate.credentials.addConnection({ name: 'other' })
    gate.credentials.addTrust(other, { issuer: issuer.url, audience: AUDIENCE, pins: { tid: 'tenant-1' } })
    const error = await refusal(show(token))
    expect([error.status, error.reason]).to.deep.equal([401, 'jwt.ambiguous'])
    gate.credentials.changeConnection(other.id, { status: 'revoked' })
    expect((await show(token)).connection.id).to.equal(connection.id)
  })

  it('go to the org whose pins they have, though issuer and audience are shared', async () => {
    const other = gate.credentials.addConnection({ name: 'other' })
    gate.credentials.addTrust(other, { issuer: issuer.url, audience: AUDIENCE, pins: { ...PINS, tid: 'tenant-2' } })
    expect((await show(withClaims({}))).connection.orgId).to.equal(connection.orgId)
    expect((await show(withClaims({ tid: 'tenant-2' }))).connection.orgId).to.equal(other.orgId)
  })

  it('of Entra ID’s shared audience need a trust that pins tenant and application', async () => {
    const shared = { issuer: issuer.url, audience: ENTRA_SHARED_AUDIENCE }
    const token = withClaims({ aud: ENTRA_SHARED_AUDIENCE })
    for (const pins of [{}, { tid: 'tenant-1' }, { appid: 'app-1' }]) {
      gate.credentials.trusts = []
      gate.credentials.addTrust(connection, { ...shared, pins })
      expect((await refusal(show(token))).status, JSON.stringify(pins)).to.equal(401)
    }
    gate.credentials.trusts = []
    gate.credentials.addTrust(connection, { ...shared, pins: PINS })
    expect((await show(token)).method).to.equal('jwt')
  })

  it('never verify by an algorithm outside the asymmetric ones, even if a trust names it', async () => {
    gate.credentials.trusts = []
    const algorithms = ['HS256', 'none', 'RS256']
    gate.credentials.addTrust(connection, { issuer: issuer.url, audience: AUDIENCE, algorithms })
    issuer.keys = [{ kty: 'oct', kid: 'rsa', k: Buffer.from('secret').toString('base64url') }]
    const forged = [compact(header({ alg: 'HS256' }), claims(), hmac('secret')), withHeader({ alg: 'none' })]
    for (const token of forged) expect((await refusal(show(token))).reason).to.equal('jwt.claims')
    expect(issuer.asked).to.deep.equal([])
  })

  it('do not rely on a store to compare issuers letter by letter', async () => {
    const { trusts } = gate.credentials
    gate.credentials.trustsByIssuer = () => Promise.resolve(trusts)
    expect((await refusal(show(withClaims({ iss: `${issuer.url}/` })))).reason).to.equal('jwt.claims')
  })

  it('use the key address of the trust where it has one, and no discovery', async () => {
    gate.credentials.trusts = []
    const jwksUri = `${issuer.url}/jwks`
    gate.credentials.addTrust(connection, { issuer: 'urn:lab:issuer', audience: AUDIENCE, jwksUri })
    expect((await show(withClaims({ iss: 'urn:lab:issuer' }))).issuer).to.equal('urn:lab:issuer')
    expect(issuer.asked).to.deep.equal(['/jwks'])
  })

  it('verify with the key of the algorithm only: an EC key of another curve is none for ES256', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    issuer.keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'ec' }]
    expect((await refusal(show(signed(header({ alg: 'ES256', kid: 'ec' }), claims(), ec)))).status).to.equal(401)
  })
})
