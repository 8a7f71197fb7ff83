import type { ErrorRequestHandler, Response } from 'express'
import type { z } from 'zod'
import { DomainError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import { ERROR_STATUS } from '../domain/error-status.ts'
import { HttpProblem } from '../http/http-problem.ts'
import { requestContextOf } from '../http/request-context.ts'
import type { AdminPorts } from './ports.ts'

/** RFC 9457 §6.1. */
export const PROBLEM_TYPE = 'application/problem+json'

/** One thing that is wrong with the input. */
export interface FieldError {
  /** Where: a JSON pointer (RFC 6901) into the body, or the name of a query parameter. */
  readonly field: string
  readonly message: string
}

/** An input that does not fit the route's schema. */
export class InputError extends Error {
  readonly errors: readonly FieldError[]

  constructor(errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; '))
    this.name = 'InputError'
    this.errors = errors
  }
}

/** What zod found, in the API's words. @param part says where the value came from */
export function inputError(error: z.ZodError, part: 'body' | 'query'): InputError {
  return new InputError(
    error.issues.slice(0, 20).map((issue) => {
      const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 5) : []
      const path = issue.path.map((key) => String(key))
      const field = part === 'body' ? path.map((key) => `/${escaped(key)}`).join('') : path.join('.')
      if (keys.length === 0) return { field, message: issue.message }
      return { field, message: `There is no ${part === 'body' ? 'key' : 'query parameter'} ${keys.join(', ')} here` }
    }),
  )
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A problem details object (RFC 9457 §3), with `code` and `requestId` beside the members of the standard. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly requestId: string
  readonly errors?: readonly FieldError[]
  /** Of 410: where the branch that is still there parted, and the cursor that goes on from it. */
  readonly fork?: JsonObject
}

interface Problem extends Omit<ProblemDocument, 'type' | 'requestId'> {
  readonly headers?: Readonly<Record<string, string>>
}

export const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Credential needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  410: 'No longer there',
  412: 'Changed in the meantime',
  413: 'Too large',
  415: 'Media type not supported',
  422: 'Key used for another request',
  429: 'Too many at once',
  500: 'Internal error',
  501: 'Not offered',
  503: 'Not available',
}

/** Seconds a client waits after an outage that named no time of its own. */
const RETRY_AFTER = 5

/**
 * Answers anything that was thrown with problem details. A 5xx says only which request it was; its cause goes to
 * `report`.
 */
export function sendProblem(
  res: Response,
  error: unknown,
  requestId: string,
  report: (error: unknown, requestId: string) => void,
): void {
  const { headers = {}, ...problem } = problemOf(error)
  if (problem.status >= 500 && problem.status !== 501) report(error, requestId)
  if (res.headersSent) return
  const document: ProblemDocument = { type: `/api/v1/docs#${problem.code}`, ...problem, requestId }
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.status(problem.status)
  res.setHeader('Content-Type', PROBLEM_TYPE)
  res.end(JSON.stringify(document))
}

function problemOf(error: unknown): Problem {
  if (error instanceof InputError) {
    const { message: detail, errors } = error
    return { ...titled(400), detail, code: 'invalid-value', errors }
  }
  if (error instanceof HttpProblem) {
    return { ...titled(error.status), detail: error.message, code: error.scimType ?? 'http', headers: error.headers }
  }
  if (error instanceof DomainError) return ofDomain(error)
  if (error instanceof URIError) {
    return { ...titled(400), detail: 'The path has a malformed percent escape', code: 'invalid-syntax' }
  }
  return (
    ofCredential(error) ?? {
      ...titled(500),
      detail: 'Something went wrong on our side; it was logged',
      code: 'internal',
    }
  )
}

function ofDomain(error: DomainError): Problem {
  const status = ERROR_STATUS[error.code]
  if (error.code === 'unavailable') return unavailable(error.retryAfter)
  const field = error.params?.['path']
  return {
    ...titled(status),
    detail: error.message,
    code: error.reason,
    ...(error.code === 'gone' && error.params !== undefined ? { fork: error.params } : {}),
    ...(typeof field === 'string' ? { errors: [{ field, message: error.message }] } : {}),
    ...(error.retryAfter === undefined ? {} : { headers: retryAfter(error.retryAfter) }),
  }
}

interface CredentialFailure {
  readonly status: number
  readonly message: string
  readonly challenge: string | undefined
  readonly retryAfter: number | undefined
}

/** The failures of authentication, known by their shape: this layer takes authentication as an argument. */
function ofCredential(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || error.name !== 'AuthError') return undefined
  const failure = error as Error & CredentialFailure
  if (failure.status >= 500) return unavailable(failure.retryAfter)
  return {
    ...titled(failure.status),
    detail: failure.message,
    code: failure.status === 429 ? 'too-many-failures' : 'credential',
    headers: {
      ...(failure.challenge === undefined ? {} : { 'WWW-Authenticate': failure.challenge }),
      ...(failure.retryAfter === undefined ? {} : retryAfter(failure.retryAfter)),
    },
  }
}

function unavailable(seconds: number | undefined): Problem {
  return {
    ...titled(503),
    detail: 'The service is not available at the moment; try again',
    code: 'unavailable',
    headers: retryAfter(seconds ?? RETRY_AFTER),
  }
}

function retryAfter(seconds: number): { readonly 'Retry-After': string } {
  return { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) }
}

function titled(status: number): { readonly title: string; readonly status: number } {
  return { title: TITLES[status] ?? 'Refused', status }
}

/** The end of a router of the API. Silent once headers are sent. */
export function answerErrors({ report }: Pick<AdminPorts, 'report'>): ErrorRequestHandler {
  // Express knows an error middleware by its four parameters.
  return (error: unknown, _req, res, _next) => {
    const { id } = requestContextOf(res)
    if (res.headersSent) report(error, id)
    else sendProblem(res, error, id, report)
  }
}
