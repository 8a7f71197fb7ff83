import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OrgCounts, OrgReads, OrgSummary } from '../domain/ports.ts'
import { toConnection, toToken, toTrust } from './credential-row.ts'
import { readPolicy } from './policy-rows.ts'

/** Orgs, their connections and what they hold. */
export function orgReads(db: Kysely<Database>): OrgReads {
  return {
    async list() {
      const rows = await db.selectFrom('org').select(['id', 'name', 'created']).orderBy('created').execute()
      return rows.map(toOrg)
    },

    async find(idOrName) {
      const row = await db
        .selectFrom('org')
        .select(['id', 'name', 'created'])
        .where((eb) => eb.or([eb('id', '=', idOrName), eb('name_key', '=', fold(idOrName))]))
        .executeTakeFirst()
      return row && toOrg(row)
    },

    async connections(orgId) {
      const rows = await db
        .selectFrom('connection')
        .selectAll()
        .where('org_id', '=', orgId)
        .orderBy('created')
        .orderBy('id')
        .execute()
      return rows.map(toConnection)
    },

    async tokens(orgId) {
      const rows = await db
        .selectFrom('connection_token')
        .selectAll()
        .where('org_id', '=', orgId)
        .orderBy('created')
        .orderBy('id')
        .execute()
      return rows.map(toToken).map(({ secretHash: _hidden, ...token }) => token)
    },

    async trusts(orgId) {
      const rows = await db.selectFrom('jwt_trust').selectAll().where('org_id', '=', orgId).execute()
      return rows.map(toTrust)
    },

    policy: (orgId) => readPolicy(db, orgId),
    counts: (orgId) => countsOf(db, orgId),
  }
}

function toOrg(row: { id: string; name: string; created: number }): OrgSummary {
  return { id: row.id as OrgId, name: row.name, created: row.created }
}

async function countsOf(db: Kysely<Database>, orgId: OrgId): Promise<OrgCounts> {
  const { rows } = await sql<OrgCounts>`select
    (select count(*) from "user" where org_id = ${orgId} and deleted_at is null) as users,
    (select count(*) from "user" where org_id = ${orgId} and deleted_at is null and status = 'active') as "activeUsers",
    (select count(*) from scim_group where org_id = ${orgId} and deleted_at is null) as groups,
    (select count(*) from team where org_id = ${orgId} and archived_at is null) as teams,
    (select count(*) from team_membership where org_id = ${orgId}) as memberships,
    (select count(*) from provisioning_event where org_id = ${orgId}) as records`.execute(db)
  return rows[0]!
}
