import type { Request, Response } from 'express'
import type { Account } from '../domain/api-key.ts'
import type { InviteId, KeyId, OrgId, SessionId, UserId } from '../domain/ids.ts'
import type { LookUpProof } from '../domain/domain-claim.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { SignInMethod, StoredSession } from '../domain/session.ts'
import type { Csrf } from '../http/csrf.ts'
import type { ResetLink } from '../provisioning/password-links.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import type { LdapSignIn } from '../signin/ldap/ldap-sign-in.ts'
import type { OidcSignIn } from '../signin/oidc/oidc-sign-in.ts'
import type { OidcSignOut } from '../signin/oidc/oidc-sign-out.ts'

/** Who signed in, and by what. */
export interface SignedIn {
  readonly orgId: OrgId
  readonly userId: UserId
  readonly method: SignInMethod
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  /** The issuer's own session (OpenID Connect Back-Channel Logout 1.0 §2.1). */
  readonly sid?: string | undefined
  readonly idToken?: string | undefined
}

/** Makes and checks what is stored of passwords. */
export interface PasswordHashes {
  hash(password: string): Promise<string>
  /** Takes as long without a hash, and then says no. */
  verify(password: string, hash: string | undefined): Promise<boolean>
}

/** What pages work with; `app.ts` fills it in, so that they know neither storage nor authentication. */
export interface ConsolePorts {
  readonly reads: ReadStores
  readonly provisioning: Provisioning
  /** The address clients use, without a slash at the end. */
  readonly publicUrl: string
  /** Gets each failure that is not the client's doing, with the request's id. */
  readonly report: (error: unknown, requestId: string) => void
  /** The time, epoch milliseconds. */
  readonly now: () => number
  readonly csrf: Csrf
  readonly passwords: PasswordHashes
  /** A fresh key of that id: its text is shown once. */
  readonly mint: (id: KeyId | InviteId) => { readonly text: string; readonly secretHash: Uint8Array }
  /** The hash by which the text of a one-time link is looked up; undefined for what was never one. */
  readonly linkHash: (text: string) => Uint8Array | undefined
  readonly mintResetLink: (user: UserId) => ResetLink
  /** Whether a mail server is configured. */
  readonly canMail: boolean
  /** Whether the operator opened the local ways although single sign-on is asked for. */
  readonly isRestored: boolean
  /** Counts a failure of the request's source. @returns seconds to wait where it is over the limit */
  readonly failed: (req: Request) => Promise<number | undefined>
  /** Asks the DNS for the proof of a domain. */
  readonly lookUpProof: LookUpProof
  /** Sign-in by OpenID providers. */
  readonly oidc: OidcSignIn
  /** Sign-out at them. */
  readonly oidcSignOut: OidcSignOut
  /** Sign-in with the password of a directory. */
  readonly directory: LdapSignIn
  /** Whether no sign-in makes a person, whatever an org says. */
  readonly provisioningDisabled: boolean
  /** The live session of a request, with the person as they are now. */
  readonly sessionOf: (req: Request) => Promise<StoredSession | undefined>
  /** What the person of a session may do. */
  readonly accountOf: (session: StoredSession) => Account
  /**
   * Begins a session and gives the browser its cookie; the one before in this browser ends. Nothing may be sent before.
   * @throws DomainError `forbidden` when the person is not active
   */
  readonly startSession: (req: Request, res: Response, signedIn: SignedIn) => Promise<SessionId>
  /** Ends the session of this browser, if there is one, and takes the cookie. */
  readonly endSession: (req: Request, res: Response) => Promise<StoredSession | undefined>
}
