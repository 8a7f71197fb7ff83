import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { requestContextOf } from '../http/request-context.ts'
import { errorReply, type Report } from './errors.ts'
import { jsonReply, Reply, writeReply } from './reply.ts'

/**
 * Makes `res.send` the way to the one writer of answers, so that our routes and the library's end alike: a
 * {@link Reply} is written as it is, anything else (the library's own 404) as JSON with the status set before.
 */
export function installSend(report: Report): RequestHandler {
  return (_req: Request, res: Response, next: NextFunction) => {
    res.send = (body?: unknown) => {
      deliver(res, toReply(res, body), report)
      return res
    }
    next()
  }
}

/** Writes an answer. What fails before its first byte becomes an error answer, what fails later ends the connection. */
export function deliver(res: Response, reply: Reply, report: Report): void {
  writeReply(res, reply).catch((error: unknown) => {
    if (res.headersSent) {
      // A body that breaks off must not look complete. A client that went away is no failure of ours.
      res.destroy()
      if (!isGone(error)) report(error, requestContextOf(res).id)
      return
    }
    deliver(res, errorReply(error, requestContextOf(res).id, report), report)
  })
}

function toReply(res: Response, body: unknown): Reply {
  if (body instanceof Reply) return body
  if (typeof body === 'object' && body !== null) return jsonReply(res.statusCode, body)
  return new Reply(res.statusCode)
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}
