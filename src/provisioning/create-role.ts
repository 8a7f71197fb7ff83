import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type RoleId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkRoleName, type CustomRole, inCatalogueOrder, isInherited, type RoleDraft } from '../domain/role.ts'
import { droppedKeys } from './dropped-keys.ts'
import type { Provisioning } from './provisioning.ts'
import { roleChanges, roleTarget } from './role-record.ts'
import { checkMayWriteRoles, checkRoleNameFree } from './role-right.ts'
import { submitChange } from './submit-change.ts'

/** Roles of one org: few enough to be filtered and sorted in memory. */
export const MAX_ROLES = 500

/**
 * Makes a custom role. Permissions that its base gives are not kept as added ones.
 * @throws DomainError `forbidden` (who may, and how many), `uniqueness` naming the holder, `invalid-value` for the name
 */
export function createRole(provisioning: Provisioning, caller: Caller, draft: RoleDraft): Submitted<CustomRole> {
  const { orgId } = caller
  const { ignored, ...state } = draft
  const id = newId<RoleId>(caller.request.receivedAt)
  const intent = { action: 'role.create', subject: draft.name, targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    checkMayWriteRoles(caller)
    checkRoleName(draft.name)
    await checkRoleNameFree(stores, caller, draft.name)
    if ((await stores.roles.count(orgId)) >= MAX_ROLES) throw tooManyRoles()
    const role: CustomRole = {
      ...state,
      permissions: inCatalogueOrder(draft.permissions.filter((each) => !isInherited(draft.base, each))),
      id,
      ord: await stores.next(orgId, 'ord.role'),
      version: 1,
      created: stores.now,
      updated: stores.now,
    }
    await stores.roles.insert(orgId, role)
    await stores.journal.append(orgId, {
      action: 'role.create',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success' },
      targets: [roleTarget(role)],
      changes: roleChanges(undefined, role),
      ...droppedKeys(ignored),
    })
    return role
  })
}

function tooManyRoles(): DomainError {
  return new DomainError('forbidden', `An organisation has at most ${MAX_ROLES} custom roles; delete one first`, {
    reason: 'role.too-many',
    params: { most: MAX_ROLES },
  })
}
