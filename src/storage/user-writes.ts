import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { AccountType, User, UserStatus } from '../domain/user.ts'
import type { UserWrites } from '../domain/write-ports.ts'
import { emailRows, fromUser, toUser, USER_COLUMNS } from './user-row.ts'
import { idList } from './id-list.ts'

/** People as a unit of work writes them. */
export function userWrites(db: Kysely<Database>, dialect: Dialect): UserWrites {
  return { ...userLookups(db, dialect), ...userChanges(db, dialect) }
}

/** People as they stand under the lock. */
function userLookups(db: Kysely<Database>, dialect: Dialect): Pick<UserWrites, 'find' | 'resolve' | 'byPrimaryEmail'> {
  return {
    async find(orgId, id) {
      const row = await db
        .selectFrom('user')
        .select(USER_COLUMNS)
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row && toUser(row)
    },

    async resolve(orgId, ids) {
      if (ids.length === 0) return []
      const rows = await db
        .selectFrom('user')
        .select(['id', 'status', 'account_type', 'deleted_at'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id in ${idList(dialect, ids)}`)
        .execute()
      return rows.map((row) => ({
        id: row.id as UserId,
        status: row.status as UserStatus,
        accountType: row.account_type as AccountType,
        deleted: row.deleted_at !== null,
      }))
    },

    async byPrimaryEmail(orgId, email) {
      return idsByPrimaryEmail(db, orgId, email)
    },
  }
}

/** The rows of people themselves. */
function userChanges(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<UserWrites, 'insert' | 'update' | 'remove' | 'touch'> {
  return {
    async insert(orgId, user) {
      await db
        .insertInto('user')
        .values({
          ...fromUser(user),
          org_id: orgId,
          id: user.id,
          ord: user.ord,
          created: user.created,
          billing_admin: 0,
          account_type: user.accountType,
        })
        .execute()
      await insertEmails(db, orgId, user)
    },

    async update(orgId, before, after) {
      await db.updateTable('user').set(fromUser(after)).where('org_id', '=', orgId).where('id', '=', after.id).execute()
      if (JSON.stringify(before.attributes['emails']) === JSON.stringify(after.attributes['emails'])) return
      await db.deleteFrom('user_email').where('org_id', '=', orgId).where('user_id', '=', after.id).execute()
      await insertEmails(db, orgId, after)
    },

    async remove(orgId, id, at) {
      await db
        .updateTable('user')
        .set((eb) => ({ deleted_at: at, updated: at, version: eb('version', '+', 1) }))
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
      await db
        .updateTable('scim_group')
        .set((eb) => ({ member_count: eb('member_count', '-', 1), version: eb('version', '+', 1), updated: at }))
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('group_member')
            .select('group_id')
            .where('group_member.org_id', '=', orgId)
            .where('user_id', '=', id)
            .where('origin', '<>', 'service'),
        )
        .execute()
    },

    async touch(orgId, ids, at) {
      if (ids.length === 0) return
      await db
        .updateTable('user')
        .set((eb) => ({ version: eb('version', '+', 1), updated: at }))
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id in ${idList(dialect, ids)}`)
        .execute()
    },
  }
}

/** Live people having the address as primary; at most two, so a caller can tell "one" from "several". */
export async function idsByPrimaryEmail(db: Kysely<Database>, orgId: OrgId, email: string): Promise<readonly UserId[]> {
  const rows = await db
    .selectFrom('user_email')
    .innerJoin('user', (join) => join.onRef('user.org_id', '=', 'user_email.org_id').onRef('user.id', '=', 'user_id'))
    .select('user.id')
    .where('user_email.org_id', '=', orgId)
    .where('value_key', '=', fold(email))
    .where('is_primary', '=', 1)
    .where('deleted_at', 'is', null)
    .limit(2)
    .execute()
  return rows.map((row) => row.id as UserId)
}

async function insertEmails(db: Kysely<Database>, orgId: OrgId, user: User): Promise<void> {
  const rows = emailRows(orgId, user)
  if (rows.length > 0) await db.insertInto('user_email').values(rows).execute()
}
