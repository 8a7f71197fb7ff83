import type { Insertable, Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Database, UserTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { AccountType } from '../domain/access.ts'
import { equalJson } from '../domain/json.ts'
import type { User, UserStatus } from '../domain/user.ts'
import type { UserWrites } from '../domain/write-ports.ts'
import { writeAttributeKeys } from './attribute-keys.ts'
import { buryIdentities } from './identities.ts'
import { countInGroups, userReturns } from './user-returns.ts'
import { emailRows, fromUser, toUser, USER_COLUMNS } from './user-row.ts'
import { isAmongJson, jsonRows } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** People as a unit of work writes them. */
export function userWrites(db: Kysely<Database>): UserWrites {
  return { ...userLookups(db), ...userChanges(db), ...userReturns(db) }
}

/** People as they stand under the lock. */
function userLookups(db: Kysely<Database>): Pick<UserWrites, 'find' | 'resolve' | 'byPrimaryEmail'> {
  return {
    find: (orgId, id) => findUser(db, orgId, id),

    async resolve(orgId, ids) {
      if (ids.length === 0) return []
      const rows = await resolveUsers(db, { orgId, ids: JSON.stringify(ids) })
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
function userChanges(db: Kysely<Database>): Pick<UserWrites, 'insert' | 'update' | 'remove' | 'touch'> {
  return {
    async insert(orgId, user) {
      await insertUser(db, { ...fromUser(user), org_id: orgId, ...pickFixed(user) })
      await insertEmails(db, orgId, user)
      await writeAttributeKeys(db, orgId, undefined, user)
    },

    async update(orgId, before, after) {
      if (hasSameData(before, after)) return updateStatus.send(db, { ...after, orgId })
      await updateUser(db, { ...fromUser(after), org_id: orgId, id: after.id })
      await writeAttributeKeys(db, orgId, before, after)
      if (equalJson(before.attributes['emails'], after.attributes['emails'])) return
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
      await countInGroups(db, { orgId, id, by: -1, at })
      await buryIdentities(db, orgId, id)
    },

    async touch(orgId, ids, at) {
      if (ids.length === 0) return
      await touchUsers.send(db, { orgId, ids: JSON.stringify(ids), at })
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

interface UserKey {
  readonly orgId: OrgId
  readonly id: UserId
}

const selectUser = preparedQuery((db, { orgId, id }: UserKey) =>
  db
    .selectFrom('user')
    .select(USER_COLUMNS)
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .compile(),
)

/** A live person, by the connection that reads or within a transaction. */
export async function findUser(db: Kysely<Database>, orgId: OrgId, id: UserId): Promise<User | undefined> {
  const [row] = await selectUser(db, { orgId, id })
  return row && toUser(row)
}

interface UserList {
  readonly orgId: OrgId
  /** JSON list of ids. */
  readonly ids: string
}

const resolveUsers = preparedQuery((db, { orgId, ids }: UserList, dialect) =>
  db
    .selectFrom('user')
    .select(['id', 'status', 'account_type', 'deleted_at'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

const touchUsers = preparedQuery((db, { orgId, ids, at }: UserList & { readonly at: number }, dialect) =>
  db
    .updateTable('user')
    .set((eb) => ({ version: eb('version', '+', 1), updated: at }))
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

type ChangedColumns = ReturnType<typeof fromUser>
type FixedColumns = Pick<Insertable<UserTable>, 'id' | 'ord' | 'created' | 'billing_admin' | 'account_type'>

function pickFixed({ id, ord, created, accountType }: User): FixedColumns {
  return { id, ord, created, billing_admin: 0, account_type: accountType }
}

const insertUser = preparedQuery((db, row: ChangedColumns & FixedColumns & { readonly org_id: OrgId }) => {
  const { org_id, id, ord, created, billing_admin, account_type } = row
  return db
    .insertInto('user')
    .values({ ...changedColumns(row), org_id, id, ord, created, billing_admin, account_type })
    .compile()
})

const updateUser = preparedQuery((db, row: ChangedColumns & { readonly org_id: OrgId; readonly id: UserId }) =>
  db.updateTable('user').set(changedColumns(row)).where('org_id', '=', row.org_id).where('id', '=', row.id).compile(),
)

// SQLite writes anew each index that holds a column it is told to set, also to the value that it has.
const updateStatus = preparedQuery((db, given: User & { readonly orgId: OrgId }) => {
  const { orgId, id, status, orgRole: org_role, version, updated } = given
  return db
    .updateTable('user')
    .set({ status, org_role, version, updated })
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .compile()
})

function hasSameData(before: User, after: User): boolean {
  const sameLink = before.owner === after.owner && before.externalId === after.externalId
  return sameLink && equalJson(before.attributes, after.attributes)
}

/** Name by name: a row of placeholders has no keys to copy. */
function changedColumns(row: ChangedColumns): ChangedColumns {
  return {
    username: row.username,
    username_key: row.username_key,
    display_name: row.display_name,
    display_name_key: row.display_name_key,
    status: row.status,
    owner_connection_id: row.owner_connection_id,
    external_id: row.external_id,
    org_role: row.org_role,
    department: row.department,
    department_key: row.department_key,
    employee_number: row.employee_number,
    employee_number_key: row.employee_number_key,
    body: row.body,
    search: row.search,
    version: row.version,
    updated: row.updated,
    deleted_at: row.deleted_at,
  }
}

const EMAIL_COLUMNS = {
  ordinal: 'bigint',
  value: 'text',
  value_key: 'text',
  type: 'text',
  is_primary: 'bigint',
} as const

/** Rows: ordinal, value, folded value, type, whether primary. */
const insertEmailRows = preparedQuery((db, { orgId, id, json }: UserKey & { readonly json: string }, dialect) =>
  sql`insert into user_email (org_id, user_id, ordinal, value, value_key, type, is_primary)
    select cast(${orgId} as text), cast(${id} as text), ordinal, value, value_key, type, is_primary
    from ${jsonRows(dialect, json, EMAIL_COLUMNS)} as r where true`.compile(db),
)

async function insertEmails(db: Kysely<Database>, orgId: OrgId, user: User): Promise<void> {
  const rows = emailRows(orgId, user)
  if (rows.length === 0) return
  const list = rows.map((row) => [row.ordinal, row.value, row.value_key, row.type, row.is_primary])
  await insertEmailRows.send(db, { orgId, id: user.id, json: JSON.stringify(list) })
}
