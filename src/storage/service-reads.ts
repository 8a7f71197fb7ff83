import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { ServiceAccountSummary, ServiceReads } from '../domain/team-ports.ts'
import { HOLDER_COLUMNS, HOLDER_FLAGS, toHolder } from './key-holder.ts'
import { toIdentity } from './service-writes.ts'

/** Service accounts as admins see them. */
export function serviceReads(db: Kysely<Database>): ServiceReads {
  return {
    async find(orgId, id) {
      const row = await accounts(db, orgId).where('u.id', '=', id).executeTakeFirst()
      return row && toSummary(row)
    },

    async withIdentity({ issuer, subject }) {
      const rows = await db
        .selectFrom('service_account as s')
        .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 's.org_id').onRef('u.id', '=', 's.user_id'))
        .innerJoin('org as o', 'o.id', 's.org_id')
        .select(['s.org_id', 's.user_id', 'o.name'])
        .where('s.jwt_issuer', '=', issuer)
        .where('s.jwt_subject', '=', subject)
        .where('u.deleted_at', 'is', null)
        .orderBy('s.org_id')
        .limit(MOST_ORGS)
        .execute()
      return rows.map(({ org_id: orgId, user_id: user, name: orgName }) => ({
        ...{ orgId: orgId as OrgId, user: user as UserId, orgName },
      }))
    },

    async holder(orgId, id) {
      const row = await db
        .selectFrom('service_account as k')
        .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 'k.org_id').onRef('u.id', '=', 'k.user_id'))
        .select(['k.user_id', 'k.jwt_issuer', 'k.jwt_subject', ...HOLDER_COLUMNS, ...HOLDER_FLAGS])
        .where('k.org_id', '=', orgId)
        .where('k.user_id', '=', id)
        .executeTakeFirst()
      const holder = row && toHolder(row)
      return holder && { holder, identity: toIdentity(row) }
    },

    async page(orgId, { team, after, limit }) {
      let query = accounts(db, orgId)
      if (team !== undefined) query = query.where('s.default_team_id', '=', team).where('s.scope', '=', 'team')
      if (after !== undefined) query = query.where('s.user_id', '>', after)
      return (await query.orderBy('s.user_id').limit(limit).execute()).map(toSummary)
    },
  }
}

/** So many orgs may have given one name of one platform to an account; a JWT says by its audience which it means. */
const MOST_ORGS = 100

function accounts(db: Kysely<Database>, orgId: OrgId) {
  return db
    .selectFrom('service_account as s')
    .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 's.org_id').onRef('u.id', '=', 's.user_id'))
    .innerJoin('team as t', (join) => join.onRef('t.org_id', '=', 's.org_id').onRef('t.id', '=', 's.default_team_id'))
    .innerJoin('scim_group as g', (join) => join.onRef('g.org_id', '=', 't.org_id').onRef('g.id', '=', 't.id'))
    .leftJoin('user as o', (join) => join.onRef('o.org_id', '=', 's.org_id').onRef('o.id', '=', 's.owner_user_id'))
    .select(['u.id', 'u.version', 'u.username', 'u.display_name', 'u.created', 's.scope', 's.owner_user_id'])
    .select(['s.jwt_issuer', 's.jwt_subject'])
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
  readonly jwt_issuer: string | null
  readonly jwt_subject: string | null
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
    identity: toIdentity(row),
    resting: row.scope === 'team' && row.archived_at !== null,
    created: row.created,
  }
}
