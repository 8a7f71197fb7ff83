import { randomBytes } from 'node:crypto'
import type { UserId } from '../domain/ids.ts'
import { newId } from '../domain/ids.ts'
import type { OneTimeLink } from '../domain/local-sign-in.ts'
import { hashToken, parseToken } from './token.ts'

/** A link that is to be stored, and the text that stands in its address alone. */
export interface MintedLink<User extends UserId | undefined> {
  readonly text: string
  readonly link: OneTimeLink & { readonly user: User }
}

const DAY = 86_400_000
const HOUR = 3_600_000

/** A link to set an org up, good for seven days. @param now epoch milliseconds */
export function mintSetupLink(now: number): MintedLink<undefined> {
  return mint('setup', undefined, now, 7 * DAY)
}

/** A link to set another password, good for an hour. @param now epoch milliseconds */
export function mintResetLink(user: UserId, now: number): MintedLink<UserId> {
  return mint('reset', user, now, HOUR)
}

function mint<User extends UserId | undefined>(
  kind: OneTimeLink['kind'],
  user: User,
  now: number,
  life: number,
): MintedLink<User> {
  const text = randomBytes(32).toString('base64url')
  return { text, link: { id: newId(now), kind, user, secretHash: hashToken(text), expires: now + life } }
}

/** The hash by which a link's text is looked up; undefined for what was never one. */
export function linkHash(text: string): Uint8Array | undefined {
  // Links of invitations have the form of tokens, so that secret scanners know them.
  return /^[\w-]{43}$/.test(text) || parseToken(text) !== undefined ? hashToken(text) : undefined
}
