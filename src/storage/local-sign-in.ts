import { type Kysely, type Selectable, sql } from 'kysely'
import type { OneTimeLinkTable } from '../../db/session-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type {
  LinkKind,
  LinkReads,
  LocalPassword,
  OneTimeLink,
  OneTimeLinkWrites,
  PasswordReads,
  PasswordWrites,
} from '../domain/local-sign-in.ts'

export function passwordReads(db: Kysely<Database>): PasswordReads {
  return {
    async any(orgId) {
      const row = await db.selectFrom('local_password').select('user_id').where('org_id', '=', orgId).executeTakeFirst()
      return row !== undefined
    },
    find: (orgId, user) => findPassword(db, orgId, user),
  }
}

/** Passwords of people as a unit of work writes them. */
export function passwordWrites(db: Kysely<Database>): PasswordWrites {
  const of = (orgId: OrgId, user: UserId) =>
    db.updateTable('local_password').where('org_id', '=', orgId).where('user_id', '=', user)
  return {
    find: (orgId, user) => findPassword(db, orgId, user),
    async set(orgId, user, hash, at) {
      const fresh = { hash, changed: at, failures: 0, failed_at: null }
      await db
        .insertInto('local_password')
        .values({ org_id: orgId, user_id: user, ...fresh })
        .onConflict((conflict) => conflict.columns(['org_id', 'user_id']).doUpdateSet(fresh))
        .execute()
    },
    async remove(orgId, user) {
      await db.deleteFrom('local_password').where('org_id', '=', orgId).where('user_id', '=', user).execute()
    },
    async attempted(orgId, user, at) {
      await of(orgId, user)
        .set({ failures: sql`failures + 1`, failed_at: at })
        .execute()
    },
    async succeeded(orgId, user) {
      await of(orgId, user).set({ failures: 0, failed_at: null }).execute()
    },
  }
}

async function findPassword(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<LocalPassword | undefined> {
  const row = await db
    .selectFrom('local_password')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .executeTakeFirst()
  return row && { hash: row.hash, changed: row.changed, failures: row.failures, failedAt: row.failed_at ?? undefined }
}

export function linkReads(db: Kysely<Database>): LinkReads {
  return {
    async byHash(secretHash, now) {
      const row = await db
        .selectFrom('one_time_link')
        .selectAll()
        .where('secret_hash', '=', Buffer.from(secretHash))
        .where('expires', '>', now)
        .executeTakeFirst()
      return row && { orgId: row.org_id as OrgId, link: toLink(row) }
    },
  }
}

/** Links that work once as a unit of work writes them. */
export function oneTimeLinkWrites(db: Kysely<Database>): OneTimeLinkWrites {
  return {
    async put(orgId, { id, kind, user, secretHash, expires }, at) {
      const earlier = db.deleteFrom('one_time_link').where('org_id', '=', orgId).where('kind', '=', kind)
      await (user === undefined ? earlier : earlier.where('user_id', '=', user)).execute()
      await db
        .insertInto('one_time_link')
        .values({ org_id: orgId, id, kind, user_id: user ?? null, secret_hash: secretHash, created: at, expires })
        .execute()
    },
    async take(orgId, secretHash, at) {
      const row = await db
        .deleteFrom('one_time_link')
        .where('org_id', '=', orgId)
        .where('secret_hash', '=', Buffer.from(secretHash))
        .returningAll()
        .executeTakeFirst()
      return row === undefined || row.expires <= at ? undefined : toLink(row)
    },
    async madeAt(orgId, kind, user) {
      const row = await db
        .selectFrom('one_time_link')
        .select('created')
        .where('org_id', '=', orgId)
        .where('kind', '=', kind)
        .where('user_id', '=', user)
        .executeTakeFirst()
      return row?.created
    },
    async hasLive(orgId, kind, at) {
      const row = await db
        .selectFrom('one_time_link')
        .select('id')
        .where('org_id', '=', orgId)
        .where('kind', '=', kind)
        .where('expires', '>', at)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function toLink(row: Selectable<OneTimeLinkTable>): OneTimeLink {
  return {
    id: row.id,
    kind: row.kind as LinkKind,
    user: (row.user_id ?? undefined) as UserId | undefined,
    secretHash: row.secret_hash,
    expires: row.expires,
  }
}
