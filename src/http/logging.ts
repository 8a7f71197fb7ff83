import type { Request, RequestHandler, Response } from 'express'
import type { DestinationStream, Logger, LoggerOptions } from 'pino'
import { pino } from 'pino'
import { answeredStatus, latencyUs, requestContextOf } from './request-context.ts'

/** Paths that may hold a credential in something that is logged; their values are never written. */
const SECRETS = [
  'authorization',
  'cookie',
  '["set-cookie"]',
  '["proxy-authorization"]',
  'token',
  'access_token',
  'client_secret',
  'password',
  'secret',
  'masterKey',
]

/** pino's redaction list: each secret at the top, one and two levels down (`req.headers.authorization`). */
export const REDACTED: readonly string[] = SECRETS.flatMap((name) => {
  const tail = name.startsWith('[') ? name : `.${name}`
  return [name, `*${tail}`, `*.*${tail}`]
})

/**
 * The process's logger: JSON lines, ISO times, secrets redacted.
 * @param level a pino level, e.g. `info`
 * @param destination where lines go; standard output if absent
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: [...REDACTED], censor: '[redacted]' },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/**
 * One line per answered request: id, method, route template, status, time. Never the path or query, which carry e-mail
 * addresses, filters and sometimes tokens; never a header. Mount it after `requestContext()`.
 */
export function requestLogging(logger: Logger): RequestHandler {
  // The line is a closed list of plain values, none of them secret: looking for secrets would cost more than the line.
  const lines = logger.child({}, { redact: [] })
  return (req, res, next) => {
    res.once('close', () => {
      writeLine(lines, req, res)
    })
    next()
  }
}

function writeLine(lines: Logger, req: Request, res: Response): void {
  const context = requestContextOf(res)
  const status = answeredStatus(res)
  const failed = isFailure(status)
  lines[failed ? 'error' : 'info'](
    {
      requestId: context.id,
      method: req.method,
      route: context.route ?? 'unknown',
      status,
      latencyUs: latencyUs(context),
      idpRequestId: context.idpRequestId,
      ip: context.ip,
    },
    failed ? 'request failed' : 'request',
  )
}

/** What is not offered (501) is an answer like any other; every other 5xx is a failure of ours. */
function isFailure(status: number): boolean {
  return status >= 500 && status !== 501
}
