import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, UserTable } from '../../db/schema.ts'
import type { GroupRef } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { UserReads } from '../domain/ports.ts'
import { accessOf } from './access-of.ts'
import { idList, jsonIdRows, memberIndex } from './id-list.ts'
import type { PageSource } from './listing.ts'
import type { ResourcePages } from './resource-page.ts'
import { preparedQuery } from './prepared-query.ts'
import { toUser, USER_COLUMNS } from './user-row.ts'
import { findUser, idsByPrimaryEmail } from './user-writes.ts'

const MAX_GROUPS_LISTED = 1_000

export const USER_COUNTER = 'user'

const SOURCE: PageSource = { table: 'user', columns: USER_COLUMNS, counter: USER_COUNTER, ordIndex: 'user_list' }

/** People as lists and single reads see them. */
export function userReads(db: Kysely<Database>, dialect: Dialect, pages: ResourcePages): UserReads {
  return {
    find: (orgId, id) => findUser(db, orgId, id),

    idsByPrimaryEmail: (orgId, email) => idsByPrimaryEmail(db, orgId, email),

    async page(orgId, query) {
      const page = await pages.page<Selectable<UserTable>>(SOURCE, orgId, query)
      return { ...page, rows: page.rows.map(toUser) }
    },

    groupsOf: (orgId, ids) => groupsOf(db, orgId, ids),

    accessOf: (orgId, people) => accessOf(db, orgId, people),

    async displayNames(orgId, ids) {
      if (ids.length === 0) return new Map()
      const rows = await db
        .selectFrom('user')
        .select(['id', 'display_name', 'username'])
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where(sql<boolean>`id in ${idList(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id as UserId, row.display_name ?? row.username]))
    },
  }
}

interface GroupOfUser {
  readonly user_id: UserId
  readonly id: GroupId
  readonly display: string
  readonly direct: number
}

interface People {
  readonly orgId: OrgId
  /** JSON list of ids. */
  readonly ids: string
}

// SQLite takes the tables of a cross join in the order they are written; left to itself it would read all members first.
const selectGroupsOf = preparedQuery((db, { orgId, ids }: People, dialect) =>
  sql<GroupOfUser>`
    select x.user_id, x.group_id as id, g.display_name as display, max(x.direct) as direct
    from (
      select m.user_id, m.group_id, 1 as direct from ${jsonIdRows(dialect, ids)} as i
        cross join group_member m ${memberIndex(dialect)}
        where m.org_id = ${orgId} and m.user_id = i.id and m.origin <> 'service'
      union all
      select t.user_id, t.team_id as group_id, 0 as direct from ${jsonIdRows(dialect, ids)} as i
        cross join team_membership t where t.org_id = ${orgId} and t.user_id = i.id
    ) as x cross join scim_group g
    where g.org_id = ${orgId} and g.id = x.group_id and g.deleted_at is null
    group by x.user_id, x.group_id, g.display_name order by x.user_id, x.group_id`.compile(db),
)

/**
 * Live groups of each person in one query: those with a listed fact are direct, teams held only through a rule
 * indirect. The bound a person keeps one request from listing without end.
 */
async function groupsOf(
  db: Kysely<Database>,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<ReadonlyMap<UserId, readonly GroupRef[]>> {
  const groups = new Map<UserId, GroupRef[]>()
  if (ids.length === 0) return groups
  const rows = await selectGroupsOf(db, { orgId, ids: JSON.stringify(ids) })
  for (const row of rows) {
    const list = groups.get(row.user_id) ?? []
    if (list.length === MAX_GROUPS_LISTED) continue
    list.push({ id: row.id, display: row.display, type: row.direct === 1 ? 'direct' : 'indirect' })
    groups.set(row.user_id, list)
  }
  return groups
}
