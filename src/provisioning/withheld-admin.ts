import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcilePeople } from './reconcile-people.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'

/**
 * An admin settles that a connection named a person as admin without the right to make one: grants it, or refuses it,
 * which is then not asked again while the connection goes on saying so.
 * @throws DomainError `not-found` when nothing waits, `forbidden`
 */
export function settleWithheldAdmin(
  provisioning: Provisioning,
  caller: Caller,
  id: UserId,
  decision: 'grant' | 'refuse',
): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'admin.settle', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const user = await stores.users.find(orgId, id)
    const waited =
      user !== undefined &&
      (decision === 'grant' ? await stores.grants.release(orgId, id) : await stores.grants.refuse(orgId, id))
    if (!waited) throw new DomainError('not-found', 'Nothing waits for an admin under this id')
    if (decision === 'grant') return grant(stores, caller, user)
    await stores.journal.append(orgId, {
      action: 'admin.refuse',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [userTarget(user)],
    })
  })
}

async function grant(stores: WriteStores, { orgId, actor, request }: Caller, user: User): Promise<void> {
  const fact = { value: 'admin', setBy: actor.id, at: stores.now }
  const former = await stores.grants.set(orgId, user.id, { kind: 'org_role', target: '', ...fact })
  await stores.users.touch(orgId, [user.id], stores.now)
  await stores.journal.append(orgId, {
    action: 'admin.grant',
    actor,
    request,
    outcome: { result: 'success' },
    targets: [userTarget(user)],
    changes: [{ path: 'organizationRole', ...(former === undefined ? {} : { old: former }), new: 'admin' }],
    effects: await reconcilePeople(stores, orgId, [user.id]),
  })
}
