import { raw, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { DomainError } from '../domain/errors.ts'
import type { Json } from '../domain/json.ts'
import { HttpProblem } from './http-problem.ts'
import { MAX_BODY_BYTES, MAX_LARGE_BODY_BYTES } from './limits.ts'

/** Nesting deeper than this is refused before it is parsed. */
const MAX_DEPTH = 32

const JSON_TYPE = 'application/json'

/** Methods whose body has a meaning here; that of any other request is read past. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{`, `]` and `}` differ by this bit only. */
const CASE_BIT = 0x20
const OPEN = 0x7b
const CLOSE = 0x7d

export interface JsonBodyOptions {
  /** Media types accepted beside `application/json` and none, e.g. `application/scim+json` (RFC 7644 §3.1). */
  readonly alsoTypes?: readonly string[]
  /** Whether a request may have a body of 16 MiB rather than 1 MiB. */
  readonly isLarge: (res: Response) => boolean
}

/** Reads the JSON body of a request into `req.body`, to be mounted after authentication. Any other media type is 415. */
export function jsonBody({ isLarge, alsoTypes = [] }: JsonBodyOptions): RequestHandler {
  const accepted = [...alsoTypes, JSON_TYPE]
  const small = raw({ type: () => true, limit: MAX_BODY_BYTES })
  const large = raw({ type: () => true, limit: MAX_LARGE_BODY_BYTES })
  return (req, res, next) => {
    if (!WITH_BODY.has(req.method)) {
      passOver(req)
      next()
      return
    }
    requireJsonType(req, accepted)
    const read = isLarge(res) ? large : small
    read(req, res, (error?: unknown) => finish(req, next, error))
  }
}

function finish(req: Request, next: NextFunction, error: unknown): void {
  if (error !== undefined) {
    next(toProblem(error))
    return
  }
  try {
    req.body = parseJson(req.body)
    next()
  } catch (problem) {
    next(problem)
  }
}

/** What the body reader reports, in our words: its own text may quote the engine. */
function toProblem(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('status' in error)) return error
  const type = 'type' in error ? error.type : undefined
  if (error.status === 413) return new DomainError('too-large', 'The request body is too large.')
  if (error.status === 415)
    return new HttpProblem(415, 'Send the body as it is, or with Content-Encoding gzip, deflate or br.')
  if (error.status !== 400) return error
  if (type === 'request.aborted' || type === 'request.size.invalid')
    return syntax('The body is not as long as the request announced.')
  return syntax('The body cannot be unpacked as its Content-Encoding says.')
}

/** A body on GET or DELETE means nothing (RFC 9110 §9.3.1); without its type no later parser looks at it. */
function passOver(req: Request): void {
  delete req.headers['content-type']
  req.body = undefined
}

function requireJsonType(req: Request, accepted: readonly string[]): void {
  const header = req.headers['content-type']
  if (header === undefined || header.trim() === '') return
  const [type, ...parameters] = header.split(';').map((part) => part.trim().toLowerCase())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  const isUtf8 = charset === undefined || ['utf-8', 'utf8'].includes(charset.replaceAll('"', ''))
  if (accepted.includes(type ?? '') && isUtf8) return
  throw new HttpProblem(415, `Send JSON in UTF-8 with Content-Type ${accepted.join(' or ')}.`, {
    'Accept-Post': accepted.join(', '),
  })
}

/**
 * Parses a JSON body (RFC 8259).
 * @throws DomainError `invalid-syntax` where it is empty, malformed, not UTF-8 or nested deeper than 32
 */
export function parseJson(bytes: unknown): Json {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) throw syntax('The request has no body; send JSON.')
  if (depthOf(bytes) > MAX_DEPTH) throw syntax(`The JSON is nested deeper than ${MAX_DEPTH} levels.`)
  return parse(decode(bytes))
}

/** Making one costs more than reading a small body with it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw syntax('The body is not UTF-8.')
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    // The engine's own text may quote the body, so it is not passed on.
    throw syntax('The body is not valid JSON.')
  }
}

/** The deepest nesting, counted over bytes so that no parser has to recurse into it. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if ((byte | CASE_BIT) === OPEN) deepest = Math.max(deepest, ++depth)
    else if ((byte | CASE_BIT) === CLOSE) depth--
  }
  return deepest
}

function syntax(message: string): DomainError {
  return new DomainError('invalid-syntax', message)
}
