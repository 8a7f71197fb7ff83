import type { JsonObject } from './json.ts'

/**
 * What can go wrong by the caller's doing, or the store's outage. One record maps each code to its HTTP status, so a
 * missing code cannot compile.
 */
export type DomainErrorCode =
  | 'invalid-syntax'
  | 'invalid-value'
  | 'invalid-filter'
  | 'invalid-path'
  | 'invalid-cursor'
  | 'expired-cursor'
  | 'invalid-count'
  | 'gone'
  | 'no-target'
  | 'mutability'
  | 'uniqueness'
  | 'not-found'
  | 'version-mismatch'
  | 'too-many'
  | 'too-soon'
  | 'too-large'
  | 'forbidden'
  | 'last-admin'
  | 'conflict'
  | 'seat-limit'
  | 'held'
  | 'unsupported'
  | 'unavailable'

/** Codes that are a decision of the domain, recorded in the provisioning log; the others are the caller's typing errors. */
export const REFUSALS: ReadonlySet<DomainErrorCode> = new Set<DomainErrorCode>([
  'uniqueness',
  'version-mismatch',
  'forbidden',
  'last-admin',
  'conflict',
  'seat-limit',
  'held',
])

export interface DomainErrorOptions {
  /** Stable machine reason, e.g. `user.name-taken`; goes into the hashed record, so never a personal value. */
  readonly reason?: string
  /** Typed parameters of the reason: ids, counts, attribute paths. Never a personal value. */
  readonly params?: JsonObject
  /** Seconds after which the client may try again (`Retry-After`). */
  readonly retryAfter?: number
  readonly cause?: unknown
}

/** An expected failure. `message` is a sentence for the client that says what to fix; it never carries engine text. */
export class DomainError extends Error {
  readonly code: DomainErrorCode
  readonly reason: string
  readonly params: JsonObject | undefined
  readonly retryAfter: number | undefined

  constructor(code: DomainErrorCode, message: string, options: DomainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DomainError'
    this.code = code
    this.reason = options.reason ?? code
    this.params = options.params
    this.retryAfter = options.retryAfter
  }
}
