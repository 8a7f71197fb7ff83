import { type Kysely, sql, type SqlBool } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { GroupId, OrgId, RoleId, UserId } from '../domain/ids.ts'
import type { Membership, MembershipQuery, MembershipReads } from '../domain/ports.ts'

/** Who is in which team. */
export function membershipReads(db: Kysely<Database>): MembershipReads {
  return {
    async page(orgId, query) {
      const rows = await memberships(db, orgId, query).execute()
      return rows.map((row): Membership => ({
        user: row.user_id as UserId,
        userName: row.username,
        team: row.team_id as GroupId,
        teamName: row.display_name,
        baseRole: row.role,
        roleName: row.role_name ?? row.role,
        customRole: row.custom_role_id === '' ? undefined : (row.custom_role_id as RoleId),
      }))
    },

    async baseRoleIn(orgId, user, team) {
      const row = await db
        .selectFrom('team_membership')
        .select('role')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .where('team_id', '=', team)
        .executeTakeFirst()
      return row?.role
    },
  }
}

function memberships(db: Kysely<Database>, orgId: OrgId, { team, user, after, limit }: MembershipQuery) {
  let query = db
    .selectFrom('team_membership as m')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'm.org_id').onRef('u.id', '=', 'm.user_id'))
    .innerJoin('scim_group as g', (join) => join.onRef('g.org_id', '=', 'm.org_id').onRef('g.id', '=', 'm.team_id'))
    .leftJoin('custom_role as r', (join) =>
      join.onRef('r.org_id', '=', 'm.org_id').onRef('r.id', '=', 'm.custom_role_id'),
    )
    .select(['m.user_id', 'u.username', 'm.team_id', 'g.display_name', 'm.role', 'm.custom_role_id'])
    .select('r.name as role_name')
    .where('m.org_id', '=', orgId)
  if (team !== undefined) query = query.where('m.team_id', '=', team)
  if (user !== undefined) query = query.where('m.user_id', '=', user)
  if (after !== undefined) {
    query = query.where(sql<SqlBool>`(m.user_id, m.team_id) > (${after.user}, ${after.team})`)
  }
  return query.orderBy('m.user_id').orderBy('m.team_id').limit(limit)
}
