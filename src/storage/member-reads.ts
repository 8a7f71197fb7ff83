import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { Member } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'

export interface MemberSlice {
  readonly orgId: OrgId
  readonly group: GroupId
  /** Last id of the slice before. */
  readonly after: string | undefined
  readonly limit: number
}

/**
 * A keyset slice of a group's listed members by id: live people once each, however many facts they have, and nested
 * groups. Service accounts are not listed. Not DISTINCT, which would sort the whole rest of the group for each slice. The
 * name comes from a column: reading it out of the JSON body costs double. `after` stands twice: without it PostgreSQL
 * may merge the slice with the org's people from the first on.
 */
export async function listMembers(db: Kysely<Database>, slice: MemberSlice): Promise<readonly Member[]> {
  const { orgId, group, limit } = slice
  const after = slice.after ?? ''
  const { rows } = await sql<{ id: string; display: string; kind: string }>`
    select id, display, kind from (
      select * from (
        select m.user_id as id, coalesce(u.display_name, u.username) as display, 'User' as kind
        from group_member m join "user" u on u.org_id = m.org_id and u.id = m.user_id
        where m.org_id = ${orgId} and m.group_id = ${group} and m.user_id > ${after} and m.origin <> 'service'
          and u.id > ${after} and u.deleted_at is null
          and not exists (select 1 from group_member o where o.org_id = m.org_id and o.group_id = m.group_id
            and o.user_id = m.user_id and o.origin < m.origin and o.origin <> 'service')
        order by m.user_id limit ${limit}) as people
      union all
      select * from (
        select c.child_group_id as id, g.display_name as display, 'Group' as kind
        from group_child c join scim_group g on g.org_id = c.org_id and g.id = c.child_group_id
        where c.org_id = ${orgId} and c.group_id = ${group} and c.child_group_id > ${after}
          and g.id > ${after} and g.deleted_at is null
        order by c.child_group_id limit ${limit}) as nested
    ) as members order by id limit ${limit}`.execute(db)
  return rows.map((row) => ({
    type: row.kind === 'Group' ? 'Group' : 'User',
    id: row.id as UserId | GroupId,
    display: row.display,
  }))
}
