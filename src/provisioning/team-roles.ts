import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { type GroupId, isId, type OrgId, type RoleId } from '../domain/ids.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import { effectivePermissions, isInherited, PERMISSIONS, type RoleBase } from '../domain/role.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller } from './caller-right.ts'

/**
 * A role in a team as facts keep it: a built-in one, in any case, or the id of a custom role that is named by its id or
 * by its name in exact case.
 * @throws DomainError `invalid-value`
 */
export async function teamRoleNamed(stores: WriteStores, orgId: OrgId, said: string): Promise<string> {
  const builtIn = fold(said)
  if (isBuiltInRole(builtIn)) return builtIn
  if (isId(said) && (await stores.roles.find(orgId, said as RoleId)) !== undefined) return said
  const id = await stores.roles.nameHolder(orgId, said)
  if (id !== undefined) return id
  const shown = JSON.stringify(said.slice(0, 80))
  throw new DomainError(
    'invalid-value',
    `teamRoles.roleName: there is no role ${shown}; use admin, member, viewer or the name of a custom role in its exact case.`,
    { params: { path: 'teamRoles.roleName' } },
  )
}

/** What roles are called: names of custom roles by id, and every other value as it is. */
export async function roleNames(
  stores: WriteStores,
  orgId: OrgId,
  values: Iterable<string>,
): Promise<(value: string) => string> {
  const names = new Map<string, string>()
  for (const value of new Set(values)) {
    const role = isBuiltInRole(value) ? undefined : await stores.roles.find(orgId, value as RoleId)
    if (role !== undefined) names.set(value, role.name)
  }
  return (value) => names.get(value) ?? value
}

/**
 * Refuses a role above that of whoever gives it: all it permits must be permitted to them in that team. Admins of the
 * org give any.
 * @throws DomainError `forbidden`
 */
export async function checkCeiling(stores: WriteStores, caller: Caller, team: GroupId, role: string): Promise<void> {
  if (isOrgAdminCaller(caller)) return
  const { orgId, account } = caller
  const held = account?.user && (await stores.access.held(orgId, [account.user])).get(account.user)
  const own = held?.memberships.get(team)?.role
  if (own === 'admin') return
  const reach = own === undefined ? new Set() : await permissionsOf(stores, orgId, own)
  const asked = role === 'admin' ? undefined : await permissionsOf(stores, orgId, role)
  if (asked !== undefined && [...asked].every((permission) => reach.has(permission))) return
  throw new DomainError('forbidden', 'You may give no role in this team that permits more than your own', {
    reason: 'role.above-own',
    params: { path: 'role' },
  })
}

/** All that holders of a role below admin may do. */
async function permissionsOf(stores: WriteStores, orgId: OrgId, role: string): Promise<ReadonlySet<string>> {
  const custom = isBuiltInRole(role) ? undefined : await stores.roles.find(orgId, role as RoleId)
  if (custom !== undefined) return new Set(effectivePermissions(custom).map(({ name }) => name))
  return new Set(PERMISSIONS.filter((permission) => isInherited(role as RoleBase, permission)))
}
