/** Ids are ours, random (UUIDv7, RFC 9562 §5.7) and never taken from a body or an `externalId`. */
export type OrgId = string & { readonly __id: 'org' }
export type UserId = string & { readonly __id: 'user' }
/** A team has the id of its group. */
export type GroupId = string & { readonly __id: 'group' }
export type RoleId = string & { readonly __id: 'role' }
export type ConnectionId = string & { readonly __id: 'connection' }
export type TokenId = string & { readonly __id: 'token' }
export type RecordId = string & { readonly __id: 'record' }
export type JobId = string & { readonly __id: 'job' }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether `text` has the form of an id of ours (lower-case UUID). Anything else can name no row. */
export function isId(text: string): boolean {
  return UUID.test(text)
}

/**
 * A fresh UUIDv7 (RFC 9562 §5.7): 48 bits of `now`, 74 random bits.
 * @param now epoch milliseconds
 */
export function newId<T extends string>(now: number): T {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  let time = now
  for (let i = 5; i >= 0; i--) {
    bytes[i] = time % 256
    time = Math.floor(time / 256)
  }
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as T
}
