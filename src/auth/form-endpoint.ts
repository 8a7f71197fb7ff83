import express, { type ErrorRequestHandler, type Request, type Response, type Router } from 'express'
import type { AuthError } from './auth-error.ts'

export interface SourceOptions {
  /** The client's IP address; default `req.ip`, which obeys Express's `trust proxy`. */
  readonly sourceOf?: (req: Request) => string
}

/** A form that was sent to an endpoint of OAuth or OpenID Connect. One field sent twice has an array. */
export interface FormRequest {
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, unknown>> | undefined
  /** The client's IP address. */
  readonly source: string
}

/** An answer to be sent as JSON. `headers` include `Cache-Control: no-store`. */
export interface FormAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, string | number>>
  /** What was refused, where it was a credential or an outage: for logs and records. */
  readonly refusal?: AuthError
}

export interface FormEndpointOptions extends SourceOptions {
  readonly path: string
  readonly answer: (request: FormRequest, req: Request, res: Response) => Promise<FormAnswer>
  /** Told of each refused credential and each outage, for the log. */
  readonly onRefused?: ((refusal: AuthError, req: Request) => void) | undefined
}

/** Headers of every answer of such an endpoint (RFC 6749 §5.1). */
export const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

const MAX_FORM = '16kb'

/** One endpoint that takes forms by POST alone, at most 16 kB, and says what is wrong in OAuth's words. Mount it at the root. */
export function formEndpoint({ path, answer, onRefused, sourceOf = ipOf }: FormEndpointOptions): Router {
  const router = express.Router()
  const form = express.urlencoded({ extended: false, limit: MAX_FORM, parameterLimit: 20 })
  router.post(path, form, async (req, res) => {
    const fields: unknown = req.body
    const given = await answer(
      {
        authorization: req.headers.authorization,
        form: typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : undefined,
        source: sourceOf(req),
      },
      req,
      res,
    )
    if (given.refusal !== undefined) onRefused?.(given.refusal, req)
    send(res, given)
  })
  router.all(path, (_req, res) => {
    res.set('Allow', 'POST')
    send(res, errorAnswer(405, 'invalid_request', 'Send the request with POST.'))
  })
  router.use(path, unreadable)
  return router
}

/** An error answer (RFC 6749 §5.2). The description may hold printable ASCII only. */
export function errorAnswer(status: number, error: string, description: string): FormAnswer {
  return { status, headers: NO_STORE, body: { error, error_description: description } }
}

/** An answer to what was refused for now and may be sent again: over a limit, or while something is out. */
export function busyAnswer(refusal: AuthError): FormAnswer {
  const { body, headers, status } = errorAnswer(refusal.status, 'temporarily_unavailable', refusal.message)
  const wait = refusal.retryAfter === undefined ? {} : { 'Retry-After': String(refusal.retryAfter) }
  return { status, body, headers: { ...headers, ...wait }, refusal }
}

/**
 * The named fields of a form.
 * @returns a sentence where there is no form, or a field is sent twice (RFC 6749 §3.2); one without a value counts as omitted
 */
export function singleFields(
  form: FormRequest['form'],
  names: readonly string[],
): Record<string, string | undefined> | string {
  if (form === undefined) return 'Send the fields as application/x-www-form-urlencoded.'
  const fields: Record<string, string | undefined> = {}
  for (const name of names) {
    const value = Object.hasOwn(form, name) ? form[name] : undefined
    if (value === undefined || value === '') continue
    if (typeof value !== 'string') return `The field ${name} is sent more than once.`
    fields[name] = value
  }
  return fields
}

/** A body that the parser refused (too large, cut off, another charset) is the client's mistake, in OAuth's words. */
const unreadable: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  if (res.headersSent || status < 400 || status > 499) return next(error)
  send(res, errorAnswer(status, 'invalid_request', `The body cannot be read: a form of at most ${MAX_FORM} is wanted.`))
}

function send(res: Response, { status, headers, body }: FormAnswer): void {
  res.status(status).set(headers)
  if (Object.keys(body).length === 0) res.end()
  else res.json(body)
}

/** The client's IP address as Express knows it. */
export function ipOf(req: Request): string {
  return req.ip ?? req.socket.remoteAddress ?? ''
}
