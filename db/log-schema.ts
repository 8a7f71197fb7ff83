import type { Generated } from 'kysely'

/*
 * The tables of the provisioning log and of single requests, in the form that schema.ts has for all.
 */

export interface OrgChainTable {
  org_id: string
  epoch: number
  seq: number
  time_ms: number
  hash: Uint8Array
}

export interface ProvisioningEventTable {
  org_id: string
  seq: number
  epoch: number
  time_ms: number
  id: string
  action: string
  result: string
  actor_type: string
  actor_id: string | null
  connection_id: string | null
  request_id: string | null
  cause_id: string | null
  body: string
  content_hash: Uint8Array
  hash: Uint8Array
}

export interface EventTargetTable {
  org_id: string
  target_id: string
  seq: number
}

export interface EventPiiTable {
  org_id: string
  person_id: string
  seq: number
  nonce: Uint8Array
  ciphertext: Uint8Array
}

export interface PersonKeyTable {
  org_id: string
  person_id: string
  kek_id: string | null
  wrapped: Uint8Array | null
  erased_seq: number | null
}

/** Where a chain stood, signed. `body` is the exact text under the signature; `public_key` is 32 raw bytes. */
export interface CheckpointTable {
  org_id: string
  epoch: number
  seq: number
  time_ms: number
  key_id: string
  public_key: Uint8Array
  body: string
  signature: Uint8Array
  /** When it was written outside the database; null until then. */
  exported_ms: number | null
}

/** Unchained, capped: every single request, also those that changed nothing (72 hours or 100,000 rows an org). */
export interface RequestLogTable {
  org_id: string
  id: Generated<number>
  time_ms: number
  request_id: string
  connection_id: string | null
  method: string
  route: string
  status: number
  scim_type: string | null
  latency_us: number
}
