import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { WarningReads } from '../domain/warning.ts'

/** Admins of an org and of its teams, where they are few. */
export function warningReads(db: Kysely<Database>): WarningReads {
  return {
    async admins(orgId) {
      const rows = await db
        .selectFrom('user')
        .select(['id', 'username'])
        .where('org_id', '=', orgId)
        .where('status', '=', 'active')
        .where('org_role', '=', 'admin')
        .where('deleted_at', 'is', null)
        .orderBy('id')
        .limit(2)
        .execute()
      return rows.map(({ id, username }) => ({ user: id as UserId, userName: username }))
    },

    async teamsWithOneAdmin(orgId) {
      const { rows } = await sql<{ team: GroupId; teamName: string; user: UserId; userName: string }>`
        select g.id as team, g.display_name as "teamName", u.id as "user", u.username as "userName"
        from (select m.team_id, min(m.user_id) as user_id from team_membership as m
            where m.org_id = ${orgId} and m.role = 'admin' group by m.team_id having count(*) = 1) as one
          join scim_group as g on g.org_id = ${orgId} and g.id = one.team_id and g.deleted_at is null
          join "user" as u on u.org_id = ${orgId} and u.id = one.user_id
        order by g.name_key`.execute(db)
      return rows
    },
  }
}
