import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { ServiceWrites } from '../domain/write-ports.ts'
import { preparedQuery } from './prepared-query.ts'

/** What service accounts have beside their rows as users. */
export function serviceWrites(db: Kysely<Database>): ServiceWrites {
  return {
    async insert(orgId, { user, scope, defaultTeam, owner }) {
      const unset = { jwt_issuer: null, jwt_subject: null }
      await db
        .insertInto('service_account')
        .values({
          ...{ org_id: orgId, user_id: user, scope, default_team_id: defaultTeam, owner_user_id: owner ?? null },
          ...unset,
        })
        .execute()
    },

    async defaultTeam(orgId, user) {
      const row = await db
        .selectFrom('service_account')
        .select('default_team_id')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .executeTakeFirst()
      return (row?.default_team_id ?? undefined) as GroupId | undefined
    },

    async ofOrg(orgId) {
      return (await selectOfOrg(db, { orgId })).map(({ id }) => id)
    },
  }
}

// Asked at every new group: the literal matches the partial index, which is empty where there are none.
const selectOfOrg = preparedQuery((db, { orgId }: { readonly orgId: OrgId }) =>
  sql<{ readonly id: UserId }>`select s.user_id as id from service_account as s
    cross join "user" as u where s.org_id = ${orgId} and s.scope = 'org'
    and u.org_id = ${orgId} and u.id = s.user_id and u.deleted_at is null order by s.user_id`.compile(db),
)
