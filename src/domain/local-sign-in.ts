import type { OrgId, UserId } from './ids.ts'

/** A stored password and how often it was guessed at. Times are epoch milliseconds. */
export interface LocalPassword {
  /** What the password is checked against; made by `src/auth/password.ts`. */
  readonly hash: string
  readonly changed: number
  /** Attempts since the last right one. */
  readonly failures: number
  readonly failedAt: number | undefined
}

export interface PasswordReads {
  /** Whether anybody of the org has one. */
  any(orgId: OrgId): Promise<boolean>
  find(orgId: OrgId, user: UserId): Promise<LocalPassword | undefined>
}

export interface PasswordWrites {
  find(orgId: OrgId, user: UserId): Promise<LocalPassword | undefined>
  /** Puts a password in place of the one before and forgets its failures. */
  set(orgId: OrgId, user: UserId, hash: string, at: number): Promise<void>
  remove(orgId: OrgId, user: UserId): Promise<void>
  /** Counts an attempt before it is known to be right, so that many at once are counted each. */
  attempted(orgId: OrgId, user: UserId, at: number): Promise<void>
  /** The attempt was right. */
  succeeded(orgId: OrgId, user: UserId): Promise<void>
}

/** `setup` makes an org's administrator, `reset` gives a person another password. */
export type LinkKind = 'setup' | 'reset'

/** A link that works once. Only the SHA-256 (32 bytes) of its secret is stored. */
export interface OneTimeLink {
  readonly id: string
  readonly kind: LinkKind
  /** Of a reset. */
  readonly user: UserId | undefined
  readonly secretHash: Uint8Array
  /** Epoch milliseconds. */
  readonly expires: number
}

export interface LinkReads {
  /** The org of a link that is neither used nor over. Found before the org is known. */
  byHash(
    secretHash: Uint8Array,
    now: number,
  ): Promise<{ readonly orgId: OrgId; readonly link: OneTimeLink } | undefined>
}

export interface OneTimeLinkWrites {
  /** Puts a link in place of those before it of the same kind and person. */
  put(orgId: OrgId, link: OneTimeLink, at: number): Promise<void>
  /** Uses a link up. @returns undefined when it was used, replaced or over */
  take(orgId: OrgId, secretHash: Uint8Array, at: number): Promise<OneTimeLink | undefined>
  /** When the link of a person was made, epoch milliseconds; undefined where there is none. */
  madeAt(orgId: OrgId, kind: LinkKind, user: UserId): Promise<number | undefined>
  /** Whether a link of that kind still works. */
  hasLive(orgId: OrgId, kind: LinkKind, at: number): Promise<boolean>
}
