import { expect } from 'chai'
import { requireScope } from '../../src/auth/authenticate.ts'
import { createFailureLimiter } from '../../src/auth/failure-limiter.ts'
import { AuthError } from '../../src/auth/auth-error.ts'
import type { Connection } from '../../src/domain/connection.ts'
import type { TokenId } from '../../src/domain/ids.ts'
import { basic, createGate, refusal, type Gate } from '../support/authentication.ts'

const SOURCE = '192.0.2.1'
const BOOTSTRAP = 'a bootstrap secret, of any characters: ä+/=%41'

describe('authentication', () => {
  let gate: Gate
  let connection: Connection
  let token: { id: TokenId; text: string }

  beforeEach(() => {
    gate = createGate()
    connection = gate.credentials.addConnection()
    token = gate.credentials.addToken(connection)
  })

  const show = (header: string | undefined, source = SOURCE): ReturnType<Gate['authenticator']['authenticate']> =>
    gate.authenticator.authenticate(header, source)

  describe('by bearer token (RFC 6750 §2.1)', () => {
    it('finds a token of our form by its id, in one read', async () => {
      const found = await show(`Bearer ${token.text}`)
      expect(found).to.deep.equal({ connection, method: 'token', tokenId: token.id })
      expect(gate.credentials.reads).to.deep.equal(['tokenById'])
    })

    it('takes the scheme in any case and with several spaces (RFC 9110 §11.1)', async () => {
      for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) {
        expect((await show(`${scheme} ${token.text} `)).tokenId).to.equal(token.id)
      }
    })

    it('finds any other token by its hash, whatever its characters', async () => {
      const id = gate.credentials.addBootstrap(connection, BOOTSTRAP)
      const bytes = Buffer.from(BOOTSTRAP, 'utf8').toString('latin1')
      expect((await show(`Bearer ${bytes}`)).tokenId).to.equal(id)
    })

    it('finds a bootstrap token that has the form of ours, or of a JWT', async () => {
      const elsewhere = createGate()
      const foreign = elsewhere.credentials.addToken(elsewhere.credentials.addConnection()).text
      for (const text of [foreign, 'aaaaaaaaaaaa.bbbbbbbbbbbb.cccccccccccc']) {
        const id = gate.credentials.addBootstrap(connection, text)
        expect((await show(`Bearer ${text}`)).tokenId).to.equal(id)
      }
    })

    it('refuses a token with the right id and another secret', async () => {
      const other = gate.credentials.addToken(connection)
      gate.credentials.changeToken(token.id, { secretHash: gate.credentials.tokens.get(other.id)!.secretHash })
      const error = await refusal(show(`Bearer ${token.text}`))
      expect([error.status, error.reason]).to.deep.equal([401, 'token.unknown'])
    })

    it('refuses expired and revoked tokens and revoked connections at once, in one sentence', async () => {
      const known = { orgId: connection.orgId, connectionId: connection.id, tokenId: token.id }
      gate.credentials.changeToken(token.id, { expires: gate.now() + 1 })
      await show(`Bearer ${token.text}`)
      gate.clock.time += 1
      const expired = await refusal(show(`Bearer ${token.text}`))
      gate.credentials.changeToken(token.id, { expires: undefined, revoked: gate.now() })
      const revoked = await refusal(show(`Bearer ${token.text}`))
      gate.credentials.changeToken(token.id, { revoked: undefined })
      gate.credentials.changeConnection(connection.id, { status: 'revoked' })
      const closed = await refusal(show(`Bearer ${token.text}`))
      const all = [expired, revoked, closed]
      expect(all.map(({ reason }) => reason)).to.deep.equal(['token.expired', 'token.revoked', 'connection.revoked'])
      expect(new Set(all.map(({ message }) => message)).size).to.equal(1)
      for (const error of all) {
        expect(error.status).to.equal(401)
        expect(error.known).to.deep.equal(known)
      }
    })

    it('says of a token that was cut off or mistyped that it was, and nothing of the token', async () => {
      for (const text of [token.text.slice(0, -3), token.text.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))]) {
        const error = await refusal(show(`Bearer ${text}`))
        expect([error.status, error.reason]).to.deep.equal([401, 'token.mistyped'])
        expect(error.message).to.include('incomplete or mistyped')
        expect(error.message + String(error.stack)).not.to.include(text.slice(0, 45))
      }
    })
  })

  describe('by Basic (RFC 7617)', () => {
    it('reads the vectors of W&B’s clients', async () => {
      const id = gate.credentials.addBootstrap(connection, 'p@55w0rd')
      for (const header of ['Basic ZGVtbzpwQDU1dzByZA==', 'Basic OnNhLXBANTV3MHJk']) {
        if (header.includes('OnNh')) gate.credentials.addBootstrap(connection, 'sa-p@55w0rd')
        expect((await show(header)).method).to.equal('basic')
      }
      expect((await show('Basic ZGVtbzpwQDU1dzByZA==')).tokenId).to.equal(id)
    })

    it('takes any user name, also an empty one, with a token as password', async () => {
      for (const user of ['demo', '', 'api', 'ünïcode', connection.id]) {
        const found = await show(basic(user, token.text))
        expect(found).to.deep.equal({ connection, method: 'basic', tokenId: token.id })
      }
    })

    it('splits at the first colon, so a password may hold colons', async () => {
      const id = gate.credentials.addBootstrap(connection, 'one:two:three and so on, 32 characters')
      expect((await show(basic('user', 'one:two:three and so on, 32 characters'))).tokenId).to.equal(id)
    })

    it('refuses the token as user name, an empty password and a JWT as password', async () => {
      for (const header of [basic(token.text, ''), basic('', ''), basic('u', 'aaaa.bbbb.cccc')]) {
        expect((await refusal(show(header))).reason).to.equal('token.unknown')
      }
    })
  })

  const unreadable: Record<string, string | undefined> = {
    'no header': undefined,
    'an empty header': '',
    spaces: '   ',
    'a bare Bearer': 'Bearer',
    'Bearer and spaces': 'Bearer   ',
    'a bare Basic': 'Basic',
    'Basic without a colon': `Basic ${Buffer.from('nocolon').toString('base64')}`,
    'Basic that is no base64': 'Basic !!!!',
    'Basic that is no UTF-8': `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`,
    'an unknown scheme': 'Digest username="x"',
    'Bearer with bytes that are no UTF-8': 'Bearer \u00ff\u00fe',
  }
  for (const [title, header] of Object.entries(unreadable)) {
    it(`refuses ${title} with 401, the way in, and no read of the store`, async () => {
      const error = await refusal(show(header))
      expect(error.status).to.equal(401)
      expect(error.reason).to.match(/^credential\.(missing|malformed)$/)
      expect(error.challenge).to.equal('Bearer realm="rollcall", Basic realm="rollcall"')
      expect(gate.credentials.reads).to.deep.equal([])
    })
  }

  it('answers 503 and never 401 when the store is out, for every kind of credential', async () => {
    gate.credentials.outage = new TypeError('Cannot read properties of undefined')
    for (const header of [`Bearer ${token.text}`, basic('', token.text), 'Bearer unknown', 'Bearer YQ.YQ.YQ']) {
      const error = await refusal(show(header))
      expect([error.status, error.retryAfter, error.challenge]).to.deep.equal([503, 5, undefined])
      expect(error.message).not.to.include('undefined')
      expect(error.cause).to.equal(gate.credentials.outage)
    }
  })

  it('notes each use of a token, and none of a refused one', async () => {
    await show(`Bearer ${token.text}`)
    await show(basic('x', token.text))
    await refusal(show('Bearer unknown'))
    const use = { orgId: connection.orgId, connectionId: connection.id, tokenId: token.id, at: gate.now() }
    expect(gate.uses).to.deep.equal([use, use])
  })

  describe('limits failures by source', () => {
    const failTimes = async (times: number, source: string): Promise<AuthError[]> => {
      const errors: AuthError[] = []
      for (let i = 0; i < times; i++) errors.push(await refusal(show('Bearer unknown', source)))
      return errors
    }

    beforeEach(() => {
      gate = createGate({ limit: 20 })
      connection = gate.credentials.addConnection()
      token = gate.credentials.addToken(connection)
    })

    it('to 20 a minute, then 429 with Retry-After', async () => {
      const errors = await failTimes(22, SOURCE)
      expect(errors.slice(0, 20).every(({ status }) => status === 401)).to.equal(true)
      for (const error of errors.slice(20)) {
        expect(error.status).to.equal(429)
        expect(error.retryAfter).to.be.within(1, 60)
        expect(error.reason).to.equal('token.unknown')
      }
      expect((await refusal(show(undefined))).status, 'no credential counts too').to.equal(429)
    })

    it('and serves a good credential from a source over its limit all the same', async () => {
      await failTimes(30, SOURCE)
      for (let i = 0; i < 50; i++) expect((await show(`Bearer ${token.text}`)).tokenId).to.equal(token.id)
      expect((await refusal(show('Bearer unknown'))).status).to.equal(429)
    })

    it('apart from each other, an IPv6 host by its /64', async () => {
      await failTimes(20, '2001:db8:1:2::1')
      expect((await refusal(show('Bearer x', '2001:db8:1:2:ffff::9'))).status).to.equal(429)
      expect((await refusal(show('Bearer x', '2001:db8:1:3::1'))).status).to.equal(401)
      expect((await refusal(show('Bearer x', '192.0.2.2'))).status).to.equal(401)
    })

    it('without counting outages', async () => {
      gate.credentials.outage = new Error('down')
      for (let i = 0; i < 30; i++) expect((await refusal(show('Bearer unknown'))).status).to.equal(503)
      gate.credentials.outage = undefined
      expect((await refusal(show('Bearer unknown'))).status).to.equal(401)
    })

    it('by the limit that is set, 0 being none', async () => {
      const two = createFailureLimiter(2)
      expect([await two.failed(SOURCE), await two.failed(SOURCE)]).to.deep.equal([undefined, undefined])
      expect(await two.failed(SOURCE)).to.be.within(1, 60)
      const none = createFailureLimiter(0)
      for (let i = 0; i < 100; i++) expect(await none.failed(SOURCE)).to.equal(undefined)
    })

    it('in bounded memory: beyond 10,000 sources in a minute the new ones share one count', async () => {
      const limiter = createFailureLimiter(1)
      for (let i = 0; i < 10_000; i++) await limiter.failed(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
      expect(await limiter.failed('192.0.2.1')).to.equal(undefined)
      expect(await limiter.failed('192.0.2.2')).to.be.within(1, 60)
      expect(await limiter.failed('10.0.0.1'), 'a known source keeps its own').to.be.within(1, 60)
    })
  })

  it('refuses a connection without the scope with 403 (RFC 6750 §3.1)', () => {
    const usersOnly = { ...connection, scopes: ['users'] as const }
    requireScope(usersOnly, 'users')
    try {
      requireScope(usersOnly, 'groups')
      expect.fail('It should have been refused')
    } catch (error) {
      if (!(error instanceof AuthError)) throw error
      expect(error.status).to.equal(403)
      expect(error.challenge).to.equal('Bearer realm="rollcall", error="insufficient_scope"')
      expect(error.message).to.include('may not read or change groups')
    }
  })
})
