/** Ids are ours, random (UUIDv7, RFC 9562 §5.7) and never taken from a body or an `externalId`. */
export type OrgId = string & { readonly __id: 'org' }
export type UserId = string & { readonly __id: 'user' }
/** A team has the id of its group. */
export type GroupId = string & { readonly __id: 'group' }
export type RoleId = string & { readonly __id: 'role' }
export type ConnectionId = string & { readonly __id: 'connection' }
export type TokenId = string & { readonly __id: 'token' }
/** Of a key of the admin API. */
export type KeyId = string & { readonly __id: 'key' }
/** Of somebody who is signed in with a browser. */
export type SessionId = string & { readonly __id: 'session' }
export type RecordId = string & { readonly __id: 'record' }
/** Of removals that together went beyond the limit. */
export type BatchId = string & { readonly __id: 'batch' }
export type BreakerEventId = string & { readonly __id: 'breaker-event' }
export type JobId = string & { readonly __id: 'job' }
/** Of a mail in the outbox. */
export type MailId = string & { readonly __id: 'mail' }
export type InviteId = string & { readonly __id: 'invite' }
/** Of a review of access. */
export type ReviewId = string & { readonly __id: 'review' }
/** Of a receiver of the log. */
export type SinkId = string & { readonly __id: 'sink' }
export type RuleId = string & { readonly __id: 'rule' }
/** Of what people sign in with: an OpenID provider or a directory. */
export type ProviderId = string & { readonly __id: 'provider' }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether `text` has the form of an id of ours (lower-case UUID). Anything else can name no row. */
export function isId(text: string): boolean {
  return UUID.test(text)
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const RANDOM_PER_ID = 10
const pool = new Uint8Array(RANDOM_PER_ID * 400)
let used = pool.length

/**
 * A fresh UUIDv7 (RFC 9562 §5.7): 48 bits of `now`, 74 random bits. Random bytes are fetched for many ids at once, since
 * each call into the engine costs more than all the rest, and wiped as they are used.
 * @param now epoch milliseconds
 */
export function newId<T extends string>(now: number): T {
  if (used === pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  const random = pool.subarray(used, (used += RANDOM_PER_ID))
  const time = now.toString(16).padStart(12, '0')
  let tail = ''
  for (let at = 0; at < RANDOM_PER_ID; at++) {
    const byte = random[at]!
    if (at === 4) tail += '-'
    tail += HEX[at === 0 ? 0x70 | (byte & 0x0f) : at === 2 ? 0x80 | (byte & 0x3f) : byte]
    if (at === 1) tail += '-'
  }
  random.fill(0)
  return `${time.slice(0, 8)}-${time.slice(8)}-${tail}` as T
}
