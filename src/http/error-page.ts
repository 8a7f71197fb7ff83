import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { noStore } from './security-headers.ts'
import { requestContextOf } from './request-context.ts'

/** What of a thrown value an HTTP answer may use: libraries mark errors that are the client's doing with a 4xx status. */
interface HttpLike {
  readonly status?: unknown
  readonly retryAfter?: unknown
}

const SENTENCES: Readonly<Record<number, string>> = {
  400: 'The request could not be read.',
  401: 'A credential is needed.',
  403: 'This is not allowed.',
  404: 'There is nothing here.',
  405: 'This method is not allowed here.',
  413: 'The request is too large.',
  415: 'This media type is not supported.',
  429: 'Too many requests; try again later.',
  503: 'The service is not available at the moment; try again soon.',
}

/** Last route of the app: whatever no router took is 404, in HTML for browsers and JSON for everyone else. */
export function notFoundPage(): RequestHandler {
  const store = noStore()
  return (req, res) => store(req, res, () => sendPage(req, res, 404))
}

/**
 * Last error middleware of the app. It is silent once headers are sent: Express's own handler would destroy the socket,
 * and the client's next request on it with it. A 5xx says nothing but the request id; `report` gets the cause.
 * @param report called with each error that is not the client's doing
 */
export function errorPage(report: (error: unknown, requestId: string) => void): ErrorRequestHandler {
  // Express knows an error middleware by its four parameters.
  return (error: unknown, req, res, _next) => {
    const status = statusOf(error)
    if (status >= 500) report(error, requestContextOf(res).id)
    if (res.headersSent) return
    const { retryAfter } = (error ?? {}) as HttpLike
    if (typeof retryAfter === 'number') res.setHeader('Retry-After', String(retryAfter))
    res.setHeader('Cache-Control', 'no-store')
    sendPage(req, res, status)
  }
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null ? (error as HttpLike).status : undefined
  if (typeof status === 'number' && status >= 400 && status < 600) return status
  return error instanceof URIError ? 400 : 500
}

function sendPage(req: Request, res: Response, status: number): void {
  const id = requestContextOf(res).id
  const sentence =
    SENTENCES[status] ?? (status < 500 ? 'The request was refused.' : 'Something went wrong on our side.')
  res.status(status)
  if (req.accepts(['json', 'html']) === 'html') {
    // Neither part is free text: the sentence is ours, the id has a safe form.
    res
      .type('html')
      .send(
        `<!doctype html><html lang="en"><title>${status}</title><h1>${status}</h1><p>${sentence}</p><p>Request ${id}</p></html>`,
      )
  } else {
    res.json({ error: { status, message: sentence, requestId: id } })
  }
}
