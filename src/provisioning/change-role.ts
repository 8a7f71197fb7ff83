import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { RoleId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkRoleName, type CustomRole, isSameRole, type RoleState } from '../domain/role.ts'
import { wakingJobs } from './create-group.ts'
import { droppedKeys } from './dropped-keys.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { roleChanges, roleTarget } from './role-record.ts'
import { checkMayWriteRoles, checkRoleNameFree } from './role-right.ts'
import { peopleOfRole } from './role-uses.ts'
import { submitChange } from './submit-change.ts'
import { recordWithPeople } from './touch-people.ts'
import { checkVersion } from './version-check.ts'

export interface RoleChange extends ChangeOptions {
  /** Pure: the state wanted, computed on the stored one. It refuses by throwing a DomainError. */
  readonly change: (current: RoleState) => RoleState
}

/**
 * Changes a custom role by PUT or PATCH (RFC 7644 §3.5). `change` is computed on the stored state inside the org's write
 * lock, so no two changes lose one another. What changes nothing leaves the version as it is.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`, `uniqueness`, `invalid-value`, or what `change` refuses
 */
export function changeRole(
  provisioning: Provisioning,
  caller: Caller,
  id: RoleId,
  { change, ...options }: RoleChange,
): Submitted<Changed<CustomRole>> {
  const { orgId } = caller
  const intent = { action: 'role.update', subject: id, targets: [{ type: 'role', id }] as const }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      const before = await stores.roles.find(orgId, id)
      if (before === undefined) throw new DomainError('not-found', `Role ${id} not found`)
      checkMayWriteRoles(caller)
      checkVersion(before.version, options.ifMatch)
      const { name, description, base, permissions } = change(before)
      const after: CustomRole = {
        ...{ ...before, name, description, base, permissions },
        ...{ version: before.version + 1, updated: stores.now },
      }
      if (isSameRole(before, after)) {
        provisioning.tally.noop(caller, 'role.update', id)
        return { value: before, changed: false }
      }
      if (name !== before.name) {
        checkRoleName(name)
        await checkRoleNameFree(stores, caller, name, id)
      }
      await stores.roles.update(orgId, after)
      const draft = {
        action: 'role.update',
        actor: caller.actor,
        request: caller.request,
        outcome: { result: 'success' },
        targets: [roleTarget(after)],
        changes: roleChanges(before, after),
        ...droppedKeys(options.ignored),
      } as const
      const people = isRanked(before, after) ? [] : await peopleOfRole(stores, orgId, id)
      if (await recordWithPeople(stores, orgId, draft, people)) started()
      return { value: after, changed: true }
    }),
  )
}

/** Whether a role is chosen before others as it was: what its base is, and what it adds, decide that. */
function isRanked(before: RoleState, after: RoleState): boolean {
  return before.base === after.base && before.permissions.join() === after.permissions.join()
}
