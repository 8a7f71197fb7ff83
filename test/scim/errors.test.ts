import { expect } from 'chai'
import { AuthError } from '../../src/auth/auth-error.ts'
import { DomainError, type DomainErrorCode } from '../../src/domain/errors.ts'
import { HttpProblem } from '../../src/http/http-problem.ts'
import { ERROR_URN, errorReply } from '../../src/scim/errors.ts'

/** The statuses and detail keywords of RFC 7644 §3.12, tables 8 and 9. */
const EXPECTED: Readonly<Record<DomainErrorCode, readonly [status: number, scimType?: string]>> = {
  'invalid-syntax': [400, 'invalidSyntax'],
  'invalid-value': [400, 'invalidValue'],
  'invalid-filter': [400, 'invalidFilter'],
  'invalid-path': [400, 'invalidPath'],
  'invalid-cursor': [400, 'invalidCursor'],
  'expired-cursor': [400, 'expiredCursor'],
  'invalid-count': [400, 'invalidCount'],
  gone: [410],
  'no-target': [400, 'noTarget'],
  mutability: [400, 'mutability'],
  uniqueness: [409, 'uniqueness'],
  'not-found': [404],
  'version-mismatch': [412],
  'too-many': [400, 'tooMany'],
  'too-soon': [429],
  'too-large': [413],
  forbidden: [403],
  'last-admin': [409],
  conflict: [409],
  'seat-limit': [403],
  held: [503],
  unsupported: [501],
  unavailable: [503],
}

interface Shown {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Record<string, unknown>
  readonly reported: readonly unknown[]
}

function shown(error: unknown): Shown {
  const reported: unknown[] = []
  const reply = errorReply(error, 'request-7', (cause) => reported.push(cause))
  const body = JSON.parse(reply.body as string) as Record<string, unknown>
  return { status: reply.status, headers: reply.headers, body, reported }
}

describe('error answers (RFC 7644 §3.12)', () => {
  for (const [code, [status, scimType]] of Object.entries(EXPECTED)) {
    it(`answers ${code} with ${status} ${scimType ?? 'and no scimType'}`, () => {
      const { body, reported, ...rest } = shown(new DomainError(code as DomainErrorCode, 'What to fix.'))
      expect(rest.status).to.equal(status)
      expect(body['schemas']).to.deep.equal([ERROR_URN])
      expect(body['status']).to.equal(String(status))
      expect(body['scimType']).to.equal(scimType)
      if (status < 500) expect(body['detail']).to.equal('What to fix.')
      expect(reported).to.have.length(code === 'unavailable' ? 1 : 0)
    })
  }

  it('names only the request in a 5xx, sends Retry-After with 503, and reports the cause', () => {
    const cause = new TypeError("Cannot read properties of undefined (reading 'secret')")
    const internal = shown(cause)
    expect([internal.status, internal.reported]).to.deep.equal([500, [cause]])
    expect(internal.body['detail']).to.include('request-7').and.not.include('secret')
    const out = shown(new DomainError('unavailable', 'sqlite is locked', { retryAfter: 0.2 }))
    expect(out.headers).to.deep.equal({ 'Retry-After': '1' })
    expect(out.body['detail']).to.not.include('sqlite')
    expect(shown(new DomainError('unavailable', 'x')).headers).to.deep.equal({ 'Retry-After': '5' })
  })

  it('passes on the challenge of a 401 and the wait of a 429, and hides what a 503 of authentication says', () => {
    const unauthorized = shown(new AuthError(401, 'token.unknown', 'No.', { challenge: 'Bearer realm="x"' }))
    expect([unauthorized.status, unauthorized.headers]).to.deep.equal([401, { 'WWW-Authenticate': 'Bearer realm="x"' }])
    const limited = shown(new AuthError(429, 'token.unknown', 'Slow down.', { retryAfter: 30 }))
    expect([limited.status, limited.headers]).to.deep.equal([429, { 'Retry-After': '30' }])
    const out = shown(new AuthError(503, 'store.unavailable', 'host db-1 is gone', { retryAfter: 5 }))
    expect(out.status).to.equal(503)
    expect(out.body['detail']).to.not.include('db-1')
    expect(out.reported).to.have.length(1)
  })

  it('keeps status and headers of a refusal by HTTP itself', () => {
    const { status, headers, body } = shown(new HttpProblem(405, 'Not here.', { Allow: 'GET' }))
    expect([status, headers, body['detail']]).to.deep.equal([405, { Allow: 'GET' }, 'Not here.'])
  })

  it('takes a foreign error with a status of its own for a failure of ours', () => {
    const foreign = Object.assign(new Error('User undefined not found'), { status: 404 })
    expect(shown(foreign).status).to.equal(500)
    for (const thrown of [undefined, null, 'text', 7]) expect(shown(thrown).status).to.equal(500)
  })
})
