import { type Kysely, type Selectable, sql } from 'kysely'
import type { Database, ServiceAccountTable } from '../../db/schema.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { WorkloadIdentity } from '../domain/workload.ts'
import type { ServiceAccount, ServiceWrites } from '../domain/service-account.ts'
import { preparedQuery } from './prepared-query.ts'

/** What service accounts have beside their rows as users. */
export function serviceWrites(db: Kysely<Database>): ServiceWrites {
  return {
    async insert(orgId, { user, scope, defaultTeam, owner, identity }) {
      await db
        .insertInto('service_account')
        .values({
          ...{ org_id: orgId, user_id: user, scope, default_team_id: defaultTeam, owner_user_id: owner ?? null },
          ...identityColumns(identity),
        })
        .execute()
    },

    async find(orgId, user) {
      const row = await db
        .selectFrom('service_account')
        .select(['scope', 'default_team_id', 'owner_user_id', 'jwt_issuer', 'jwt_subject'])
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .executeTakeFirst()
      return row && toServiceAccount(user, row)
    },

    async setOwner(orgId, user, owner) {
      await db
        .updateTable('service_account')
        .set({ owner_user_id: owner })
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .execute()
    },

    async setIdentity(orgId, user, identity) {
      await db
        .updateTable('service_account')
        .set(identityColumns(identity))
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .execute()
    },

    async withIdentity(orgId, { issuer, subject }) {
      const row = await db
        .selectFrom('service_account')
        .select('user_id')
        .where('org_id', '=', orgId)
        .where('jwt_issuer', '=', issuer)
        .where('jwt_subject', '=', subject)
        .executeTakeFirst()
      return row?.user_id as UserId | undefined
    },

    async ofOrg(orgId) {
      return (await selectOfOrg(db, { orgId })).map(({ id }) => id)
    },
  }
}

/** Row → domain. Each account has been given a default team. */
export function toServiceAccount(
  user: UserId,
  row: Pick<Selectable<ServiceAccountTable>, 'scope' | 'default_team_id' | 'owner_user_id'> & IdentityRow,
): ServiceAccount {
  return {
    user,
    scope: row.scope as ServiceAccount['scope'],
    defaultTeam: row.default_team_id as GroupId,
    owner: (row.owner_user_id ?? undefined) as UserId | undefined,
    identity: toIdentity(row),
  }
}

interface IdentityRow {
  readonly jwt_issuer: string | null
  readonly jwt_subject: string | null
}

/** Both are there, or neither. */
export function toIdentity({ jwt_issuer: issuer, jwt_subject: subject }: IdentityRow): WorkloadIdentity | undefined {
  return issuer === null || subject === null ? undefined : { issuer, subject }
}

function identityColumns(identity: WorkloadIdentity | undefined): IdentityRow {
  return { jwt_issuer: identity?.issuer ?? null, jwt_subject: identity?.subject ?? null }
}

// Asked at every new group: the literal matches the partial index, which is empty where there are none.
const selectOfOrg = preparedQuery((db, { orgId }: { readonly orgId: OrgId }) =>
  sql<{ readonly id: UserId }>`select s.user_id as id from service_account as s
    cross join "user" as u where s.org_id = ${orgId} and s.scope = 'org'
    and u.org_id = ${orgId} and u.id = s.user_id and u.deleted_at is null order by s.user_id`.compile(db),
)
