import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { UserWrites } from '../domain/write-ports.ts'
import { toUser, USER_COLUMNS } from './user-row.ts'

/** People who were deleted, and their return. */
export function userReturns(db: Kysely<Database>): Pick<UserWrites, 'findDeleted' | 'nameHolder' | 'restore'> {
  return {
    async findDeleted(orgId, id) {
      const row = await db
        .selectFrom('user')
        .select([...USER_COLUMNS, 'user.deleted_at'])
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .where('deleted_at', 'is not', null)
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('erasure')
                .select('seq')
                .whereRef('erasure.org_id', '=', 'user.org_id')
                .whereRef('erasure.person_id', '=', 'user.id'),
            ),
          ),
        )
        .executeTakeFirst()
      return row && { user: toUser(row), at: Number(row.deleted_at) }
    },

    async nameHolder(orgId, userName) {
      const row = await db
        .selectFrom('user')
        .select(USER_COLUMNS)
        .where('org_id', '=', orgId)
        .where('username_key', '=', fold(userName))
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row && toUser(row)
    },

    async restore(orgId, { id, version, updated }) {
      await db
        .updateTable('user')
        .set({ deleted_at: null, version, updated })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
      await countInGroups(db, { orgId, id, by: 1, at: updated })
    },
  }
}

interface Counting {
  readonly orgId: OrgId
  readonly id: UserId
  readonly by: 1 | -1
  readonly at: number
}

/** A person who goes, or comes back, changes the number and the version of each group that lists them. */
export async function countInGroups(db: Kysely<Database>, { orgId, id, by, at }: Counting): Promise<void> {
  await db
    .updateTable('scim_group')
    .set((eb) => ({ member_count: eb('member_count', '+', by), version: eb('version', '+', 1), updated: at }))
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
}
