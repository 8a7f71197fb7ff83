import type { Access } from '../domain/access.ts'
import type { GroupId, OrgId } from '../domain/ids.ts'
import { reconcile } from '../domain/reconcile.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { roleNames } from './team-roles.ts'

/** What a person may do as the derived rows say, or, while the person is not active, as they would say again. */
export async function currentAccess(stores: WriteStores, orgId: OrgId, user: User): Promise<Access> {
  const { organizationRole, seats, teams } = await derived(stores, orgId, user)
  const names = await stores.grants.teamNames(orgId, [...teams.keys()])
  const nameOf = await roleNames(stores, orgId, teams.values())
  const explicit = await stores.grants.list(orgId, user.id)
  return {
    accountType: user.accountType,
    organizationRole: organizationRole === 'none' ? undefined : organizationRole,
    seats,
    teamRoles: [...teams]
      .map(([id, role]) => ({ teamName: names.get(id) ?? id, roleName: nameOf(role) }))
      .sort((a, b) => (a.teamName < b.teamName ? -1 : 1)),
    registryRoles: explicit
      .filter(({ kind }) => kind === 'registry_role')
      .map(({ target, value }) => ({ registryName: target, roleName: value })),
  }
}

interface Derived {
  readonly organizationRole: User['orgRole']
  readonly seats: ReadonlyMap<string, string>
  readonly teams: ReadonlyMap<GroupId, string>
}

async function derived(stores: WriteStores, orgId: OrgId, user: User): Promise<Derived> {
  if (user.status === 'active') {
    const held = (await stores.access.held(orgId, [user.id])).get(user.id)
    return {
      organizationRole: user.orgRole,
      seats: mapped(held?.seats, ({ given }) => given),
      teams: mapped(held?.memberships, ({ role }) => role),
    }
  }
  const { people, context } = await stores.access.facts(orgId, [user.id])
  const [person] = people
  if (person === undefined) return { organizationRole: 'none', seats: new Map(), teams: new Map() }
  const desired = reconcile({ ...person, status: 'active' }, context)
  return {
    organizationRole: desired.orgRole,
    seats: mapped(desired.seats, ({ type }) => type),
    teams: mapped(desired.memberships, ({ role }) => role),
  }
}

function mapped<K, V>(map: ReadonlyMap<K, V> | undefined, value: (from: V) => string): ReadonlyMap<K, string> {
  return new Map([...(map ?? [])].map(([key, from]) => [key, value(from)]))
}
