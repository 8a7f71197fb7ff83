import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { createAccessTokens, newSigningKey } from '../../src/auth/access-token.ts'
import type { FormAnswer } from '../../src/auth/form-endpoint.ts'
import { createTokenGrants, type TokenGrants } from '../../src/auth/token-grant.ts'
import type { Connection } from '../../src/domain/connection.ts'
import type { TokenId } from '../../src/domain/ids.ts'
import { basic, createGate, PUBLIC_URL, refusal, type Gate } from '../support/authentication.ts'
import { compact, encoded, hmac, issuerKey, signed, type IssuerKey } from '../support/issuer.ts'

const FORM = { grant_type: 'client_credentials' }

describe('the client credentials grant (RFC 6749 §4.4)', () => {
  let gate: Gate
  let grants: TokenGrants
  let connection: Connection
  let token: { id: TokenId; text: string }

  beforeEach(() => {
    gate = createGate({ limit: 3 })
    const { credentials, accessTokens, limiter, now, uses } = gate
    grants = createTokenGrants({ credentials, accessTokens, limiter, now, onUsed: (use) => uses.push(use) })
    connection = credentials.addConnection()
    token = credentials.addToken(connection)
  })

  const ask = (form: Record<string, unknown> | undefined, authorization?: string): Promise<FormAnswer> =>
    grants.grant({ form, authorization, source: '192.0.2.1' })
  const good = (): Record<string, string> => ({ ...FORM, client_id: connection.id, client_secret: token.text })
  const accessToken = async (): Promise<string> => String((await ask(good())).body['access_token'])
  const show = (text: string): ReturnType<Gate['authenticator']['authenticate']> =>
    gate.authenticator.authenticate(`Bearer ${text}`, '192.0.2.1')

  it('answers a bearer token of one hour that no cache may keep (RFC 6749 §5.1)', async () => {
    const answer = await ask(good())
    expect(answer.status).to.equal(200)
    expect(answer.headers).to.deep.equal({ 'Cache-Control': 'no-store', Pragma: 'no-cache' })
    const { access_token: text, ...rest } = answer.body
    expect(rest).to.deep.equal({ token_type: 'Bearer', expires_in: 3600, scope: 'users groups' })
    expect(decodeProtectedHeader(String(text))).to.include({ alg: 'EdDSA', typ: 'at+jwt' })
    const { jti, ...claims } = decodeJwt(String(text))
    const iat = Math.floor(gate.now() / 1000)
    expect(jti).to.match(/^[0-9a-f-]{36}$/)
    expect(claims).to.deep.equal({
      ...{ iss: PUBLIC_URL, aud: `${PUBLIC_URL}/scim/v2`, sub: connection.id, token_id: token.id },
      ...{ iat, exp: iat + 3600 },
    })
    expect(String(text)).not.to.include(token.text)
  })

  it('takes the credentials as Basic too, form-encoded (RFC 6749 §2.3.1) or bare as many clients send them', async () => {
    const secret = 'of+any/characters=%41 and 32 of them'
    gate.credentials.addBootstrap(connection, secret)
    for (const text of [
      token.text,
      encodeURIComponent(secret),
      secret,
      encodeURIComponent(secret).replace(/%20/g, '+'),
    ]) {
      expect((await ask(FORM, basic(connection.id, text))).status, text).to.equal(200)
    }
    expect((await ask({ ...FORM, client_id: connection.id }, basic(connection.id, token.text))).status).to.equal(200)
  })

  it('gives a token that authenticates as the connection, naming the token it was got with', async () => {
    const found = await show(await accessToken())
    expect(found).to.deep.equal({ connection, method: 'access-token', tokenId: token.id })
    expect(gate.uses).to.have.length(2)
  })

  it('gives a token that ends with its hour', async () => {
    const text = await accessToken()
    gate.clock.time += 3_599_000
    await show(text)
    gate.clock.time += 2_000
    expect((await refusal(show(text))).reason).to.equal('access-token.invalid')
  })

  it('gives a token that ends at once with the token it was got with, by revocation or expiry', async () => {
    const text = await accessToken()
    await show(text)
    gate.credentials.changeToken(token.id, { revoked: gate.now() })
    expect((await refusal(show(text))).reason).to.equal('token.revoked')
    gate.credentials.changeToken(token.id, { revoked: undefined, expires: gate.now() })
    expect((await refusal(show(text))).reason).to.equal('token.expired')
    gate.credentials.tokens.clear()
    expect((await refusal(show(text))).reason).to.equal('access-token.invalid')
  })

  it('gives a token that ends at once with its connection', async () => {
    const text = await accessToken()
    gate.credentials.changeConnection(connection.id, { status: 'revoked' })
    expect((await refusal(show(text))).reason).to.equal('connection.revoked')
  })

  it('gives a token that meets 503 and not 401 while the store is out', async () => {
    const text = await accessToken()
    gate.credentials.outage = new Error('down')
    expect((await refusal(show(text))).status).to.equal(503)
  })

  it('gives a token that another deployment’s key, another claim or another algorithm cannot forge', async () => {
    const text = await accessToken()
    const claims = decodeJwt(text)
    const header = { alg: 'EdDSA', typ: 'at+jwt' }
    const foreign = await issuerKey('x', 'EdDSA')
    const own = newSigningKey()
    const { accessTokens, credentials, now } = gate
    const sameKey = (publicUrl: string): ReturnType<typeof createAccessTokens> =>
      createAccessTokens({ publicUrl, signingKey: own, credentials, now })
    expect(sameKey('https://a.example/').issuer).to.equal('https://a.example')
    const [first, , third] = text.split('.')
    const forged = [
      signed(header, claims, foreign),
      `${encoded({ alg: 'none', typ: 'at+jwt' })}.${encoded(claims)}.AA`,
      compact({ ...header, alg: 'HS256' }, claims, hmac('')),
      [first, encoded({ ...claims, exp: claims.exp! + 60 }), third].join('.'),
    ]
    expect(accessTokens.issuer).to.equal(PUBLIC_URL)
    for (const forgery of forged) {
      const error = await refusal(show(forgery))
      expect(error.reason).to.equal('access-token.invalid')
    }
  })

  it('gives a token whose own key does not make up for a wrong type, audience, subject or a missing claim', async () => {
    const pair = generateKeyPairSync('ed25519')
    const key: IssuerKey = { kid: 'own', alg: 'EdDSA', ...pair, jwk: { kty: 'OKP' } }
    const pkcs8 = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
    const { credentials, now } = gate
    const own = createAccessTokens({ publicUrl: PUBLIC_URL, signingKey: { pkcs8, keyId: 'own' }, credentials, now })
    const live = { connection, token: credentials.tokens.get(token.id)! }
    const claims = decodeJwt(await own.sign(live))
    const verify = (changes: Record<string, unknown>, typ = 'at+jwt'): Promise<unknown> => {
      const all = { ...claims, ...changes }
      const text = signed({ alg: 'EdDSA', typ }, all, key)
      return own.verify({ text, header: { alg: 'EdDSA', kid: undefined, typ }, claims: {} })
    }
    await verify({})
    const other = gate.credentials.addConnection()
    const wrong: Record<string, unknown>[] = [
      ...[{ aud: PUBLIC_URL }, { iss: 'https://elsewhere.example' }, { sub: other.id }, { sub: undefined }],
      ...[{ exp: undefined }, { iat: undefined }, { jti: undefined }, { token_id: undefined }, { token_id: 'x\u0000' }],
      ...[{ token_id: [token.id] }],
    ]
    for (const changes of wrong) {
      expect((await refusal(verify(changes))).reason, JSON.stringify(changes)).to.equal('access-token.invalid')
    }
    expect((await refusal(verify({}, 'JWT'))).reason).to.equal('access-token.invalid')
  })

  it('refuses a key that is none of Ed25519, at the start', () => {
    const { credentials, now } = gate
    const start = (pkcs8: Uint8Array): unknown =>
      createAccessTokens({ publicUrl: PUBLIC_URL, signingKey: { pkcs8, keyId: 'k' }, credentials, now })
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    expect(() => start(privateKey.export({ format: 'der', type: 'pkcs8' }))).to.throw('not an Ed25519 private key')
    expect(() => start(new Uint8Array(48))).to.throw()
    const { pkcs8, keyId } = newSigningKey()
    expect(keyId).to.match(/^[A-Za-z0-9_-]{43}$/)
    expect(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).asymmetricKeyType).to.equal('ed25519')
  })

  describe('refuses (RFC 6749 §5.2)', () => {
    const invalid: Record<string, () => [Record<string, unknown> | undefined, string?]> = {
      'no form': () => [undefined],
      'no grant_type': () => [{ ...good(), grant_type: undefined }],
      'an empty grant_type': () => [{ ...good(), grant_type: '' }],
      'grant_type twice': () => [{ ...good(), grant_type: ['client_credentials', 'client_credentials'] }],
      'client_id twice': () => [{ ...good(), client_id: [connection.id, connection.id] }],
      'credentials both ways': () => [good(), basic(connection.id, token.text)],
      'two different client_ids': () => [{ ...FORM, client_id: 'x' }, basic(connection.id, token.text)],
    }
    for (const [title, parts] of Object.entries(invalid)) {
      it(`${title} as invalid_request`, async () => {
        const answer = await ask(...parts())
        expect([answer.status, answer.body['error']]).to.deep.equal([400, 'invalid_request'])
        expect(answer.headers['Cache-Control']).to.equal('no-store')
        expect(answer.body['error_description']).to.match(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
      })
    }

    for (const type of ['password', 'authorization_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer', '__proto__']) {
      it(`the grant type ${type} as unsupported`, async () => {
        const answer = await ask({ ...good(), grant_type: type })
        expect([answer.status, answer.body['error']]).to.deep.equal([400, 'unsupported_grant_type'])
      })
    }

    const clients: Record<string, () => [Record<string, unknown>, string?]> = {
      'no client': () => [FORM],
      'no client_secret': () => [{ ...FORM, client_id: connection.id }],
      'a client_id that is no id': () => [{ ...good(), client_id: "x' OR 1=1 --\u0000" }],
      'another client_id': () => [{ ...good(), client_id: gate.credentials.addConnection().id }],
      'a client_secret of another connection': () => [
        { ...good(), client_secret: gate.credentials.addToken(gate.credentials.addConnection()).text },
      ],
      'an unknown client_secret': () => [{ ...good(), client_secret: 'x'.repeat(40) }],
      'an unknown client by Basic': () => [FORM, basic(connection.id, 'x')],
      'Basic with malformed percent signs': () => [FORM, basic(connection.id, '%zz')],
      'a bearer token in place of Basic': () => [FORM, `Bearer ${token.text}`],
      'an unreadable header': () => [FORM, 'Basic !'],
      'a revoked token': () => {
        gate.credentials.changeToken(token.id, { revoked: 1 })
        return [good()]
      },
      'an expired token': () => {
        gate.credentials.changeToken(token.id, { expires: gate.now() })
        return [good()]
      },
      'a revoked connection': () => {
        gate.credentials.changeConnection(connection.id, { status: 'revoked' })
        return [good()]
      },
    }
    for (const [title, parts] of Object.entries(clients)) {
      it(`${title} as invalid_client`, async () => {
        const [form, authorization] = parts()
        const answer = await ask(form, authorization)
        expect([answer.status, answer.body['error']]).to.deep.equal([401, 'invalid_client'])
        expect(answer.refusal?.status).to.equal(401)
        expect('WWW-Authenticate' in answer.headers).to.equal(authorization !== undefined)
        expect(JSON.stringify(answer.body)).not.to.include(token.text)
      })
    }

    it('a client_id that is no id without a read of the store', async () => {
      await ask({ ...good(), client_id: 'x\u0000' })
      expect(gate.credentials.reads).to.deep.equal([])
    })

    it('an access token as client_secret: it cannot renew itself', async () => {
      const answer = await ask({ ...good(), client_secret: await accessToken() })
      expect(answer.body['error']).to.equal('invalid_client')
    })

    it('failures over the limit with 429, good ones served all the same, both surfaces counted as one', async () => {
      for (let i = 0; i < 2; i++) await ask({ ...good(), client_secret: 'x' })
      expect((await refusal(show('x'))).status).to.equal(401)
      const answer = await ask({ ...good(), client_secret: 'x' })
      expect(answer.status).to.equal(429)
      expect(Number(answer.headers['Retry-After'])).to.be.within(1, 60)
      expect((await refusal(show('x'))).status).to.equal(429)
      expect((await ask(good())).status).to.equal(200)
    })

    it('everybody with 503 while the store is out', async () => {
      gate.credentials.outage = new Error('down')
      const answer = await ask(good())
      expect([answer.status, answer.body['error']]).to.deep.equal([503, 'temporarily_unavailable'])
      expect(answer.headers['Retry-After']).to.equal('5')
    })
  })
})
