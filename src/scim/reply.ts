import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import type { Response } from 'express'

/** RFC 7644 §8.1; JSON is UTF-8, so the type has no charset parameter. */
export const SCIM_MEDIA_TYPE = 'application/scim+json'

export type ReplyHeaders = Readonly<Record<string, string>>

export interface ReplyParts {
  readonly headers?: ReplyHeaders
  /** JSON text, whole or in pieces that are written as the client takes them. */
  readonly body?: string | AsyncIterable<string>
  /** The detail error keyword of an error answer, for the request log. */
  readonly scimType?: string
}

/** An answer before it is written. Resource methods give one, so every way in ends in the same writer. */
export class Reply {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly body: string | AsyncIterable<string> | undefined
  readonly scimType: string | undefined

  constructor(status: number, parts: ReplyParts = {}) {
    this.status = status
    this.headers = parts.headers ?? {}
    this.body = parts.body
    this.scimType = parts.scimType
  }
}

/** An answer with a JSON body. */
export function jsonReply(status: number, value: object, headers: ReplyHeaders = {}): Reply {
  return new Reply(status, { headers, body: JSON.stringify(value) })
}

/** The entity tag of a version (RFC 7644 §3.14): weak, since what is printed differs by viewer and projection. */
export function entityTag(version: number): string {
  return `W/"${version}"`
}

/** Whether the version is among the tags of an `If-None-Match` (RFC 9110 §13.1.2, weak comparison). */
export function isFresh(tags: readonly string[] | undefined, version: number): boolean {
  return tags !== undefined && (tags.includes('*') || tags.includes(String(version)))
}

/**
 * Writes an answer: the only place that does. `HEAD` gets the headers of `GET`; 204 and 304 have no body. A body in
 * pieces follows the client's pace, without Content-Length; one that ends with its first piece is sent whole.
 * @throws what the body's source throws before anything was written, so the caller can still answer with an error
 */
export async function writeReply(res: Response, reply: Reply): Promise<void> {
  if (typeof reply.body === 'object') return writePieces(res, reply, reply.body)
  writeHead(res, reply)
  if (reply.body === undefined || isBodiless(reply.status)) res.end()
  else writeWhole(res, reply.body)
}

function writeHead(res: Response, reply: Reply): void {
  res.status(reply.status)
  res.locals['scimType'] = reply.scimType
  for (const [name, value] of Object.entries(reply.headers)) res.setHeader(name, value)
  if (isBodiless(reply.status)) {
    res.removeHeader('Content-Type')
    return
  }
  // Not res.type(): Express would add a charset.
  res.setHeader('Content-Type', SCIM_MEDIA_TYPE)
}

function writeWhole(res: Response, text: string): void {
  res.setHeader('Content-Length', Buffer.byteLength(text))
  if (res.req.method === 'HEAD') res.end()
  else res.end(text)
}

/** Listeners an answer may have for one event; more would be a leak indeed. */
const MAX_LISTENERS = 32

async function writePieces(res: Response, reply: Reply, pieces: AsyncIterable<string>): Promise<void> {
  if (res.req.method === 'HEAD') {
    writeHead(res, reply)
    res.end()
    return
  }
  const source = pieces[Symbol.asyncIterator]()
  const first = await source.next()
  const second = first.done === true ? first : await source.next()
  writeHead(res, reply)
  if (first.done === true) res.end()
  else if (second.done === true) writeWhole(res, first.value)
  else {
    // With those of the middlewares the pipeline's listeners are more than the ten above which Node warns of a leak.
    res.setMaxListeners(MAX_LISTENERS)
    await pipeline(Readable.from(rejoin(first.value, second.value, source)), res)
  }
}

async function* rejoin(first: string, second: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  try {
    yield first
    yield second
    for (let step = await rest.next(); step.done !== true; step = await rest.next()) {
      yield step.value
      // A fast client would else keep the event loop to itself for the whole body.
      await setImmediate()
    }
  } finally {
    await rest.return?.()
  }
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 304
}
