import type { KeyId, SessionId } from './ids.ts'

/** A request that is to be done once: who sent it, under which key of theirs. */
export interface OnceKey {
  readonly keyId: KeyId | SessionId
  /** The client's `Idempotency-Key`. */
  readonly idempotencyKey: string
}

/** What such a request was, and what it was answered. */
export interface KeptAnswer {
  /** SHA-256 of method, path and body. */
  readonly requestHash: Uint8Array
  /** Absent while the answer was not sent, and for good where the process ended before it was. */
  readonly answer: OnceAnswer | undefined
}

export interface OnceAnswer {
  readonly status: number
  /** JSON text; empty for none. */
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}
