import { randomBytes } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Account } from '../domain/api-key.ts'
import { newId, type OrgId, type SessionId, type UserId } from '../domain/ids.ts'
import type { NewSession, SessionReads, SignInMethod, StoredSession } from '../domain/session.ts'
import { clearCookie, cookieOf, hostCookie, setCookie } from '../http/cookies.ts'
import { guarded } from './auth-error.ts'
import type { LastUsed } from './last-used.ts'
import { hashToken, sameHash } from './token.ts'

/** Who signed in, and by what: what a session is begun with. */
export interface SignedIn {
  readonly orgId: OrgId
  readonly userId: UserId
  readonly method: SignInMethod
  readonly issuer?: string | undefined
  readonly subject?: string | undefined
  /** The issuer's own session. */
  readonly sid?: string | undefined
  readonly idToken?: string | undefined
}

export interface SessionsOptions {
  readonly sessions: SessionReads
  /** The address clients use: with https the cookie is sent over nothing else. */
  readonly publicUrl: string
  /** Milliseconds without a request after which a session is over. */
  readonly idle: number
  /** Milliseconds after which a session is over in any case. */
  readonly longest: number
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly onUsed: LastUsed['note']
}

/** The sessions of browsers: a row each behind a cookie that holds 256 random bits and nothing else. */
export interface Sessions {
  /**
   * The live session of a request, with the person as they are at this moment.
   * @throws AuthError 503 when the store cannot be read: an outage is no sign-out
   */
  find(req: Request): Promise<StoredSession | undefined>
  /** The same once more, while the answer to the request goes on. */
  findAgain(req: Request): Promise<StoredSession | undefined>
  /** A fresh session to be stored, and the text that its cookie is to hold. */
  mint(signedIn: SignedIn): { readonly session: NewSession; readonly cookie: string }
  /** Gives the browser the cookie of a session that is stored. */
  give(res: Response, cookie: string): void
  /** Takes the cookie from the browser. */
  take(res: Response): void
}

const SECRET_BYTES = 32
const FORM = /^[\w-]{43}$/

/** Makes the door between cookies and rows. */
export function createSessions(options: SessionsOptions): Sessions {
  const cookie = hostCookie(options.publicUrl, 'rollcall')
  const found = new WeakMap<Request, Promise<StoredSession | undefined>>()
  return {
    find(req) {
      let session = found.get(req)
      if (session === undefined) found.set(req, (session = live(options, cookieOf(req, cookie.name))))
      return session
    },
    findAgain: (req) => live(options, cookieOf(req, cookie.name)),
    mint({ orgId: _org, userId: user, ...signedIn }) {
      const text = randomBytes(SECRET_BYTES).toString('base64url')
      const at = options.now()
      const id = newId<SessionId>(at)
      return {
        session: { ...signedIn, id, user, secretHash: hashToken(text), expires: at + options.longest },
        cookie: text,
      }
    },
    give(res, text) {
      setCookie(res, cookie, text, options.longest)
    },
    take(res) {
      clearCookie(res, cookie)
    },
  }
}

async function live(options: SessionsOptions, text: string | undefined): Promise<StoredSession | undefined> {
  if (text === undefined || !FORM.test(text)) return undefined
  const hash = hashToken(text)
  const session = await guarded(() => options.sessions.byHash(hash))
  const now = options.now()
  if (session === undefined || !sameHash(session.secretHash, hash) || !isLive(session, options, now)) return undefined
  options.onUsed({ orgId: session.orgId, tokenId: session.id, at: now, user: session.user })
  return session
}

/** A session ends with its person: both were read for this request. */
function isLive(session: StoredSession, { idle }: SessionsOptions, now: number): boolean {
  const { holder } = session
  if (holder.deleted || holder.status !== 'active') return false
  return now < session.expires && now < session.lastSeen + idle
}

/** What a person who is signed in may do at the admin API: what a key of theirs may. */
export function accountOfSession({ id, holder, authenticatedAt }: StoredSession): Account {
  const isOrgAdmin = holder.orgRole === 'admin'
  return {
    keyId: id,
    user: holder.id,
    isService: false,
    isOperator: false,
    isOrgAdmin,
    isAuditor: holder.auditor,
    isBillingAdmin: isOrgAdmin || holder.billingAdmin,
    authenticatedAt,
  }
}
