import type { Request, Response } from 'express'
import type { ComponentChildren } from 'preact'
import type { Caller } from '../domain/caller.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { StoredSession } from '../domain/session.ts'
import type { Operation } from '../provisioning/found-org.ts'
import type { ConsolePorts } from './ports.ts'

/** What the handler of a page is given. */
export interface PageRequest {
  readonly req: Request
  readonly res: Response
  readonly ports: ConsolePorts
  /** Who is signed in, as they are now. Always there where the route asks for it. */
  readonly session: StoredSession | undefined
  /** The fields of the form that was sent, the first of each name; empty for a GET. */
  readonly form: Readonly<Record<string, string>>
  /** The query, the first of each name. */
  readonly query: Readonly<Record<string, string>>
  /** Who acts, as records name them: the person who is signed in, else the system on behalf of a stranger. */
  readonly operation: Operation
  /** What an org's sign-in page offers, in the order of the topics. */
  readonly ways: (at: SignInContext) => Promise<readonly ComponentChildren[]>
}

/** One address of the console. */
export interface PageRoute {
  readonly method: 'GET' | 'POST'
  /** As Express takes it: `/invite/:link`. It is what logs show. */
  readonly path: string
  /**
   * - `anybody`
   * - `signedIn`: whoever is not is sent to the sign-in page, and comes back after it
   * - `fresh`: the same, and they proved who they are within the last ten minutes
   */
  readonly who: 'anybody' | 'signedIn' | 'fresh'
  /** Of a POST: the page it is on, to which a browser that had to sign in first comes back. */
  readonly back?: string | ((form: PageRequest['form']) => string)
  /** Answers by `render` or `redirect` (`render.tsx`). What it throws becomes a page as well. */
  readonly handle: (page: PageRequest) => Promise<void>
}

/** What a way to sign in is shown for. */
export interface SignInContext {
  readonly org: OrgSummary
  /** Where the browser goes afterwards: a checked address of ours. Put it into the form as `returnTo`. */
  readonly returnTo: string
  /** Only this person may answer: they are signed in and are asked again. */
  readonly again: StoredSession | undefined
  /** The text of the link of an invitation that is accepted by it: only ways by somebody else's proof are shown. */
  readonly invite?: string | undefined
}

/** The person who is signed in, as use cases know them: with the rights they have now. */
export function ownCaller({ session, ports, operation }: PageRequest): Caller {
  if (session === undefined) throw new Error('this page is for who is signed in')
  return { orgId: session.orgId, connection: undefined, account: ports.accountOf(session), ...operation }
}

/** A part of the console: its addresses, and what it puts on the sign-in page. `topics.ts` lists them. */
export interface Topic {
  readonly routes: readonly PageRoute[]
  /** What an org's sign-in page offers of it; undefined where the org has none. */
  readonly way?: (ports: ConsolePorts, at: SignInContext) => Promise<ComponentChildren | undefined>
}
