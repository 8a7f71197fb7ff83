import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, OrgId, RoleId, UserId } from '../domain/ids.ts'
import type { CustomRole } from '../domain/role.ts'
import type { RoleWrites } from '../domain/write-ports.ts'
import { newRulesVersion } from './org-rules.ts'
import { findRole } from './role-reads.ts'

/** Custom roles as a unit of work writes them, and the grants that name them. */
export function roleWrites(db: Kysely<Database>): RoleWrites {
  return { ...roleLookups(db), ...roleChanges(db), rewriteGrants: grantRewriter(db) }
}

function roleLookups(db: Kysely<Database>): Pick<RoleWrites, 'find' | 'nameHolder' | 'count'> {
  return {
    find: (orgId, id) => findRole(db, orgId, id),

    async nameHolder(orgId, name) {
      const row = await db
        .selectFrom('custom_role')
        .select('id')
        .where('org_id', '=', orgId)
        .where('name', '=', name)
        .executeTakeFirst()
      return row?.id as RoleId | undefined
    },

    async count(orgId) {
      const { n } = await db
        .selectFrom('custom_role')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('org_id', '=', orgId)
        .executeTakeFirstOrThrow()
      return n
    },
  }
}

function roleChanges(db: Kysely<Database>): Pick<RoleWrites, 'insert' | 'update' | 'remove'> {
  return {
    async insert(orgId, role) {
      const { id, ord, name, base, version, created, updated } = role
      await db
        .insertInto('custom_role')
        .values({
          ...{ org_id: orgId, id, ord, name, name_key: fold(name), description: role.description ?? null },
          ...{ base, version, created, updated },
        })
        .execute()
      await insertPermissions(db, orgId, role)
      await newRulesVersion(db, orgId)
    },

    async update(orgId, role) {
      const { id, name, base, version, updated } = role
      await db
        .updateTable('custom_role')
        .set({ name, name_key: fold(name), description: role.description ?? null, base, version, updated })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
      await deletePermissions(db, orgId, id)
      await insertPermissions(db, orgId, role)
      await rebaseHolders(db, orgId, role)
      await newRulesVersion(db, orgId)
    },

    async remove(orgId, id) {
      await deletePermissions(db, orgId, id)
      await db.deleteFrom('custom_role').where('org_id', '=', orgId).where('id', '=', id).execute()
      await newRulesVersion(db, orgId)
    },
  }
}

/** What holders fall back to when the role is gone follows its base. */
async function rebaseHolders(db: Kysely<Database>, orgId: OrgId, { id, base }: CustomRole): Promise<void> {
  await db
    .updateTable('team_membership')
    .set({ role: base })
    .where('org_id', '=', orgId)
    .where('custom_role_id', '=', id)
    // Names the partial index.
    .where(sql<boolean>`custom_role_id <> ''`)
    .where('role', '<>', base)
    .execute()
}

async function deletePermissions(db: Kysely<Database>, orgId: OrgId, id: RoleId): Promise<void> {
  await db.deleteFrom('custom_role_permission').where('org_id', '=', orgId).where('role_id', '=', id).execute()
}

/** A catalogue's worth of rows at most. */
async function insertPermissions(db: Kysely<Database>, orgId: OrgId, role: CustomRole): Promise<void> {
  if (role.permissions.length === 0) return
  await db
    .insertInto('custom_role_permission')
    .values(role.permissions.map((permission) => ({ org_id: orgId, role_id: role.id, permission })))
    .execute()
}

function grantRewriter(db: Kysely<Database>): RoleWrites['rewriteGrants'] {
  return async (orgId, id, value) => {
    const rows = await db
      .updateTable('explicit_grant')
      .set({ value })
      .where('org_id', '=', orgId)
      .where('value', '=', id)
      // A bound value would not match the condition of the partial index.
      .where(sql<boolean>`kind = 'team_role'`)
      .returning(['user_id', 'target'])
      .execute()
    return rows
      .map((row) => ({ user: row.user_id as UserId, team: row.target as GroupId }))
      .sort((a, b) => (`${a.user} ${a.team}` < `${b.user} ${b.team}` ? -1 : 1))
  }
}
