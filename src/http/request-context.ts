import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import type { RequestFacts } from '../domain/record.ts'

/** What is known of an HTTP request before its credential is: it lives in `res.locals` until the answer is sent. */
export interface RequestContext {
  /** The client's `X-Request-Id` where it has a safe form, else a fresh UUID; echoed in the answer. */
  readonly id: string
  /** The identity provider's own id of the request, where it sends one of a safe form. */
  readonly idpRequestId: string | undefined
  /** Wall-clock arrival, epoch milliseconds. */
  readonly receivedAt: number
  /** `performance.now()` at arrival, milliseconds. */
  readonly started: number
  /** The client's address as `trust proxy` allows: Express works it out anew at each access. */
  readonly ip: string | undefined
  /** Route template such as `/Users/:id`, once a router knows it: what logs show in place of the path. */
  route: string | undefined
}

const CLIENT_GONE = 499

const KEY = 'rollcallRequest'

/** Printable, no quotes, spaces or controls: such an id can go into a header and a log line as it is. */
const SAFE_ID = /^[A-Za-z0-9._:/+=@-]{1,128}$/

/** Headers in which Okta and Entra ID send their own request id, most specific first. */
const IDP_HEADERS = ['x-okta-request-id', 'client-request-id', 'x-ms-client-request-id'] as const

/** First middleware of the app: gives each request an id and an arrival time, and answers with `X-Request-Id`. */
export function requestContext(): RequestHandler {
  return (req: Request, res: Response, next: NextFunction) => {
    const context: RequestContext = {
      id: safe(req.get('x-request-id')) ?? randomUUID(),
      idpRequestId: IDP_HEADERS.map((name) => safe(req.get(name))).find((id) => id !== undefined),
      receivedAt: Date.now(),
      started: performance.now(),
      ip: req.ip,
      route: undefined,
    }
    res.locals[KEY] = context
    res.setHeader('X-Request-Id', context.id)
    next()
  }
}

/** The request context of an answer. @throws Error if {@link requestContext} is not mounted */
export function requestContextOf(res: Response): RequestContext {
  const context = res.locals[KEY] as RequestContext | undefined
  if (context === undefined) throw new Error('requestContext() must be the first middleware')
  return context
}

/** The request as use cases record it: template instead of path, and the client's address as `trust proxy` allows. */
export function requestFacts(req: Request, res: Response): RequestFacts {
  const context = requestContextOf(res)
  const userAgent = req.get('user-agent')?.slice(0, 256)
  return {
    id: context.id,
    method: req.method,
    ...(context.route === undefined ? {} : { route: context.route }),
    ...(context.idpRequestId === undefined ? {} : { idpRequestId: context.idpRequestId }),
    receivedAt: context.receivedAt,
    started: context.started,
    client: {
      ...(context.ip === undefined ? {} : { ip: context.ip }),
      ...(userAgent === undefined ? {} : { userAgent }),
    },
  }
}

/** Microseconds since the request arrived, an integer. */
export function latencyUs(context: RequestContext): number {
  return Math.round((performance.now() - context.started) * 1000)
}

/** The status of a closed answer; 499 where the client went away before it had all of it. */
export function answeredStatus(res: Response): number {
  return res.writableFinished ? res.statusCode : CLIENT_GONE
}

function safe(id: string | undefined): string | undefined {
  return id !== undefined && SAFE_ID.test(id) ? id : undefined
}
