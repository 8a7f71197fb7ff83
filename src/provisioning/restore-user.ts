import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcileAsked, withEffects } from './reconcile-people.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'

/** How long a deleted person can be brought back. */
export const RESTORE_MS = 30 * 86_400_000

/**
 * Brings back a person who was deleted within 30 days, as they were: id, attributes, members and explicit values. What
 * rules and licence give is what they give today.
 * @throws DomainError `not-found`, `uniqueness` while a live person has the userName or externalId, `seat-limit`
 */
export function restoreUser(provisioning: Provisioning, caller: Caller, id: UserId): Submitted<User> {
  const intent = { action: 'user.restore', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, (stores) => {
    requireOrgAdmin(caller)
    return restoreDeleted(stores, caller, id)
  })
}

/** The same within a unit of work. */
export async function restoreDeleted(stores: WriteStores, caller: Caller, id: UserId): Promise<User> {
  const { orgId } = caller
  const deleted = await stores.users.findDeleted(orgId, id)
  if (deleted === undefined) throw new DomainError('not-found', `There is no deleted person ${id}`)
  if (deleted.at < stores.now - RESTORE_MS) {
    throw new DomainError('not-found', `User ${id} was deleted more than 30 days ago and cannot be restored any more`)
  }
  const { user } = deleted
  const after: User = { ...user, version: user.version + 1, updated: stores.now }
  await stores.users.restore(orgId, after)
  await stores.count(orgId, 'user', 1)
  return appendReturn(stores, caller, { after, changes: [] }, 'user.restore')
}

/**
 * Makes a deactivated person active again, within a unit of work. Where deactivation had ended what they had for good,
 * that comes back as well, as far as its groups are there.
 */
export async function reactivate(stores: WriteStores, caller: Caller, user: User): Promise<User> {
  const { orgId } = caller
  const after: User = { ...user, status: 'active', version: user.version + 1, updated: stores.now }
  await stores.users.update(orgId, user, after)
  const returned = await stores.removed.reinstate(orgId, user.id, stores.now)
  const changes: readonly RecordChange[] = [
    { path: 'active', old: false, new: true },
    ...(returned.length === 0 ? [] : [{ path: 'groups', added: returned }]),
  ]
  return appendReturn(stores, caller, { after, changes }, 'user.reactivate')
}

async function appendReturn(
  stores: WriteStores,
  caller: Caller,
  { after, changes }: { readonly after: User; readonly changes: readonly RecordChange[] },
  action: string,
): Promise<User> {
  const { orgId, actor, request } = caller
  const { effects } = await reconcileAsked(stores, orgId, [after.id], { products: [] })
  const outcome = { result: 'success' } as const
  await stores.journal.append(orgId, {
    action,
    actor,
    request,
    outcome,
    targets: [userTarget(after)],
    changes,
    effects,
  })
  return withEffects(after, effects)
}

/**
 * Ends for good what a deactivated person had, where the org says that deactivation does so; what it was is kept for an
 * admin who brings a batch back.
 * @returns the groups that lost them, for the record
 */
export async function removeAccess(stores: WriteStores, orgId: OrgId, id: UserId): Promise<readonly RecordChange[]> {
  const groups = await stores.removed.remove(orgId, id, stores.now)
  return [{ path: 'groups', removed: groups }]
}
