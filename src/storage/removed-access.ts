import { type Insertable, type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, ExplicitGrantTable, GroupMemberTable } from '../../db/schema.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { RemovedAccessWrites } from '../domain/removed-access.ts'
import { isAmong } from './id-list.ts'

/** What is kept of a person: rows as they were, without org and user. */
interface Kept {
  readonly members: readonly Omit<Insertable<GroupMemberTable>, 'org_id' | 'user_id'>[]
  readonly grants: readonly Omit<Insertable<ExplicitGrantTable>, 'org_id' | 'user_id'>[]
}

/** What deactivation ended for good, kept so that an admin can bring it back. */
export function removedAccessWrites(db: Kysely<Database>, dialect: Dialect): RemovedAccessWrites {
  return {
    async remove(orgId, user, at) {
      const kept: Kept = { members: await endMembers(db, orgId, user), grants: await endGrants(db, orgId, user) }
      const groups = groupsOf(kept.members)
      await count(db, dialect, { orgId, groups, by: -1, at })
      const row = { facts: JSON.stringify(kept), at }
      await db
        .insertInto('removed_access')
        .values({ org_id: orgId, user_id: user, ...row })
        .onConflict((conflict) => conflict.columns(['org_id', 'user_id']).doUpdateSet(row))
        .execute()
      return groups
    },

    async has(orgId, user) {
      const row = await db
        .selectFrom('removed_access')
        .select('at')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .executeTakeFirst()
      return row !== undefined
    },

    async reinstate(orgId, user, at) {
      const row = await db
        .deleteFrom('removed_access')
        .where('org_id', '=', orgId)
        .where('user_id', '=', user)
        .returning('facts')
        .executeTakeFirst()
      if (row === undefined) return []
      const { members, grants } = JSON.parse(row.facts) as Kept
      const there = await liveGroups(db, dialect, orgId, groupsOf(members))
      const back = members.filter(({ group_id }) => there.has(group_id))
      const own = { org_id: orgId, user_id: user }
      for (const member of back) {
        const { group_id, origin, set_by, set_at } = member
        const values = { ...own, group_id, origin, set_by, set_at }
        await db
          .insertInto('group_member')
          .values(values)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      for (const { kind, target, value, set_by, set_at } of grants) {
        const values = { ...own, kind, target, value, set_by, set_at }
        await db
          .insertInto('explicit_grant')
          .values(values)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      const groups = groupsOf(back)
      await count(db, dialect, { orgId, groups, by: 1, at })
      return groups
    },
  }
}

function groupsOf(members: Kept['members']): readonly GroupId[] {
  return [...new Set(members.map(({ group_id }) => group_id as GroupId))].sort()
}

function endMembers(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<Kept['members']> {
  return db
    .deleteFrom('group_member')
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .where('origin', '<>', 'service')
    .returning(['group_id', 'origin', 'set_by', 'set_at'])
    .execute()
}

function endGrants(db: Kysely<Database>, orgId: OrgId, user: UserId): Promise<Kept['grants']> {
  return db
    .deleteFrom('explicit_grant')
    .where('org_id', '=', orgId)
    .where('user_id', '=', user)
    .returning(['kind', 'target', 'value', 'set_by', 'set_at'])
    .execute()
}

async function liveGroups(
  db: Kysely<Database>,
  dialect: Dialect,
  orgId: OrgId,
  ids: readonly GroupId[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('scim_group')
    .select('id')
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
    .execute()
  return new Set(rows.map(({ id }) => id))
}

interface Recount {
  readonly orgId: OrgId
  readonly groups: readonly GroupId[]
  readonly by: 1 | -1
  readonly at: number
}

/** Deleted groups count no members. */
async function count(db: Kysely<Database>, dialect: Dialect, { orgId, groups, by, at }: Recount): Promise<void> {
  if (groups.length === 0) return
  await db
    .updateTable('scim_group')
    .set((eb) => ({ member_count: eb('member_count', '+', by), version: eb('version', '+', 1), updated: at }))
    .where('org_id', '=', orgId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`id ${isAmong(dialect, groups)}`)
    .execute()
}
