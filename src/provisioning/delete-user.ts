import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { revokeKeysOf } from './api-keys.ts'
import { endedAccess, guardRemovals, holdRemoval, removerOf } from './guard-removals.ts'
import { endInvites } from './invite-mail.ts'
import { checkMayDelete } from './ownership.ts'
import { checkAdminStays } from './admin-guard.ts'
import { checkNotBreakGlass } from './local-way.ts'
import type { ChangeOptions, Provisioning } from './provisioning.ts'
import { reconcilePeople } from './reconcile-people.ts'
import { endSessions } from './sessions.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'
import { checkVersion } from './version-check.ts'

/**
 * Deletes a person (RFC 7644 §3.6). Soft: access ends at once, the row and its facts stay for a restore;
 * the keys of a service account end for good.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden`
 */
export function deleteUser(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  options: ChangeOptions & {
    /** Runs first, in the same unit of work, and may refuse. */
    readonly check?: (stores: WriteStores) => Promise<void>
  },
): Submitted<void> {
  const { orgId } = caller
  const intent = {
    action: 'user.delete',
    subject: id,
    targets: [{ type: 'user', id }] as const,
    afterRefusal: (stores: WriteStores, error: DomainError) =>
      holdRemoval(stores, caller, error, { act: 'delete', user: id }),
  }
  return submitChange(provisioning, caller, intent, async (stores) => {
    await options.check?.(stores)
    const user = await stores.users.find(orgId, id)
    if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
    checkVersion(user.version, options.ifMatch)
    await checkMayDelete(stores, orgId, caller, user.owner)
    await removePerson(stores, caller, user)
  })
}

/**
 * The same within a unit of work, with its record.
 * @throws DomainError `forbidden`, `last-admin`
 */
export async function removePerson(stores: WriteStores, caller: Caller, user: User): Promise<void> {
  const { orgId } = caller
  const { id } = user
  await checkAdminStays(stores, caller, user)
  await checkNotBreakGlass(stores, caller, user)
  await stores.users.remove(orgId, id, stores.now)
  await stores.count(orgId, 'user', -1)
  if (user.status === 'pending') await endInvites(stores, orgId, id)
  if (user.accountType !== 'USER') await endCredentials(stores, caller, id)
  const effects = await reconcilePeople(stores, orgId, [id])
  const ended = await endSessions(stores, orgId, id)
  await stores.journal.append(orgId, {
    action: 'user.delete',
    actor: caller.actor,
    request: caller.request,
    outcome: { result: 'success' },
    targets: [userTarget(user), ...ended.targets],
    effects,
    steps: ended.steps,
  })
  const remover = removerOf(caller)
  if (remover === undefined || !endedAccess(effects, id)) return
  const { settings } = await stores.orgs.policy(orgId)
  await guardRemovals(stores, remover, settings.breaker, { act: 'delete', people: [id] })
}

/** Keys end, and what its programs show is nobody's. */
async function endCredentials(stores: WriteStores, caller: Caller, account: UserId): Promise<void> {
  await revokeKeysOf(stores, caller, caller.orgId, account)
  await stores.services.setIdentity(caller.orgId, account, undefined)
}
