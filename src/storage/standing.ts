import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { Access, RegistryRoleValue, TeamRoleValue } from '../domain/access.ts'
import type { GroupRef } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Standing } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import { jsonIdRows, memberIndex } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

const MAX_GROUPS_LISTED = 1_000

interface StandingRow {
  readonly user_id: UserId
  readonly kind: 'member' | 'team' | 'seat' | 'registry'
  /** Of the group or team; empty for the others. */
  readonly id: GroupId
  readonly name: string
  readonly value: string
}

interface People {
  readonly orgId: OrgId
  /** JSON list of ids. */
  readonly ids: string
}

/**
 * The name of the role of a `team_membership as t`. Only a custom role is looked up; while one that is gone is still
 * being taken from its holders, it is what it started from.
 */
const teamRoleName = sql`(case t.custom_role_id when '' then t.role else coalesce((select r.name from custom_role as r
  where r.org_id = t.org_id and r.id = t.custom_role_id), t.role) end)`

// SQLite takes the tables of a cross join in this order; left to itself it would read the whole org's rows first.
const selectStanding = preparedQuery((db, { orgId, ids }: People, dialect) => {
  const people = jsonIdRows(dialect, ids)
  return sql<StandingRow>`
    select m.user_id, 'member' as kind, m.group_id as id, g.display_name as name, '' as value from ${people} as i
      cross join group_member m ${memberIndex(dialect)} cross join scim_group g
      where m.org_id = ${orgId} and m.user_id = i.id and m.origin <> 'service'
        and g.org_id = ${orgId} and g.id = m.group_id and g.deleted_at is null
    union all
    select t.user_id, 'team', t.team_id, g.display_name, ${teamRoleName} from ${people} as i
      cross join team_membership t cross join scim_group g
      where t.org_id = ${orgId} and t.user_id = i.id
        and g.org_id = ${orgId} and g.id = t.team_id and g.deleted_at is null
    union all
    select s.user_id, 'seat', '', s.product, s.given from ${people} as i
      cross join user_seat s where s.org_id = ${orgId} and s.user_id = i.id
    union all
    select e.user_id, 'registry', '', e.target, e.value from ${people} as i
      cross join explicit_grant e where e.org_id = ${orgId} and e.user_id = i.id and e.kind = 'registry_role'`.compile(
    db,
  )
})

/**
 * The groups and the access of people in one query. Live groups with a listed fact are direct, teams held only through
 * a rule indirect; the bound a person keeps one request from listing without end.
 */
export async function standingOf(
  db: Kysely<Database>,
  orgId: OrgId,
  people: readonly User[],
): Promise<ReadonlyMap<UserId, Standing>> {
  const found = new Map(people.map((user) => [user.id, new Gathered(user)]))
  if (people.length === 0) return new Map()
  const rows = await selectStanding(db, { orgId, ids: JSON.stringify(people.map(({ id }) => id)) })
  for (const row of rows) found.get(row.user_id)?.take(row)
  return new Map([...found].map(([id, gathered]) => [id, gathered.standing()]))
}

/** What is found of one person. The rows come in no order; what is given has one, so that the same state reads the same. */
class Gathered {
  readonly #user: User
  readonly #groups = new Map<GroupId, GroupRef>()
  readonly #seats = new Map<string, string>()
  readonly #teamRoles: TeamRoleValue[] = []
  readonly #registryRoles: RegistryRoleValue[] = []

  constructor(user: User) {
    this.#user = user
  }

  take({ kind, id, name, value }: StandingRow): void {
    if (kind === 'member') this.#groups.set(id, { id, display: name, type: 'direct' })
    else if (kind === 'seat') this.#seats.set(name, value)
    else if (kind === 'registry') this.#registryRoles.push({ registryName: name, roleName: value })
    else {
      this.#teamRoles.push({ teamName: name, roleName: value })
      if (!this.#groups.has(id)) this.#groups.set(id, { id, display: name, type: 'indirect' })
    }
  }

  standing(): Standing {
    const groups = sorted([...this.#groups.values()], ({ id }) => id).slice(0, MAX_GROUPS_LISTED)
    return { groups, access: this.#access() }
  }

  #access(): Access {
    const { accountType, orgRole } = this.#user
    return {
      accountType,
      organizationRole: orgRole === 'none' ? undefined : orgRole,
      seats: this.#seats,
      teamRoles: sorted(this.#teamRoles, ({ teamName }) => teamName),
      registryRoles: sorted(this.#registryRoles, ({ registryName }) => registryName),
    }
  }
}

function sorted<T>(list: T[], keyOf: (one: T) => string): readonly T[] {
  if (list.length < 2) return list
  return list.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}
