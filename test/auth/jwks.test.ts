import { expect } from 'chai'
import { createIssuerKeys } from '../../src/auth/jwks.ts'
import { createGate, refusal, type Gate } from '../support/authentication.ts'
import { issuerKey, json, signed, startIssuer, type IssuerKey, type LyingIssuer } from '../support/issuer.ts'

const AUDIENCE = 'https://rollcall.example/scim/v2'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('the keys of issuers', () => {
  let issuer: LyingIssuer
  let gate: Gate
  let first: IssuerKey
  let second: IssuerKey
  let opaque: string

  before(async () => {
    ;[first, second] = await Promise.all([issuerKey('first', 'ES256'), issuerKey('second', 'ES256')])
  })
  beforeEach(async () => {
    issuer = await startIssuer([first.jwk])
    gate = createGate()
    const connection = gate.credentials.addConnection()
    gate.credentials.addTrust(connection, { issuer: issuer.url, audience: AUDIENCE })
    opaque = gate.credentials.addToken(connection).text
  })
  afterEach(() => issuer.stop())

  let serial = 0
  /** A fresh token, so that no earlier verification answers for it. */
  const token = (key: IssuerKey, kid: string = key.kid): string => {
    const now = Math.floor(gate.now() / 1000)
    const claims = { iss: issuer.url, aud: AUDIENCE, iat: now, exp: now + 600, jti: String(serial++) }
    return signed({ alg: key.alg, kid, typ: 'JWT' }, claims, key)
  }
  const show = (text: string): ReturnType<Gate['authenticator']['authenticate']> =>
    gate.authenticator.authenticate(`Bearer ${text}`, '192.0.2.1')
  const keyRequests = (): number => issuer.asked.filter((path) => path === '/jwks').length

  it('are asked for once in ten minutes, then again', async () => {
    await show(token(first))
    gate.clock.time += 10 * MINUTE - 1
    await show(token(first))
    expect(keyRequests()).to.equal(1)
    gate.clock.time += 1
    await show(token(first))
    expect(keyRequests()).to.equal(2)
  })

  it('are asked for once by a crowd', async () => {
    await Promise.all(Array.from({ length: 30 }, () => show(token(first))))
    expect(issuer.asked).to.deep.equal(['/.well-known/openid-configuration', '/jwks'])
  })

  it('go on serving for 24 hours while the issuer is down, then it is 503 and never 401', async () => {
    await show(token(first))
    await issuer.stop()
    for (const time of [9 * MINUTE, 11 * MINUTE, 12 * HOUR, 11 * HOUR]) {
      gate.clock.time += time
      expect((await show(token(first))).method).to.equal('jwt')
    }
    expect(gate.fetchFailures).to.have.length(3)
    gate.clock.time += 2 * HOUR
    const error = await refusal(show(token(first)))
    expect([error.status, error.reason]).to.deep.equal([503, 'keys.unavailable'])
    expect(error.retryAfter).to.be.within(1, 30)
    await issuer.start()
    gate.clock.time += 30_000
    expect((await show(token(first))).method).to.equal('jwt')
  })

  it('that are unknown give 401 while the issuer is down, not 500 or 503', async () => {
    await show(token(first))
    await issuer.stop()
    gate.clock.time += 31_000
    const error = await refusal(show(token(second)))
    expect([error.status, error.reason]).to.deep.equal([401, 'jwt.key'])
    expect((await show(token(first))).method).to.equal('jwt')
  })

  it('that were rotated are picked up within 30 seconds, and the old one ends with the next fetch', async () => {
    await show(token(first))
    issuer.keys = [second.jwk]
    expect((await refusal(show(token(second)))).status).to.equal(401)
    gate.clock.time += 30_000
    expect((await show(token(second))).method).to.equal('jwt')
    expect((await refusal(show(token(first)))).reason).to.equal('jwt.key')
  })

  it('are not asked for by each of 200 tokens with random kids', async () => {
    await show(token(first))
    for (let i = 0; i < 200; i++) await refusal(show(token(second, `random-${i}`)))
    expect(keyRequests()).to.equal(1)
    gate.clock.time += 30_000
    for (let i = 0; i < 200; i++) await refusal(show(token(second, `random-${i}`)))
    expect(keyRequests()).to.equal(2)
  })

  it('that cannot be had at a cold start give 503 with Retry-After, and opaque tokens are served', async () => {
    await issuer.stop()
    const error = await refusal(show(token(first)))
    expect([error.status, error.retryAfter]).to.deep.equal([503, 30])
    expect(error.challenge).to.equal(undefined)
    expect((await show(opaque)).method).to.equal('token')
    await issuer.start()
    gate.clock.time += 10_000
    expect((await refusal(show(token(first)))).retryAfter).to.equal(20)
    gate.clock.time += 20_000
    expect((await show(token(first))).method).to.equal('jwt')
  })

  it('are asked for anew when the clock was set back, rather than trusted for longer', async () => {
    await show(token(first))
    gate.clock.time -= 2 * HOUR
    await show(token(first))
    expect(keyRequests()).to.equal(2)
  })

  const lies: Record<string, (lying: LyingIssuer) => void> = {
    'a discovery document of another issuer': (lying) =>
      lying.answers.set('/.well-known/openid-configuration', (_req, res) =>
        json(res, { issuer: 'https://elsewhere.example', jwks_uri: `${lying.url}/jwks` }),
      ),
    'a discovery document whose issuer has a slash more': (lying) =>
      lying.answers.set('/.well-known/openid-configuration', (_req, res) =>
        json(res, { issuer: `${lying.url}/`, jwks_uri: `${lying.url}/jwks` }),
      ),
    'a discovery document without jwks_uri': (lying) =>
      lying.answers.set('/.well-known/openid-configuration', (_req, res) => json(res, { issuer: lying.url })),
    'a jwks_uri at a link-local address': (lying) =>
      lying.answers.set('/.well-known/openid-configuration', (_req, res) =>
        json(res, { issuer: lying.url, jwks_uri: 'https://169.254.169.254/jwks' }),
      ),
    'a key set that is an array': (lying) => lying.answers.set('/jwks', (_req, res) => json(res, [first.jwk])),
    'a key set with a null in it': (lying) =>
      lying.answers.set('/jwks', (_req, res) => json(res, { keys: [null, first.jwk] })),
    'a status of 500': (lying) => lying.answers.set('/jwks', (_req, res) => void res.writeHead(500).end()),
    'a reset connection': (lying) => lying.answers.set('/jwks', (req) => void req.socket.destroy()),
    'half an answer': (lying) =>
      lying.answers.set('/jwks', (req, res) => {
        res.writeHead(200, { 'content-length': 1000 })
        res.write('{"keys":', () => req.socket.destroy())
      }),
    silence: (lying) => lying.answers.set('/jwks', () => undefined),
  }
  for (const [title, lie] of Object.entries(lies)) {
    it(`cannot be had from ${title}: 503 at a cold start, the known ones go on after it`, async () => {
      lie(issuer)
      expect((await refusal(show(token(first)))).status).to.equal(503)
      expect(gate.fetchFailures).to.have.length(1)
      issuer.answers.clear()
      gate.clock.time += 30_000
      await show(token(first))
      lie(issuer)
      gate.clock.time += HOUR
      expect((await show(token(first))).method).to.equal('jwt')
    })
  }

  it('that are broken or of a kind unknown here do no harm to the ones beside them', async () => {
    issuer.keys = [{ kty: 'EC', crv: 'P-256', kid: 'broken', x: 'x', y: 'y' }, { kty: 'XYZ', kid: 'new' }, first.jwk]
    expect((await show(token(first))).method).to.equal('jwt')
    expect((await refusal(show(token(first, 'broken')))).status).to.equal(401)
  })

  it('are not fetched over plain http from this machine unless private issuers are allowed', async () => {
    const strict = createGate({ allowPrivateIssuers: false })
    const connection = strict.credentials.addConnection()
    strict.credentials.addTrust(connection, { issuer: issuer.url, audience: AUDIENCE })
    const error = await refusal(strict.authenticator.authenticate(`Bearer ${token(first)}`, '192.0.2.1'))
    expect(error.status).to.equal(503)
    expect(String(error.cause)).to.include('must begin with https://')
    expect(issuer.asked).to.deep.equal([])
  })

  it('are shared by trusts of one source and kept for at most 1,000 sources', async () => {
    const keys = createIssuerKeys({ now: gate.now, allowPrivateIssuers: true, onFetchFailed: () => undefined })
    const header = { alg: 'ES256', kid: 'first', typ: undefined }
    const source = (n: number): { issuer: string; jwksUri: string } => ({
      issuer: 'x',
      jwksUri: `${issuer.url}/jwks?${n}`,
    })
    issuer.answers.clear()
    for (let n = 0; n < 1_001; n++) {
      issuer.answers.set(`/jwks?${n}`, (_req, res) => json(res, { keys: [first.jwk] }))
      expect(await keys.keyFor(source(n), header)).to.not.equal(undefined)
    }
    await keys.keyFor(source(1_000), header)
    expect(issuer.asked).to.have.length(1_001)
    await keys.keyFor(source(0), header)
    expect(issuer.asked).to.have.length(1_002)
  })
})
