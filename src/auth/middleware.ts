import type { Request, RequestHandler, Response, Router } from 'express'
import { type AuthError, unauthorized } from './auth-error.ts'
import type { Authenticated, Authenticator } from './authenticate.ts'
import type { KeyAuthenticator, KeyBearer } from './api-key.ts'
import { formEndpoint, ipOf, type SourceOptions } from './form-endpoint.ts'
import { type Csrf, CSRF_HEADER } from '../http/csrf.ts'
import { accountOfSession, type Sessions } from './session.ts'
import type { TokenGrants } from './token-grant.ts'

export interface TokenRouterOptions extends SourceOptions {
  /** Told of each refused credential and each outage, for the log. */
  readonly onRefused?: (refusal: AuthError, req: Request) => void
}

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

/** `POST /oauth/token` (RFC 6749 §3.2). Mount it at the root. */
export function oauthTokenRouter(grants: TokenGrants, options: TokenRouterOptions = {}): Router {
  return formEndpoint({ path: '/oauth/token', answer: (request) => grants.grant(request), ...options })
}
