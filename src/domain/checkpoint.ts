import type { OrgId } from './ids.ts'
import type { ChainHead } from './record.ts'

/** A signed statement of where an org's chain stood. Kept in the store and, so that it can prove anything, outside. */
export interface Checkpoint {
  readonly orgId: OrgId
  readonly epoch: number
  readonly seq: number
  /** When it was signed, epoch milliseconds. */
  readonly time: number
  /** SHA-256 of the public key, 64 hex characters. */
  readonly keyId: string
  /** The raw Ed25519 public key, 32 bytes. It only tells which key is meant: trust comes from outside. */
  readonly publicKey: Uint8Array
  /** The exact text under the signature. */
  readonly body: string
  /** Ed25519 (RFC 8032), 64 bytes. */
  readonly signature: Uint8Array
}

/** A chain with records that no checkpoint of its store speaks of. */
export interface MovedChain {
  readonly orgId: OrgId
  readonly head: ChainHead
  /** The newest checkpoint. */
  readonly last: { readonly epoch: number; readonly seq: number; readonly time: number } | undefined
}

export interface CheckpointReads {
  /** All of an org in their order in the chain. There is one a thousand records, or an hour. */
  all(orgId: OrgId): Promise<readonly Checkpoint[]>
  last(orgId: OrgId): Promise<Checkpoint | undefined>
  /** Chains whose head has moved since their newest checkpoint. */
  moved(): Promise<readonly MovedChain[]>
  /** The newest checkpoint of each org where that is signed by another key than this. */
  signedLastByOthers(keyId: string): Promise<readonly Checkpoint[]>
  /** Those not yet written outside the store, oldest first. */
  waiting(limit: number): Promise<readonly Checkpoint[]>
}

/** Checkpoints as they are written; each call is a transaction of its own. */
export interface CheckpointWrites {
  /**
   * Adds what `make` signs, given the newest one; one instance at a time. One that is there already stays.
   * @returns those that are new
   */
  add(orgId: OrgId, make: (last: Checkpoint | undefined) => readonly Checkpoint[]): Promise<readonly Checkpoint[]>
  /** @param at epoch milliseconds */
  markExported(checkpoints: readonly Checkpoint[], at: number): Promise<void>
}
