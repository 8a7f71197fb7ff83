import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { Access, RegistryRoleValue, TeamRoleValue } from '../domain/access.ts'
import type { GroupRef } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Standing, StandingActivity } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import { memberIndex, numberedIds } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

const MAX_GROUPS_LISTED = 1_000

/** What a row speaks of: each costs more to hand over than to find, so there are as few as can be. */
const KIND = { team: 0, member: 1, seats: 2, registry: 3 } as const

interface StandingRow {
  /** Which of the people asked for, from 0. */
  readonly n: number
  readonly kind: (typeof KIND)[keyof typeof KIND]
  /** Of the group or team. */
  readonly id: GroupId | null
  /** Of the group, team or registry; beside seats, what they did. */
  readonly name: string | null
  /** Role, or seats by product as JSON. */
  readonly value: string | null
  readonly direct: number
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
  const people = numberedIds(dialect, ids)
  const listed = sql`m.origin <> 'service'`
  const seats =
    dialect === 'sqlite' ? sql`json_group_object(s.product, s.given)` : sql`json_object_agg(s.product, s.given)::text`
  return sql<StandingRow>`
    select i.n, ${sql.lit(KIND.team)} as kind, t.team_id as id, g.display_name as name, ${teamRoleName} as value,
        case when exists (select 1 from group_member as m where m.org_id = t.org_id and m.group_id = t.team_id
          and m.user_id = t.user_id and ${listed}) then 1 else 0 end as direct
      from ${people} as i cross join team_membership t cross join scim_group g
      where t.org_id = ${orgId} and t.user_id = i.id
        and g.org_id = ${orgId} and g.id = t.team_id and g.deleted_at is null
    union all
    select i.n, ${sql.lit(KIND.member)}, m.group_id, g.display_name, null, 1
      from ${people} as i cross join group_member m ${memberIndex(dialect)} cross join scim_group g
      where m.org_id = ${orgId} and m.user_id = i.id and ${listed}
        and g.org_id = ${orgId} and g.id = m.group_id and g.deleted_at is null
        and not exists (select 1 from team_membership as t where t.org_id = m.org_id and t.user_id = m.user_id
          and t.team_id = m.group_id)
    union all
    select i.n, ${sql.lit(KIND.seats)}, null,
        (select a.last_active || ' ' || a.days_active || ' ' || a.runs || ' ' || a.reports from user_activity as a
          where a.org_id = ${orgId} and a.user_id = i.id),
        (select ${seats} from user_seat as s where s.org_id = ${orgId} and s.user_id = i.id), 0
      from ${people} as i
    union all
    select i.n, ${sql.lit(KIND.registry)}, null, e.target, e.value, 0
      from ${people} as i cross join explicit_grant e
      where e.org_id = ${orgId} and e.user_id = i.id and e.kind = 'registry_role'`.compile(db)
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
  if (people.length === 0) return new Map()
  const found = people.map((user) => new Gathered(user))
  for (const row of await selectStanding(db, { orgId, ids: JSON.stringify(people.map(({ id }) => id)) })) {
    found[row.n]?.take(row)
  }
  return new Map(found.map((gathered, n) => [people[n]!.id, gathered.standing()]))
}

/** What is found of one person. The rows come in no order; what is given has one, so that the same state reads the same. */
class Gathered {
  readonly #user: User
  readonly #groups = new Map<GroupId, GroupRef>()
  readonly #teamRoles: TeamRoleValue[] = []
  readonly #registryRoles: RegistryRoleValue[] = []
  #seats: ReadonlyMap<string, string> = new Map()
  #activity: StandingActivity | undefined

  constructor(user: User) {
    this.#user = user
  }

  take({ kind, id, name, value, direct }: StandingRow): void {
    const [named, valued] = [name ?? '', value ?? '']
    if (kind === KIND.seats) {
      this.#seats = seatsOf(value)
      if (name !== null) this.#activity = activityOf(name)
    } else if (kind === KIND.registry) this.#registryRoles.push({ registryName: named, roleName: valued })
    else if (id !== null) this.#groups.set(id, { id, display: named, type: direct === 1 ? 'direct' : 'indirect' })
    if (kind === KIND.team) this.#teamRoles.push({ teamName: named, roleName: valued })
  }

  standing(): Standing {
    const groups = sorted([...this.#groups.values()], ({ id }) => id).slice(0, MAX_GROUPS_LISTED)
    const access = this.#access()
    return this.#activity === undefined ? { groups, access } : { groups, access, activity: this.#activity }
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

/** The figures of one row of `user_activity`, as text: one column for them all. */
function activityOf(figures: string): StandingActivity {
  const [lastActive = 0, daysActive = 0, runs = 0, reports = 0] = figures.split(' ').map(Number)
  return { lastActive, daysActive, runs, reports }
}

function seatsOf(json: string | null): ReadonlyMap<string, string> {
  // SQLite gives an empty object for no row, PostgreSQL null.
  return json === null ? new Map() : new Map(Object.entries(JSON.parse(json) as Record<string, string>))
}

function sorted<T>(list: T[], keyOf: (one: T) => string): readonly T[] {
  if (list.length < 2) return list
  return list.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}
