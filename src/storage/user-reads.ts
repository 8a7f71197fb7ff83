import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, UserTable } from '../../db/schema.ts'
import type { UserId } from '../domain/ids.ts'
import type { UserReads } from '../domain/ports.ts'
import { isAmong } from './id-list.ts'
import type { PageSource } from './listing.ts'
import type { ResourcePages } from './resource-page.ts'
import { standingOf } from './standing.ts'
import { toUser, USER_COLUMNS } from './user-row.ts'
import { findUser, idsByPrimaryEmail } from './user-writes.ts'

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

    standingOf: (orgId, people) => standingOf(db, orgId, people),

    async displayNames(orgId, ids) {
      if (ids.length === 0) return new Map()
      const rows = await db
        .selectFrom('user')
        .select(['id', 'display_name', 'username'])
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id as UserId, row.display_name ?? row.username]))
    },
  }
}
