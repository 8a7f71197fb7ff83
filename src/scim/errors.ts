import { DomainError, type DomainErrorCode } from '../domain/errors.ts'
import { ERROR_STATUS } from '../domain/error-status.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { Reply, type ReplyHeaders } from './reply.ts'

/** URN of the error message (RFC 7644 §3.12). */
export const ERROR_URN = 'urn:ietf:params:scim:api:messages:2.0:Error'

/** Detail keyword of each expected failure (RFC 7644 §3.12, table 9; RFC 9865 §2.1 for cursors). */
const SCIM_TYPES: Partial<Record<DomainErrorCode, string>> = {
  'invalid-syntax': 'invalidSyntax',
  'invalid-value': 'invalidValue',
  'invalid-filter': 'invalidFilter',
  'invalid-path': 'invalidPath',
  'invalid-cursor': 'invalidCursor',
  'expired-cursor': 'expiredCursor',
  'invalid-count': 'invalidCount',
  'no-target': 'noTarget',
  mutability: 'mutability',
  uniqueness: 'uniqueness',
  'too-many': 'tooMany',
}

/** Seconds a client waits after an outage that named no time of its own. */
const RETRY_AFTER = 5

/** What an error answer says. */
interface Problem {
  readonly status: number
  readonly detail: string
  readonly scimType?: string
  readonly headers?: ReplyHeaders
}

/** Called with every failure that is not the client's doing; it must not throw. */
export type Report = (error: unknown, requestId: string) => void

/** The body of an error answer (RFC 7644 §3.12); a type rather than an interface, so that it is JSON. */
export type ErrorDocument = {
  readonly schemas: readonly string[]
  readonly status: string
  readonly scimType?: string
  readonly detail: string
}

/**
 * The SCIM error of anything that was thrown (RFC 7644 §3.12), as one operation of a Bulk answer carries it. A 5xx says
 * only which request it was; its cause goes to `report`.
 */
export function errorDocument(error: unknown, requestId: string, report: Report): ErrorDocument {
  return documentOf(reportedProblem(error, requestId, report))
}

/** The answer to anything that was thrown: its {@link errorDocument} with the status and headers that belong to it. */
export function errorReply(error: unknown, requestId: string, report: Report): Reply {
  const problem = reportedProblem(error, requestId, report)
  return new Reply(problem.status, {
    body: JSON.stringify(documentOf(problem)),
    ...(problem.headers === undefined ? {} : { headers: problem.headers }),
    ...(problem.scimType === undefined ? {} : { scimType: problem.scimType }),
  })
}

function reportedProblem(error: unknown, requestId: string, report: Report): Problem {
  const problem = problemOf(error, requestId)
  if (problem.status >= 500 && problem.status !== 501 && !isHeld(error)) report(error, requestId)
  return problem
}

function documentOf({ status, scimType, detail }: Problem): ErrorDocument {
  return {
    schemas: [ERROR_URN],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail,
  }
}

function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof DomainError) return ofDomain(error, requestId)
  if (error instanceof HttpProblem) return ofHttp(error)
  if (error instanceof URIError)
    return { status: 400, scimType: 'invalidSyntax', detail: 'The path has a malformed percent escape.' }
  return ofCredential(error, requestId) ?? internal(requestId)
}

/** What is held for an admin is as it should be. */
function isHeld(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'held'
}

function ofHttp({ status, message, headers, scimType }: HttpProblem): Problem {
  return { status, detail: message, headers, ...(scimType === undefined ? {} : { scimType }) }
}

function ofDomain(error: DomainError, requestId: string): Problem {
  const [status, scimType] = [ERROR_STATUS[error.code], SCIM_TYPES[error.code]]
  if (error.code === 'unavailable') return unavailable(requestId, error.retryAfter)
  return {
    status,
    detail: error.message,
    ...(scimType === undefined ? {} : { scimType }),
    ...(error.retryAfter === undefined ? {} : { headers: { 'Retry-After': seconds(error.retryAfter) } }),
  }
}

interface CredentialFailure {
  readonly name: 'AuthError'
  readonly status: number
  readonly message: string
  readonly challenge: string | undefined
  readonly retryAfter: number | undefined
}

/** The failures of authentication, known by their shape: this layer takes authentication as an argument. */
function isCredentialFailure(error: unknown): error is CredentialFailure {
  return error instanceof Error && error.name === 'AuthError' && 'status' in error && typeof error.status === 'number'
}

function ofCredential(error: unknown, requestId: string): Problem | undefined {
  if (!isCredentialFailure(error)) return undefined
  const { status, challenge, retryAfter } = error
  if (status >= 500) return unavailable(requestId, retryAfter)
  return {
    status,
    detail: error.message,
    headers: {
      ...(challenge === undefined ? {} : { 'WWW-Authenticate': challenge }),
      ...(retryAfter === undefined ? {} : { 'Retry-After': seconds(retryAfter) }),
    },
  }
}

function unavailable(requestId: string, retryAfter: number | undefined): Problem {
  return {
    status: 503,
    detail: `The service is not available at the moment; try again. Request ${requestId}`,
    headers: { 'Retry-After': seconds(retryAfter ?? RETRY_AFTER) },
  }
}

function internal(requestId: string): Problem {
  return { status: 500, detail: `Something went wrong on our side; it was logged. Request ${requestId}` }
}

function seconds(value: number): string {
  return String(Math.max(1, Math.ceil(value)))
}
