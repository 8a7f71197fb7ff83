import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, UserTable } from '../../db/schema.ts'
import type { GroupRef } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { UserReads } from '../domain/ports.ts'
import { accessOf } from './access-of.ts'
import { idList, idRows } from './id-list.ts'
import { resourcePage } from './resource-page.ts'
import { toUser, USER_COLUMNS } from './user-row.ts'
import { idsByPrimaryEmail } from './user-writes.ts'

const MAX_GROUPS_LISTED = 1_000

export const USER_COUNTER = 'user'

/** People as lists and single reads see them. */
export function userReads(db: Kysely<Database>, dialect: Dialect): UserReads {
  return {
    async find(orgId, id) {
      const row = await db
        .selectFrom('user')
        .select(USER_COLUMNS)
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row && toUser(row)
    },

    idsByPrimaryEmail: (orgId, email) => idsByPrimaryEmail(db, orgId, email),

    async page(orgId, query) {
      const source = { dialect, table: 'user', columns: USER_COLUMNS, counter: USER_COUNTER } as const
      const page = await resourcePage<Selectable<UserTable>>(db, source, orgId, query)
      return { total: page.total, rows: page.rows.map(toUser) }
    },

    groupsOf: (orgId, ids) => groupsOf(db, dialect, orgId, ids),

    accessOf: (orgId, people) => accessOf(db, dialect, orgId, people),

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

/**
 * Live groups of each person in one query: those with a listed fact are direct, teams held only through a rule
 * indirect. The bound a person keeps one request from listing without end.
 */
async function groupsOf(
  db: Kysely<Database>,
  dialect: Dialect,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<ReadonlyMap<UserId, readonly GroupRef[]>> {
  const groups = new Map<UserId, GroupRef[]>()
  if (ids.length === 0) return groups
  const { rows } = await sql<{ user_id: UserId; id: GroupId; display: string; direct: number }>`
    select x.user_id, x.group_id as id, g.display_name as display, max(x.direct) as direct
    from (
      select m.user_id, m.group_id, 1 as direct from ${idRows(dialect, ids)} as i
        join group_member m on m.org_id = ${orgId} and m.user_id = i.id where m.origin <> 'service'
      union all
      select t.user_id, t.team_id as group_id, 0 as direct from ${idRows(dialect, ids)} as i
        join team_membership t on t.org_id = ${orgId} and t.user_id = i.id
    ) as x join scim_group g on g.org_id = ${orgId} and g.id = x.group_id
    where g.deleted_at is null
    group by x.user_id, x.group_id, g.display_name order by x.user_id, x.group_id`.execute(db)
  for (const row of rows) {
    const list = groups.get(row.user_id) ?? []
    if (list.length === MAX_GROUPS_LISTED) continue
    list.push({ id: row.id, display: row.display, type: row.direct === 1 ? 'direct' : 'indirect' })
    groups.set(row.user_id, list)
  }
  return groups
}
