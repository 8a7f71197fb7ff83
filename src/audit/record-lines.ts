import { isJsonObject, type Json } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'

/**
 * A record as one line of JSON that can be verified by itself and in its chain: the exact body as a string, and the
 * disclosed values with their salts.
 */
export function recordLine(record: StoredRecord, pii: readonly PiiTriple[] = []): string {
  const { epoch, seq, time, body, hash } = record
  const line = { epoch, seq, time_ms: time, body, hash: hex(hash), ...(pii.length === 0 ? {} : { pii }) }
  return `${JSON.stringify(line)}\n`
}

/** What stands in the place of a record that is withheld: enough to follow the chain across it. */
export function stubLine({ epoch, seq, time, contentHash, hash }: StoredRecord): string {
  return `${JSON.stringify({ epoch, seq, time_ms: time, content_hash: hex(contentHash), hash: hex(hash) })}\n`
}

/** A line read back. Of a record `body` is there, of a stub `contentHash`. */
export interface ReadLine {
  readonly epoch: number
  readonly seq: number
  readonly time: number
  readonly hash: Uint8Array
  readonly body: string | undefined
  readonly contentHash: Uint8Array | undefined
  readonly pii: readonly PiiTriple[]
}

/** @returns undefined for what is no line of either kind */
export function readRecordLine(line: string): ReadLine | undefined {
  const value = parsed(line)
  if (!isJsonObject(value)) return undefined
  const { epoch, seq, time_ms: time, body, content_hash: content, hash, pii = [] } = value
  if (!isInteger(epoch) || !isInteger(seq) || !isInteger(time) || typeof hash !== 'string') return undefined
  if ((typeof body === 'string') === (typeof content === 'string')) return undefined
  if (!Array.isArray(pii) || !pii.every(isTriple)) return undefined
  return {
    ...{ epoch, seq, time, hash: Buffer.from(hash, 'hex') },
    body: typeof body === 'string' ? body : undefined,
    contentHash: typeof content === 'string' ? Buffer.from(content, 'hex') : undefined,
    pii,
  }
}

function isInteger(value: Json | undefined): value is number {
  return Number.isSafeInteger(value)
}

function isTriple(value: unknown): value is PiiTriple {
  return Array.isArray(value) && value.length === 3 && typeof value[0] === 'string' && typeof value[1] === 'string'
}

function parsed(line: string): Json | undefined {
  try {
    return JSON.parse(line) as Json
  } catch {
    return undefined
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
