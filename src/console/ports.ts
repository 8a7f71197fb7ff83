import type { Request, Response } from 'express'
import type { OrgId, SessionId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { SignInMethod, StoredSession } from '../domain/session.ts'
import type { Csrf } from '../http/csrf.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'

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
  /** The live session of a request, with the person as they are now. */
  readonly sessionOf: (req: Request) => Promise<StoredSession | undefined>
  /**
   * Begins a session and gives the browser its cookie; the one before in this browser ends. Nothing may be sent before.
   * @throws DomainError `forbidden` when the person is not active
   */
  readonly startSession: (req: Request, res: Response, signedIn: SignedIn) => Promise<SessionId>
  /** Ends the session of this browser, if there is one, and takes the cookie. */
  readonly endSession: (req: Request, res: Response) => Promise<StoredSession | undefined>
}
