import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { ServiceAccountSummary, ServiceReads } from '../domain/team-ports.ts'

/** Service accounts as admins see them. */
export function serviceReads(db: Kysely<Database>): ServiceReads {
  return {
    async find(orgId, id) {
      const row = await accounts(db, orgId).where('u.id', '=', id).executeTakeFirst()
      return row && toSummary(row)
    },

    async page(orgId, { team, after, limit }) {
      let query = accounts(db, orgId)
      if (team !== undefined) query = query.where('s.default_team_id', '=', team).where('s.scope', '=', 'team')
      if (after !== undefined) query = query.where('s.user_id', '>', after)
      return (await query.orderBy('s.user_id').limit(limit).execute()).map(toSummary)
    },
  }
}

function accounts(db: Kysely<Database>, orgId: OrgId) {
  return db
    .selectFrom('service_account as s')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 's.org_id').onRef('u.id', '=', 's.user_id'))
    .innerJoin('team as t', (join) => join.onRef('t.org_id', '=', 's.org_id').onRef('t.id', '=', 's.default_team_id'))
    .innerJoin('scim_group as g', (join) => join.onRef('g.org_id', '=', 't.org_id').onRef('g.id', '=', 't.id'))
    .leftJoin('user as o', (join) => join.onRef('o.org_id', '=', 's.org_id').onRef('o.id', '=', 's.owner_user_id'))
    .select(['u.id', 'u.version', 'u.username', 'u.display_name', 'u.created', 's.scope', 's.owner_user_id'])
    .select(['t.id as team_id', 't.archived_at', 'g.display_name as team_name', 'o.username as owner_name'])
    .where('s.org_id', '=', orgId)
    .where('u.deleted_at', 'is', null)
}

interface AccountRow {
  readonly id: string
  readonly version: number
  readonly username: string
  readonly display_name: string | null
  readonly created: number
  readonly scope: string
  readonly owner_user_id: string | null
  readonly team_id: string
  readonly archived_at: number | null
  readonly team_name: string
  readonly owner_name: string | null
}

function toSummary(row: AccountRow): ServiceAccountSummary {
  return {
    id: row.id as UserId,
    version: row.version,
    userName: row.username,
    displayName: row.display_name ?? undefined,
    scope: row.scope as ServiceAccountSummary['scope'],
    defaultTeam: row.team_id as GroupId,
    defaultTeamName: row.team_name,
    owner: (row.owner_user_id ?? undefined) as UserId | undefined,
    ownerName: row.owner_name ?? undefined,
    resting: row.scope === 'team' && row.archived_at !== null,
    created: row.created,
  }
}
