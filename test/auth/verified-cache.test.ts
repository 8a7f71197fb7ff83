import { expect } from 'chai'
import { DomainError } from '../../src/domain/errors.ts'
import type { Connection } from '../../src/domain/connection.ts'
import { createGate, refusal, type Gate } from '../support/authentication.ts'
import { issuerKey, signed, startIssuer, type IssuerKey, type LyingIssuer } from '../support/issuer.ts'

const AUDIENCE = 'https://rollcall.example/scim/v2'

describe('JWTs that were verified before', () => {
  let issuer: LyingIssuer
  let gate: Gate
  let connection: Connection
  let key: IssuerKey

  before(async () => {
    key = await issuerKey('ed', 'EdDSA')
  })
  beforeEach(async () => {
    issuer = await startIssuer([key.jwk])
    gate = createGate()
    connection = gate.credentials.addConnection()
    gate.credentials.addTrust(connection, { issuer: issuer.url, audience: AUDIENCE })
  })
  afterEach(() => issuer.stop())

  const seconds = (offset = 0): number => Math.floor(gate.now() / 1000) + offset
  const withClaims = (changes: Record<string, unknown>): string => {
    const claims = { iss: issuer.url, aud: AUDIENCE, iat: seconds(), exp: seconds(3600), ...changes }
    return signed({ alg: 'EdDSA', kid: 'ed' }, claims, key)
  }
  const show = (token: string): ReturnType<Gate['authenticator']['authenticate']> =>
    gate.authenticator.authenticate(`Bearer ${token}`, '192.0.2.1')
  const counted = (): number => gate.credentials.reads.filter((name) => name === 'trustsByIssuer').length

  it('are verified again after 60 seconds, their connection read each time (RFC 7644 §2)', async () => {
    const token = withClaims({})
    for (let i = 0; i < 5; i++) await show(token)
    expect(counted()).to.equal(1)
    gate.clock.time += 60_000
    await show(token)
    expect(counted()).to.equal(2)
    expect(gate.credentials.reads.filter((name) => name === 'connection')).to.have.length(6)
  })

  it('are verified again after their expiry, and refused when the 60 s for clocks are over', async () => {
    const token = withClaims({ exp: seconds(30) })
    await show(token)
    gate.clock.time += 31_000
    await show(token)
    expect(counted()).to.equal(2)
    gate.clock.time += 64_000
    expect((await refusal(show(token))).status).to.equal(401)
  })

  it('are verified again once the connection has changed', async () => {
    const token = withClaims({})
    await show(token)
    gate.credentials.trusts = []
    gate.credentials.changeConnection(connection.id, {})
    expect((await refusal(show(token))).status).to.equal(401)
  })

  it('end with their connection at once', async () => {
    const token = withClaims({})
    await show(token)
    gate.credentials.connections.set(connection.id, { ...connection, status: 'revoked' })
    expect((await refusal(show(token))).status).to.equal(401)
  })

  it('give 503 when the store is out, not 401 and not the old answer', async () => {
    const token = withClaims({})
    await show(token)
    gate.credentials.outage = new DomainError('unavailable', 'The store is locked', { retryAfter: 7 })
    const error = await refusal(show(token))
    expect([error.status, error.retryAfter]).to.deep.equal([503, 7])
  })

  it('are at most 1,000, the least recently used forgotten first', async () => {
    const tokens = Array.from({ length: 1_001 }, (_, n) => withClaims({ n }))
    for (const token of tokens.slice(0, 1_000)) await show(token)
    await show(tokens[0]!)
    expect(counted()).to.equal(1_000)
    await show(tokens[1_000]!)
    await show(tokens[0]!)
    expect(counted(), 'the first was used again and stays').to.equal(1_001)
    await show(tokens[1]!)
    expect(counted(), 'the second was forgotten').to.equal(1_002)
  })
})
