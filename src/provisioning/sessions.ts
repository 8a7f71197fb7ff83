import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Actor, RecordTarget } from '../domain/record.ts'
import type { EndedSession, NewSession, SessionSelection } from '../domain/session.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/** Why sessions ended before their time, as records say it. */
export type SessionEnd =
  'signed-out' | 'signed-in-anew' | 'revoked' | 'issuer-signed-out' | 'password-changed' | 'email-changed'

/**
 * Begins a session of a person who proved who they are.
 * @throws DomainError `forbidden` when the person is not active
 */
export function startSession(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  session: NewSession,
): Submitted<void> {
  return provisioning.work.submit(orgId, (stores) => writeSession(stores, operation, orgId, session))
}

/**
 * The same within a unit of work, for who signs in by what the unit changes.
 * @throws DomainError `forbidden` when the person is not active
 */
export async function writeSession(
  stores: WriteStores,
  operation: Operation,
  orgId: OrgId,
  session: NewSession,
): Promise<void> {
  const person = await stores.users.find(orgId, session.user)
  if (person?.status !== 'active' || person.accountType !== 'USER') {
    throw new DomainError('forbidden', 'This account is not active; ask an administrator of your organisation', {
      reason: 'session.inactive',
    })
  }
  await stores.sessions.purge(orgId, stores.now)
  await stores.sessions.insert(orgId, session, stores.now)
  if (session.method === 'password') await stores.passwords.succeeded(orgId, session.user)
  await stores.journal.append(orgId, {
    action: 'session.start',
    actor: personActor(session),
    request: operation.request,
    outcome: { result: 'success' },
    targets: [
      { type: 'session', id: session.id },
      { type: 'user', id: session.user },
    ],
    changes: [{ path: 'method', new: session.method }],
  })
}

/** The person themself, as records name who signs in. */
export function personActor(session: Pick<NewSession, 'user' | 'issuer'>): Actor {
  return { type: 'user', id: session.user, ...(session.issuer === undefined ? {} : { issuer: session.issuer }) }
}

/**
 * Ends sessions, each with its record.
 * @returns which there were
 */
export function endSessionsNow(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  which: SessionSelection & { readonly reason: SessionEnd },
): Submitted<readonly EndedSession[]> {
  return provisioning.work.submit(orgId, (stores) => endRecorded(stores, operation, orgId, which))
}

/** The same within a unit of work. */
export async function endRecorded(
  stores: WriteStores,
  operation: Operation,
  orgId: OrgId,
  which: SessionSelection & { readonly reason: SessionEnd },
): Promise<readonly EndedSession[]> {
  const ended = await stores.sessions.end(orgId, which)
  for (const { id, user } of ended) {
    await stores.journal.append(orgId, {
      action: 'session.end',
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success', reason: which.reason },
      targets: [
        { type: 'session', id },
        { type: 'user', id: user },
      ],
    })
  }
  return ended
}

/** What the record of a change says of the sessions it ended. */
export interface EndedWith {
  readonly targets: readonly RecordTarget[]
  readonly steps: readonly JsonObject[]
}

const NONE_ENDED: EndedWith = { targets: [], steps: [] }

/**
 * Ends every session of a person, within the unit of work that ends their access: it takes one statement, and the record
 * of that change says it.
 */
export async function endSessions(stores: WriteStores, orgId: OrgId, user: UserId): Promise<EndedWith> {
  const ended = await stores.sessions.end(orgId, { user })
  if (ended.length === 0) return NONE_ENDED
  return {
    targets: ended.map(({ id }) => ({ type: 'session', id })),
    steps: [{ name: 'sessions', ended: ended.length }],
  }
}

/**
 * The same for a change of a person: they end when the person is deactivated, and when an identity provider says that
 * the e-mail is another's now. Asks the store in those cases alone.
 */
export async function endSessionsAfter(
  stores: WriteStores,
  { orgId, connection }: Caller,
  before: User,
  after: User,
): Promise<EndedWith> {
  const left = before.status !== after.status && after.status === 'deactivated'
  const renamed = connection?.kind === 'idp' && emailKey(before) !== emailKey(after)
  return left || renamed ? endSessions(stores, orgId, after.id) : NONE_ENDED
}

function emailKey({ attributes }: User): string {
  return fold(primaryEmail(attributes) ?? '')
}
