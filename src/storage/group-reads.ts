import type { Kysely, Selectable } from 'kysely'
import type { Database, ScimGroupTable } from '../../db/schema.ts'
import type { GroupReads } from '../domain/ports.ts'
import { GROUP_COLUMNS, toGroup } from './group-writes.ts'
import { listMembers } from './member-reads.ts'
import type { PageSource } from './listing.ts'
import type { ResourcePages } from './resource-page.ts'

export const GROUP_COUNTER = 'group'

const SOURCE: PageSource = {
  table: 'scim_group',
  columns: GROUP_COLUMNS,
  counter: GROUP_COUNTER,
  ordIndex: 'group_list',
}

/** Groups as lists and single reads see them; members come apart, in slices. */
export function groupReads(db: Kysely<Database>, pages: ResourcePages): GroupReads {
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
      const page = await pages.page<Selectable<ScimGroupTable>>(SOURCE, orgId, query)
      return { ...page, rows: page.rows.map(toGroup) }
    },

    members: (orgId, group, after, limit) => listMembers(db, { orgId, group, after, limit }),
  }
}
