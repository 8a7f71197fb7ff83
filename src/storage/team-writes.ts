import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Team } from '../domain/team.ts'
import type { TeamWrites } from '../domain/team-ports.ts'
import { selectTeams, toTeam } from './team-reads.ts'

/** Teams beside their groups, as a unit of work sees and writes them. */
export function teamWrites(db: Kysely<Database>): TeamWrites {
  return { ...teamRows(db), ...teamPeople(db), ...defaultRoles(db) }
}

type TeamRowKey = 'find' | 'findDeleted' | 'updateSettings' | 'undelete' | 'countListed'

function teamRows(db: Kysely<Database>): Pick<TeamWrites, TeamRowKey> {
  const find = async (orgId: OrgId, id: GroupId, deleted: 'is' | 'is not') => {
    const row = await selectTeams(db, orgId)
      .where('g.id', '=', id)
      .where('g.deleted_at', deleted, null)
      .executeTakeFirst()
    return row && toTeam(row)
  }
  return {
    find: (orgId, id) => find(orgId, id, 'is'),
    findDeleted: (orgId, id) => find(orgId, id, 'is not'),

    async updateSettings(orgId, id, { defaultRole, hidden, inviters, joinable, storage }) {
      await db
        .updateTable('team')
        .set({
          default_role: defaultRole,
          visibility: hidden ? 'members' : 'org',
          inviters,
          joinable: joinable ? 1 : 0,
          storage: storage === undefined ? null : JSON.stringify(storage),
        })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },

    async undelete(orgId, { id, name, version, updated, memberCount }) {
      await db
        .updateTable('scim_group')
        .set({
          display_name: name,
          name_key: fold(name),
          version,
          updated,
          member_count: memberCount,
          deleted_at: null,
        })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },

    async countListed(orgId, id) {
      const { rows } = await sql<{ readonly n: number }>`select
        (select count(distinct m.user_id) from group_member m join "user" u on u.org_id = m.org_id and u.id = m.user_id
          where m.org_id = ${orgId} and m.group_id = ${id} and m.origin <> 'service' and u.deleted_at is null)
        + (select count(*) from group_child c where c.org_id = ${orgId} and c.group_id = ${id}) as n`.execute(db)
      return rows[0]?.n ?? 0
    },
  }
}

function teamPeople(db: Kysely<Database>): Pick<TeamWrites, 'admins' | 'endRoles'> {
  return {
    async admins(orgId, id) {
      const rows = await db
        .selectFrom('team_membership')
        .select('user_id')
        .where('org_id', '=', orgId)
        .where('team_id', '=', id)
        .where('role', '=', 'admin')
        .orderBy('user_id')
        .execute()
      return rows.map(({ user_id }) => user_id as UserId)
    },

    async endRoles(orgId, id) {
      const rows = await db
        .deleteFrom('explicit_grant')
        .where('org_id', '=', orgId)
        .where('kind', '=', 'team_role')
        .where('target', '=', id)
        .returning('user_id')
        .execute()
      return rows.map(({ user_id }) => user_id as UserId)
    },
  }
}

/** Default roles that are custom ones. */
function defaultRoles(db: Kysely<Database>): Pick<TeamWrites, 'withDefaultRole' | 'rewriteDefaultRole'> {
  return {
    async withDefaultRole(orgId, role) {
      const rows = await db
        .selectFrom('team')
        .select('id')
        .where('org_id', '=', orgId)
        .where('default_role', '=', role)
        .orderBy('id')
        .execute()
      return rows.map(({ id }) => id as GroupId)
    },

    async rewriteDefaultRole(orgId, role, value, at) {
      const teams = await db
        .updateTable('team')
        .set({ default_role: value })
        .where('org_id', '=', orgId)
        .where('default_role', '=', role)
        .returning('id')
        .execute()
      const rewritten: Pick<Team, 'id' | 'name'>[] = []
      for (const { id } of teams) {
        const group = await db
          .updateTable('scim_group')
          .set((eb) => ({ version: eb('version', '+', 1), updated: at }))
          .where('org_id', '=', orgId)
          .where('id', '=', id)
          .where('deleted_at', 'is', null)
          .returning('display_name')
          .executeTakeFirst()
        if (group !== undefined) rewritten.push({ id: id as GroupId, name: group.display_name })
      }
      return rewritten
    },
  }
}
