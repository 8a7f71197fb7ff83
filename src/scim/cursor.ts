import { createHash } from 'node:crypto'
import type { Viewer } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import type { Filter } from '../domain/filter.ts'
import type { OrgId } from '../domain/ids.ts'
import type { PageKey, PageQuery } from '../domain/ports.ts'
import { openText, sealText } from '../http/sealed-text.ts'

/** How long a cursor leads on, seconds: `cursorTimeout` of ServiceProviderConfig (RFC 9865 §4). */
export const CURSOR_SECONDS = 3_600

/** What a cursor was given for; with anything else it is refused. */
export interface CursorPurpose {
  /** What is listed: a resource type, or what a search looks through. */
  readonly kind: string
  readonly orgId: OrgId
  readonly viewer: Viewer
  readonly filter: Filter | undefined
  readonly sort: PageQuery['sort']
}

/** Where a walk stands: the last row given, and the total it began with. */
export interface CursorState {
  readonly after: PageKey
  readonly total: number
}

const VERSION = 1
const PURPOSE_BYTES = 12

type Payload = readonly [
  version: number,
  purpose: string,
  issued: number,
  total: number,
  sort: PageKey['sort'],
  ord: number,
]

/**
 * A `nextCursor` (RFC 9865 §2): base64url of an HMAC-SHA-256 and of the state it covers. Nothing is kept on the
 * server, so every instance that has the key can go on.
 * @param key 32 bytes, shared by all instances
 * @param now epoch milliseconds
 */
export function sealCursor(key: Uint8Array, now: number, purpose: CursorPurpose, state: CursorState): string {
  const { after, total } = state
  const payload: Payload = [VERSION, digestOf(purpose), now, total, after.sort, after.ord]
  return sealText(key, JSON.stringify(payload))
}

/**
 * Reads a cursor back.
 * @throws DomainError `invalid-cursor` for one that was not made here or was made for another list, `expired-cursor`
 * (RFC 9865 §2.1)
 */
export function openCursor(key: Uint8Array, now: number, purpose: CursorPurpose, text: string): CursorState {
  const payload = verified(key, text)
  if (payload?.[0] !== VERSION) {
    throw new DomainError('invalid-cursor', 'The cursor is not one of ours; begin again with an empty cursor.')
  }
  const [, digest, issued, total, sort, ord] = payload
  if (digest !== digestOf(purpose)) {
    throw new DomainError(
      'invalid-cursor',
      'The cursor belongs to another list; send it with the resource type, filter, sortBy, sortOrder and credential ' +
        'it was given for, or begin again with an empty cursor.',
    )
  }
  if (now - issued > CURSOR_SECONDS * 1_000) {
    throw new DomainError('expired-cursor', `The cursor is older than ${CURSOR_SECONDS} seconds; begin again.`)
  }
  return { after: { sort, ord }, total }
}

function verified(key: Uint8Array, text: string): Payload | undefined {
  const body = openText(key, text)
  return body === undefined ? undefined : (JSON.parse(body) as Payload)
}

function digestOf({ kind, orgId, viewer, filter, sort }: CursorPurpose): string {
  const text = JSON.stringify([kind, orgId, viewer.kind, viewer.connectionId ?? null, filter ?? null, sort ?? null])
  return createHash('sha256').update(text).digest().subarray(0, PURPOSE_BYTES).toString('base64url')
}
