import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { isId, type OrgId, type RoleId } from '../domain/ids.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import type { WriteStores } from '../domain/write-ports.ts'

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
