import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Actor, RequestFacts } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { LinkRequest } from '../domain/ownership-ports.ts'
import type { Provisioning } from './provisioning.ts'

/** The reason of a refusal that leaves an item for the admins. */
export const LINK_REASON = 'link.unconfirmed'

/**
 * Refuses a linking write that would change who the resource stands for, until an admin has confirmed it; the identity
 * provider's retry then succeeds.
 * @throws DomainError `forbidden`
 */
export async function checkLink(stores: WriteStores, caller: Caller, subject: string): Promise<void> {
  const { connection, orgId } = caller
  if (connection === undefined) return
  const state = await stores.links.state(orgId, { connectionId: connection.id, subjectId: subject })
  if (state === 'confirmed') return
  if (state === 'rejected') {
    throw new DomainError(
      'forbidden',
      'An administrator decided that this resource of Rollcall is not the one your identity provider means; give yours ' +
        'another name or address, or ask the administrator',
      { reason: 'link.rejected' },
    )
  }
  throw new DomainError(
    'forbidden',
    'This would link a resource made in Rollcall to your identity provider under another name or address, and is ' +
      "waiting for an admin's confirmation; send it again once an administrator has confirmed it",
    { reason: LINK_REASON },
  )
}

/** Leaves one item for the admins, however often the identity provider retries. */
export function askToLink(
  stores: WriteStores,
  caller: Caller,
  subject: Pick<LinkRequest, 'subjectType' | 'subjectId'>,
): Promise<void> {
  const { connection, orgId } = caller
  if (connection === undefined) return Promise.resolve()
  return stores.links.ask(orgId, { ...subject, connectionId: connection.id, reason: LINK_REASON }, stores.now)
}

/** A confirmed item has done its work once the link stands. */
export async function settleLink(stores: WriteStores, caller: Caller, subject: string): Promise<void> {
  const { connection, orgId } = caller
  if (connection === undefined) return
  await stores.links.settle(orgId, { connectionId: connection.id, subjectId: subject }, stores.now)
}

export interface LinkDecision {
  readonly orgId: OrgId
  readonly actor: Actor
  readonly request: RequestFacts
  readonly link: Pick<LinkRequest, 'connectionId' | 'subjectType' | 'subjectId'>
}

/**
 * An admin lets a waiting link through.
 * @throws DomainError `not-found` when nothing waits
 */
export function confirmLink(provisioning: Provisioning, decision: LinkDecision): Submitted<void> {
  return decide(provisioning, decision, 'confirmed')
}

/**
 * An admin keeps a connection from linking a resource; it may be confirmed later nevertheless.
 * @throws DomainError `not-found` when nothing waits
 */
export function rejectLink(provisioning: Provisioning, decision: LinkDecision): Submitted<void> {
  return decide(provisioning, decision, 'rejected')
}

function decide(
  provisioning: Provisioning,
  { orgId, actor, request, link }: LinkDecision,
  state: 'confirmed' | 'rejected',
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    if (!(await stores.links.decide(orgId, link, state, stores.now))) {
      throw new DomainError('not-found', 'Nothing waits for confirmation under this id')
    }
    await stores.journal.append(orgId, {
      action: state === 'confirmed' ? 'link.confirm' : 'link.reject',
      actor,
      request,
      outcome: { result: 'success' },
      targets: [
        { type: link.subjectType, id: link.subjectId },
        { type: 'connection', id: link.connectionId },
      ],
    })
  })
}
