import type { KeyHolder } from './api-key.ts'
import type { OrgId, SessionId, UserId } from './ids.ts'

/** How long after proving who they are a person may do dangerous acts, in milliseconds. */
export const FRESH = 10 * 60_000

/** How a person proved who they are. */
export type SignInMethod = 'oidc' | 'ldap' | 'password' | 'setup' | 'invite'

/** Somebody who is signed in with a browser. Times are epoch milliseconds. */
export interface Session {
  readonly orgId: OrgId
  readonly id: SessionId
  readonly user: UserId
  readonly method: SignInMethod
  /** The identity provider that vouched, its name for the person, and its own session where it said one. */
  readonly issuer: string | undefined
  readonly subject: string | undefined
  readonly sid: string | undefined
  readonly created: number
  /** As stored: up to a minute behind. */
  readonly lastSeen: number
  /** When the person last proved who they are: dangerous acts ask that it is no more than ten minutes ago. */
  readonly authenticatedAt: number
  /** However much it is used, it ends then. */
  readonly expires: number
}

/** A session as its cookie is looked up, with the person as they are now. */
export interface StoredSession extends Session {
  /** SHA-256 (32 bytes) of what the cookie holds. */
  readonly secretHash: Uint8Array
  readonly holder: KeyHolder
  /** Names the session to its issuer at sign-out (OpenID Connect RP-Initiated Logout 1.0 §2). */
  readonly idToken: string | undefined
}

/** A session to be begun. The store keeps the hash alone of what the cookie holds. */
export interface NewSession {
  readonly id: SessionId
  readonly user: UserId
  readonly secretHash: Uint8Array
  readonly method: SignInMethod
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  readonly sid?: string | undefined
  readonly idToken?: string | undefined
  readonly expires: number
}

export interface SessionReads {
  /** One read for the session and its person: every page asks it. */
  byHash(secretHash: Uint8Array): Promise<StoredSession | undefined>
  /** Those of an org that have not reached their end at `now`, the newest first; of one person if named. */
  list(orgId: OrgId, now: number, user?: UserId): Promise<readonly Session[]>
}

/** Which sessions end: all of a person, one by its id, or those an issuer names. */
export type SessionSelection =
  { readonly user: UserId; readonly except?: SessionId } | { readonly id: SessionId } | IssuerSelection

/**
 * Sessions as their issuer names them: by its own session, by its name for the person, or by both; at least one is
 * there. Of both, those of the person that are of that session, or of none that it ever told us.
 */
export interface IssuerSelection {
  readonly issuer: string
  readonly sid?: string | undefined
  readonly subject?: string | undefined
}

export interface SessionWrites {
  insert(orgId: OrgId, session: NewSession, at: number): Promise<void>
  /** Ends sessions at once. @returns which there were */
  end(orgId: OrgId, which: SessionSelection): Promise<readonly EndedSession[]>
  /** Forgets those that reached their end before `at`. */
  purge(orgId: OrgId, at: number): Promise<void>
}

export interface EndedSession {
  readonly id: SessionId
  readonly user: UserId
}
