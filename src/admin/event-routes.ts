import express, { type ErrorRequestHandler, type Response, Router } from 'express'
import { answerPoll, type PollParts, readPollRequest } from '../delivery/set-poll.ts'
import { DomainError } from '../domain/errors.ts'
import type { StoredSink } from '../domain/sink.ts'
import { requestContextOf } from '../http/request-context.ts'
import { noStore } from '../http/security-headers.ts'

/** Where a polling receiver asks, and where keys are, after the public address. */
export const EVENTS = '/events'

export interface EventRouterOptions extends PollParts {
  /** The public keys that tokens verify with, as a JWK set. */
  readonly jwks: () => Promise<object>
  /** Whose credential it is. @throws Error named `AuthError` */
  readonly receiverOf: (authorization: string | undefined, ip: string) => Promise<StoredSink>
  readonly report: (error: unknown, requestId: string) => void
}

/** `POST /events/poll` (RFC 8936) and `GET /events/jwks.json` (RFC 7517). Mount it at the root. */
export function eventRouter(options: EventRouterOptions): Router {
  const router = Router()
  router.get(`${EVENTS}/jwks.json`, async (_req, res) => {
    requestContextOf(res).route = `${EVENTS}/jwks.json`
    res.setHeader('Cache-Control', 'public, max-age=3600')
    res.type('application/jwk-set+json').send(JSON.stringify(await options.jwks()))
  })
  router.use(`${EVENTS}/poll`, noStore())
  router.post(`${EVENTS}/poll`, async (req, res, next) => {
    requestContextOf(res).route = `${EVENTS}/poll`
    res.locals[RECEIVER] = await options.receiverOf(req.headers.authorization, req.ip ?? '')
    next()
  })
  router.post(`${EVENTS}/poll`, express.json({ limit: '256kb', type: '*/*' }), async (req, res) => {
    const asked = readPollRequest(req.body)
    if (asked === undefined) {
      refuse(res, 400, 'invalid_request', 'The body is no request of RFC 8936, or names more than 1,000 tokens')
      return
    }
    const gone = new AbortController()
    res.once('close', () => {
      gone.abort()
    })
    const answer = await answerPoll(options, res.locals[RECEIVER] as StoredSink, asked, gone.signal)
    res.status(200).type('application/json').send(JSON.stringify(answer))
  })
  router.all(`${EVENTS}/poll`, (_req, res) => {
    res.setHeader('Allow', 'POST')
    refuse(res, 405, 'invalid_request', 'Send the request with POST')
  })
  router.use(EVENTS, refusals(options))
  return router
}

const RECEIVER = 'eventReceiver'

/** The end of the router, in the words of RFC 8935 §2.3. Silent once headers are sent. */
function refusals({ report }: EventRouterOptions): ErrorRequestHandler {
  // Express knows an error middleware by its four parameters.
  return (error: unknown, _req, res, next) => {
    const { id } = requestContextOf(res)
    if (res.headersSent) return report(error, id)
    const status = statusOf(error)
    if (status === 503) {
      report(error, id)
      res.setHeader('Retry-After', '5')
      refuse(res, 503, 'unavailable', 'The service is not available at the moment; try again')
    } else if (error instanceof Error && error.name === 'AuthError') refuseCredential(res, error, status)
    else if (status < 500) refuse(res, status, 'invalid_request', 'The body cannot be read as JSON')
    else next(error)
  }
}

function statusOf(error: unknown): number {
  if (error instanceof DomainError && error.code === 'unavailable') return 503
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  return status >= 400 ? status : 500
}

function refuseCredential(res: Response, error: Error, status: number): void {
  const { challenge, retryAfter } = error as Error & { readonly challenge?: string; readonly retryAfter?: number }
  if (challenge !== undefined) res.setHeader('WWW-Authenticate', challenge)
  if (retryAfter !== undefined) res.setHeader('Retry-After', String(Math.max(1, Math.ceil(retryAfter))))
  refuse(res, status, 'authentication_failed', error.message)
}

function refuse(res: Response, status: number, err: string, description: string): void {
  res.status(status).type('application/json').send(JSON.stringify({ err, description }))
}
