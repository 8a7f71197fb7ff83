import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { Access, RegistryRoleValue, TeamRoleValue } from '../domain/access.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import { idRows } from './id-list.ts'

interface AccessRow {
  readonly user_id: UserId
  readonly kind: 'seat' | 'team' | 'registry'
  readonly name: string
  readonly value: string
}

/**
 * The name of the role of a `team_membership as t`. Only a custom role is looked up; while one that is gone is still
 * being taken from its holders, it is what it started from.
 */
const teamRoleName = sql`(case t.custom_role_id when '' then t.role else coalesce((select r.name from custom_role as r
  where r.org_id = t.org_id and r.id = t.custom_role_id), t.role) end)`

// SQLite takes the tables of a cross join in this order; left to itself it would read the whole org's rows first.
/** The seats, team roles and registry roles of people in one query, ordered so that the same state reads the same. */
export async function accessOf(
  db: Kysely<Database>,
  dialect: Dialect,
  orgId: OrgId,
  people: readonly User[],
): Promise<ReadonlyMap<UserId, Access>> {
  const found = new Map(people.map((user) => [user.id, emptyAccess(user)]))
  if (people.length === 0) return found
  const ids = idRows(
    dialect,
    people.map(({ id }) => id),
  )
  const { rows } = await sql<AccessRow>`
    select s.user_id, 'seat' as kind, s.product as name, s.given as value from ${ids} as i
      cross join user_seat s where s.org_id = ${orgId} and s.user_id = i.id
    union all
    select t.user_id, 'team', g.display_name, ${teamRoleName} from ${ids} as i
      cross join team_membership t cross join scim_group g
      where t.org_id = ${orgId} and t.user_id = i.id
        and g.org_id = ${orgId} and g.id = t.team_id and g.deleted_at is null
    union all
    select e.user_id, 'registry', e.target, e.value from ${ids} as i
      cross join explicit_grant e where e.org_id = ${orgId} and e.user_id = i.id and e.kind = 'registry_role'
    order by 1, 2, 3`.execute(db)
  for (const { user_id, kind, name, value } of rows) {
    const access = found.get(user_id)
    if (kind === 'seat') access?.seats.set(name, value)
    else if (kind === 'team') access?.teamRoles.push({ teamName: name, roleName: value })
    else access?.registryRoles.push({ registryName: name, roleName: value })
  }
  return found
}

interface GrowingAccess extends Access {
  readonly seats: Map<string, string>
  readonly teamRoles: TeamRoleValue[]
  readonly registryRoles: RegistryRoleValue[]
}

function emptyAccess({ accountType, orgRole }: User): GrowingAccess {
  const organizationRole = orgRole === 'none' ? undefined : orgRole
  return { accountType, organizationRole, seats: new Map(), teamRoles: [], registryRoles: [] }
}
