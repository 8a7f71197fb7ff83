import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler, Response } from 'express'
import type { DestinationStream, Logger, LoggerOptions } from 'pino'
import { pino } from 'pino'
import { pinoHttp } from 'pino-http'
import { latencyUs, requestContextOf } from './request-context.ts'

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
 * addresses, filters and sometimes tokens; never a header but the user agent. Mount it after `requestContext()`.
 */
export function requestLogging(logger: Logger): RequestHandler {
  const middleware = pinoHttp<IncomingMessage, ServerResponse>({
    logger,
    genReqId: (_req, res) => requestContextOf(res as Response).id,
    quietReqLogger: true,
    wrapSerializers: false,
    serializers: { req: () => undefined, res: () => undefined },
    customLogLevel: (_req, res, error) => levelOf(res.statusCode, error),
    customProps: (req, res) => lineOf(req, res as Response),
    customAttributeKeys: { reqId: 'requestId', responseTime: 'responseMs' },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request failed',
  })
  return (req, res, next) => middleware(req, res, next)
}

/** What is not offered (501) is an answer like any other; every other 5xx is a failure of ours. */
function levelOf(status: number, error: Error | undefined): 'error' | 'info' {
  return status !== 501 && (error !== undefined || status >= 500) ? 'error' : 'info'
}

function lineOf(req: IncomingMessage, res: Response): Record<string, unknown> {
  const context = requestContextOf(res)
  return {
    method: req.method,
    route: context.route ?? 'unknown',
    status: res.statusCode,
    latencyUs: latencyUs(context),
    ...(context.idpRequestId === undefined ? {} : { idpRequestId: context.idpRequestId }),
    ...(res.req.ip === undefined ? {} : { ip: res.req.ip }),
  }
}
