import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express'
import { type AuthError, unauthorized } from './auth-error.ts'
import type { Authenticated, Authenticator } from './authenticate.ts'
import type { KeyAuthenticator, KeyBearer } from './api-key.ts'
import { type Csrf, CSRF_HEADER } from '../http/csrf.ts'
import { accountOfSession, type Sessions } from './session.ts'
import type { TokenAnswer, TokenGrants } from './token-grant.ts'

export interface SourceOptions {
  /** The client's IP address; default `req.ip`, which obeys Express's `trust proxy`. */
  readonly sourceOf?: (req: Request) => string
}

export interface TokenRouterOptions extends SourceOptions {
  /** Told of each refused credential and each outage, for the log. */
  readonly onRefused?: (refusal: AuthError, req: Request) => void
}

const MAX_FORM = '16kb'
const authenticatedBy = new WeakMap<Response, Authenticated>()
const keyShownIn = new WeakMap<Response, KeyBearer>()

/**
 * Middleware that authenticates a request before anything of its body is read. What it found is `authenticatedOf(res)`;
 * a refusal goes to the error handlers as an `AuthError`.
 */
export function authentication(authenticator: Authenticator, options: SourceOptions = {}): RequestHandler {
  const sourceOf = options.sourceOf ?? ipOf
  return async (req, res, next) => {
    try {
      authenticatedBy.set(res, await authenticator.authenticate(req.headers.authorization, sourceOf(req)))
    } catch (error) {
      return next(error)
    }
    next()
  }
}

/**
 * Who sent the request that `res` answers.
 * @throws Error when the route has no `authentication` before it
 */
export function authenticatedOf(res: Response): Authenticated {
  const found = authenticatedBy.get(res)
  if (found === undefined) throw new Error('This route is not behind authentication')
  return found
}

/** The same for the admin API, with its keys; what it found is `keyBearerOf(res)`. */
export function keyAuthentication(authenticator: KeyAuthenticator, options: SourceOptions = {}): RequestHandler {
  const sourceOf = options.sourceOf ?? ipOf
  return async (req, res, next) => {
    try {
      keyShownIn.set(res, await authenticator.authenticate(req.headers.authorization, sourceOf(req)))
    } catch (error) {
      return next(error)
    }
    next()
  }
}

export interface SessionDoor {
  readonly sessions: Pick<Sessions, 'find'>
  readonly csrf: Csrf
  /** For requests that show a key, or nothing. */
  readonly keys: RequestHandler
}

/**
 * The same for browsers too: a request without an `Authorization` header may come with the cookie of a session. One that
 * changes something carries the token against forged requests in {@link CSRF_HEADER}; every answer to another tells it.
 */
export function sessionOrKeyAuthentication({ sessions, csrf, keys }: SessionDoor): RequestHandler {
  return async (req, res, next) => {
    try {
      const session = req.headers.authorization === undefined ? await sessions.find(req) : undefined
      if (session === undefined) {
        keys(req, res, next)
        return
      }
      if (SAFE.has(req.method)) res.setHeader(CSRF_HEADER, csrf.token(req, res, session.id))
      else csrf.check(req, req.get(CSRF_HEADER), session.id)
      keyShownIn.set(res, { orgId: session.orgId, account: accountOfSession(session) })
    } catch (error) {
      return next(error)
    }
    next()
  }
}

/**
 * Whose key or session a request shows now, for an answer that goes on.
 * @throws AuthError once neither is good any more
 */
export async function bearerNow(
  req: Request,
  {
    sessions,
    keys,
    sourceOf = ipOf,
  }: SourceOptions & { readonly sessions: Pick<Sessions, 'findAgain'>; readonly keys: KeyAuthenticator },
): Promise<KeyBearer> {
  const { authorization } = req.headers
  if (authorization !== undefined) return keys.authenticate(authorization, sourceOf(req))
  const session = await sessions.findAgain(req)
  if (session === undefined) throw unauthorized('key.ended')
  return { orgId: session.orgId, account: accountOfSession(session) }
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whose key the request showed that `res` answers.
 * @throws Error when the route has no `keyAuthentication` before it
 */
export function keyBearerOf(res: Response): KeyBearer {
  const found = keyShownIn.get(res)
  if (found === undefined) throw new Error('This route is not behind authentication by key')
  return found
}

/** `POST /oauth/token` (RFC 6749 §3.2) with its own parser of forms, at most 16 kB. Mount it at the root. */
export function oauthTokenRouter(grants: TokenGrants, options: TokenRouterOptions = {}): Router {
  const sourceOf = options.sourceOf ?? ipOf
  const router = express.Router()
  const form = express.urlencoded({ extended: false, limit: MAX_FORM, parameterLimit: 20 })
  router.post('/oauth/token', form, async (req, res) => {
    const fields: unknown = req.body
    const answer = await grants.grant({
      authorization: req.headers.authorization,
      form: typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : undefined,
      source: sourceOf(req),
    })
    if (answer.refusal !== undefined) options.onRefused?.(answer.refusal, req)
    send(res, answer)
  })
  router.all('/oauth/token', (_req, res) => {
    res.set('Allow', 'POST')
    send(res, invalid(405, 'Send the request with POST.'))
  })
  router.use('/oauth/token', unreadable)
  return router
}

/** A body that the parser refused (too large, cut off, another charset) is the client's mistake, in OAuth's words. */
const unreadable: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  if (res.headersSent || status < 400 || status > 499) return next(error)
  send(res, invalid(status, `The body cannot be read: a form of at most ${MAX_FORM} is wanted.`))
}

function invalid(status: number, description: string): TokenAnswer {
  const headers = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }
  return { status, headers, body: { error: 'invalid_request', error_description: description } }
}

function send(res: Response, { status, headers, body }: TokenAnswer): void {
  res.status(status).set(headers).json(body)
}

function ipOf(req: Request): string {
  return req.ip ?? req.socket.remoteAddress ?? ''
}
