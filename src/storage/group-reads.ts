import type { Kysely, Selectable } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, ScimGroupTable } from '../../db/schema.ts'
import type { GroupReads } from '../domain/ports.ts'
import { GROUP_COLUMNS, toGroup } from './group-writes.ts'
import { listMembers } from './member-reads.ts'
import { resourcePage } from './resource-page.ts'

export const GROUP_COUNTER = 'group'

/** Groups as lists and single reads see them; members come apart, in slices. */
export function groupReads(db: Kysely<Database>, dialect: Dialect): GroupReads {
  return {
    async find(orgId, id) {
      const row = await db
        .selectFrom('scim_group')
        .select(GROUP_COLUMNS)
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row && toGroup(row)
    },

    async page(orgId, query) {
      const source = { dialect, table: 'scim_group', columns: GROUP_COLUMNS, counter: GROUP_COUNTER } as const
      const page = await resourcePage<Selectable<ScimGroupTable>>(db, source, orgId, query)
      return { total: page.total, rows: page.rows.map(toGroup) }
    },

    members: (orgId, group, after, limit) => listMembers(db, { orgId, group, after, limit }),
  }
}
