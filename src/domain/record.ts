import type { OrgId, RecordId, UserId } from './ids.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * A personal value inside a record: the hashed text gets a salted commitment in its place, and the value itself is
 * sealed beside the record under the person's key, so erasing a person keeps the chain whole.
 */
export class Personal {
  readonly person: UserId
  readonly value: Json

  constructor(person: UserId, value: Json) {
    this.person = person
    this.value = value
  }
}

/** How long those who are nobody here are sealed under one key. */
const UNKNOWN_MS = 90 * 86_400_000

/** What the id begins with under which those who are nobody here are sealed. */
export const UNKNOWN = 'unknown-'

/** Whose key what is personal of somebody unknown is sealed under at a time: another one every 90 days. */
export function unknownPerson(at: number): UserId {
  return `${UNKNOWN}${Math.floor(at / UNKNOWN_MS)}` as UserId
}

/** Whether all that is sealed under such an id is at least 90 days old. @param now epoch milliseconds */
export function isForgotten(person: UserId, now: number): boolean {
  const window = Number(person.slice(UNKNOWN.length))
  return person.startsWith(UNKNOWN) && window <= Math.floor(now / UNKNOWN_MS) - 2
}

/** A value of a record: JSON with integers only, in which personal values stand wrapped. */
export type RecordValue = Json | Personal | readonly RecordValue[] | { readonly [key: string]: RecordValue | undefined }

/** Who acted. `id` is a connection, user or service account id; free text and OS user names are personal or left out. */
export interface Actor {
  readonly type: 'idp' | 'script' | 'user' | 'serviceAccount' | 'system' | 'cli'
  readonly id?: string
  readonly connectionId?: string
  readonly tokenId?: string
  readonly issuer?: string
  readonly subject?: string
  /** The person a service account's call was made for. */
  readonly onBehalfOf?: string
}

/** The HTTP request (or command, or job) a change came with. */
export interface RequestFacts {
  readonly id: string
  readonly method?: string
  /** Route template such as `/Users/:id`, never the raw path. */
  readonly route?: string
  readonly bulkIndex?: number
  /** The identity provider's own request id, where it sends one. */
  readonly idpRequestId?: string
  /** Wall-clock arrival, epoch milliseconds. */
  readonly receivedAt: number
  /** `performance.now()` at arrival, for `latencyUs`. */
  readonly started: number
  readonly client?: { readonly ip?: string; readonly userAgent?: string }
}

export interface RecordTarget {
  readonly type:
    | 'user'
    | 'group'
    | 'team'
    | 'role'
    | 'rule'
    | 'attribute'
    | 'org'
    | 'connection'
    | 'token'
    | 'trust'
    | 'key'
    | 'session'
    | 'job'
    | 'batch'
    | 'review'
    | 'provider'
    | 'identity'
    | 'invite'
    | 'domain'
    | 'sink'
    | 'hold'
  readonly id: string
  readonly externalId?: string | Personal
  readonly display?: string | Personal
}

export interface RecordChange {
  /** Attribute path without any filter: `emails.value`, `members`. */
  readonly path: string
  readonly old?: RecordValue
  readonly new?: RecordValue
  /** For member deltas: ids added and removed. */
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
}

/** What reconcile did because of the change, grouped over the people it is the same for. */
export interface RecordEffect {
  readonly kind: 'active' | 'org_role' | 'seat' | 'team'
  /** Team id or product; '' for org_role and active. */
  readonly target: string
  readonly old: string | null
  readonly new: string | null
  /** For a seat: the higher type that is wanted and not left. */
  readonly wanted?: string
  readonly via: string
  readonly people: readonly UserId[]
  /** Those of the people whose last team it was, or their role as an org admin; stands in no record. */
  readonly bereft?: readonly UserId[]
}

export interface RecordOutcome {
  readonly result: 'success' | 'noop' | 'refused' | 'staged' | 'error'
  readonly status?: number
  readonly scimType?: string
  readonly reason?: string
  readonly params?: JsonObject
}

/** One entry of the provisioning log before it is sealed, hashed and chained. */
export interface RecordDraft {
  readonly action: string
  readonly actor: Actor
  readonly outcome: RecordOutcome
  readonly request?: RequestFacts
  /** The record that led here, for effects applied later. */
  readonly cause?: RecordId
  readonly targets: readonly RecordTarget[]
  readonly changes?: readonly RecordChange[]
  readonly effects?: readonly RecordEffect[]
  readonly steps?: readonly JsonObject[]
}

/** Where an org's chain stands. `hash` is 32 bytes, all zero at genesis. */
export interface ChainHead {
  readonly epoch: number
  readonly seq: number
  readonly time: number
  readonly hash: Uint8Array
}

/** A record as stored: the exact text that was hashed, and its place in the chain. */
export interface SealedRecord {
  readonly id: RecordId
  readonly epoch: number
  readonly seq: number
  readonly time: number
  readonly action: string
  readonly result: string
  readonly actorType: string
  readonly actorId: string | undefined
  readonly connectionId: string | undefined
  readonly requestId: string | undefined
  readonly causeId: string | undefined
  readonly body: string
  readonly contentHash: Uint8Array
  readonly hash: Uint8Array
  /** Every object the record names, for "everything about this person". */
  readonly targets: readonly string[]
  /** Per person: nonce and AES-256-GCM ciphertext of the `[ref, salt, value]` triples. */
  readonly pii: readonly { readonly person: UserId; readonly nonce: Uint8Array; readonly ciphertext: Uint8Array }[]
}

/** A person's key wrapped by the master key; both fields are absent once the person was erased. */
export interface WrappedKey {
  readonly kekId: string | undefined
  readonly wrapped: Uint8Array | undefined
}

/** Turns drafts into sealed, hashed, chained records. Pure but for randomness; the store persists what comes out. */
export interface RecordSealer {
  /** A fresh wrapped key for a person not seen before. */
  newKey(orgId: OrgId, person: UserId): WrappedKey
  /** The people whose personal values a draft carries. */
  peopleIn(draft: RecordDraft): readonly UserId[]
  /** @param time the unit's time: max(now, head.time), epoch ms */
  seal(
    orgId: OrgId,
    draft: RecordDraft,
    head: ChainHead,
    time: number,
    keys: ReadonlyMap<UserId, WrappedKey>,
  ): SealedRecord
  /**
   * The keyed hash of a personal value, base64url of 32 bytes: the same text gives the same in one org and another in
   * every other org and deployment, and nobody without the master key can try texts against it.
   */
  pseudonym(orgId: OrgId, text: string): string
}
