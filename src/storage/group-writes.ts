import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database, ScimGroupTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { Group } from '../domain/group.ts'
import type { ConnectionId, GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { GroupWrites } from '../domain/write-ports.ts'
import { isAmong } from './id-list.ts'
import type { KnownVersion } from './org-rules.ts'
import { preparedQuery } from './prepared-query.ts'

/** The columns a Group is read from. */
export const GROUP_COLUMNS = [
  'scim_group.id',
  'scim_group.ord',
  'scim_group.version',
  'scim_group.created',
  'scim_group.updated',
  'scim_group.display_name',
  'scim_group.owner_connection_id',
  'scim_group.external_id',
  'scim_group.marked_protected',
  'scim_group.member_count',
] as const

type GroupRow = Omit<Selectable<ScimGroupTable>, 'org_id' | 'name_key' | 'body' | 'deleted_at'>

/** Row → domain, the one place. */
export function toGroup(row: GroupRow): Group {
  return {
    id: row.id as GroupId,
    ord: row.ord,
    version: row.version,
    created: row.created,
    updated: row.updated,
    displayName: row.display_name,
    owner: (row.owner_connection_id ?? undefined) as ConnectionId | undefined,
    externalId: row.external_id ?? undefined,
    markedProtected: row.marked_protected === 1,
    memberCount: row.member_count,
  }
}

function fromGroup(group: Group): Omit<Selectable<ScimGroupTable>, 'org_id' | 'id' | 'ord' | 'created' | 'body'> {
  return {
    display_name: group.displayName,
    name_key: fold(group.displayName),
    owner_connection_id: group.owner ?? null,
    external_id: group.externalId ?? null,
    marked_protected: group.markedProtected ? 1 : 0,
    member_count: group.memberCount,
    version: group.version,
    updated: group.updated,
    deleted_at: null,
  }
}

interface GroupKey {
  readonly orgId: OrgId
  readonly id: GroupId
}

const selectGroup = preparedQuery((db, { orgId, id }: GroupKey) =>
  db
    .selectFrom('scim_group')
    .select(GROUP_COLUMNS)
    // Whoever changes a group asks next which rules are for it.
    .select((eb) =>
      eb.selectFrom('org_policy').select('rules_version').where('org_policy.org_id', '=', orgId).as('rules_version'),
    )
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .compile(),
)

const updateGroup = preparedQuery((db, row: ReturnType<typeof fromGroup> & GroupKey) =>
  db
    .updateTable('scim_group')
    .set({
      display_name: row.display_name,
      name_key: row.name_key,
      owner_connection_id: row.owner_connection_id,
      external_id: row.external_id,
      marked_protected: row.marked_protected,
      member_count: row.member_count,
      version: row.version,
      updated: row.updated,
      deleted_at: row.deleted_at,
    })
    .where('org_id', '=', row.orgId)
    .where('id', '=', row.id)
    .compile(),
)

/** Groups and their teams as a unit of work writes them. */
export function groupWrites(db: Kysely<Database>, dialect: Dialect, known: KnownVersion): GroupWrites {
  return { ...groupLookups(db, dialect, known), ...groupChanges(db), ...teamChanges(db) }
}

/** Live groups, and deleted ones that may come back. */
function groupLookups(
  db: Kysely<Database>,
  dialect: Dialect,
  known: KnownVersion,
): Pick<GroupWrites, 'find' | 'existing' | 'nameHolder' | 'findDeleted'> {
  return {
    async find(orgId, id) {
      const [row] = await selectGroup(db, { orgId, id })
      known.version = row?.rules_version ?? known.version
      return row && toGroup(row)
    },

    async existing(orgId, ids) {
      if (ids.length === 0) return []
      const rows = await db
        .selectFrom('scim_group')
        .select('id')
        .where('org_id', '=', orgId)
        .where('deleted_at', 'is', null)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
      return rows.map((row) => row.id as GroupId)
    },

    async nameHolder(orgId, displayName) {
      const row = await db
        .selectFrom('scim_group')
        .select('id')
        .where('org_id', '=', orgId)
        .where('name_key', '=', fold(displayName))
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row?.id as GroupId | undefined
    },

    async findDeleted(orgId, displayName, owner, since) {
      const row = await db
        .selectFrom('scim_group')
        .select(GROUP_COLUMNS)
        .where('org_id', '=', orgId)
        .where('name_key', '=', fold(displayName))
        .where('owner_connection_id', '=', owner)
        .where('deleted_at', '>=', since)
        .orderBy('deleted_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && toGroup(row)
    },
  }
}

/** The rows of groups themselves. */
function groupChanges(db: Kysely<Database>): Pick<GroupWrites, 'insert' | 'update' | 'remove' | 'revive'> {
  return {
    async insert(orgId, group) {
      await db
        .insertInto('scim_group')
        .values({
          ...fromGroup(group),
          org_id: orgId,
          id: group.id,
          ord: group.ord,
          created: group.created,
          body: '{}',
        })
        .execute()
    },

    async update(orgId, group) {
      await updateGroup(db, { ...fromGroup(group), orgId, id: group.id })
    },

    async remove(orgId, id, at) {
      await db
        .updateTable('scim_group')
        .set((eb) => ({ deleted_at: at, updated: at, version: eb('version', '+', 1) }))
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
      await db
        .updateTable('scim_group')
        .set((eb) => ({ member_count: eb('member_count', '-', 1), version: eb('version', '+', 1), updated: at }))
        .where('org_id', '=', orgId)
        .where('id', 'in', (eb) =>
          eb
            .selectFrom('group_child')
            .select('group_id')
            .where('group_child.org_id', '=', orgId)
            .where('child_group_id', '=', id),
        )
        .execute()
      await db.deleteFrom('group_child').where('org_id', '=', orgId).where('child_group_id', '=', id).execute()
    },

    async revive(orgId, group) {
      const ended = await db
        .deleteFrom('group_member')
        .where('org_id', '=', orgId)
        .where('group_id', '=', group.id)
        .where('origin', '<>', 'service')
        .returning('user_id')
        .execute()
      await db.deleteFrom('group_child').where('org_id', '=', orgId).where('group_id', '=', group.id).execute()
      await db
        .updateTable('scim_group')
        .set(fromGroup(group))
        .where('org_id', '=', orgId)
        .where('id', '=', group.id)
        .execute()
      return [...new Set(ended.map(({ user_id }) => user_id as UserId))]
    },
  }
}

/** Teams have the id of their group. */
function teamChanges(db: Kysely<Database>): Pick<GroupWrites, 'hasTeam' | 'insertTeam' | 'archiveTeam'> {
  return {
    async hasTeam(orgId, id) {
      const row = await db
        .selectFrom('team')
        .select('id')
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row !== undefined
    },

    async insertTeam(orgId, id) {
      await db
        .insertInto('team')
        .values({ org_id: orgId, id, archived_at: null, default_role: 'member', storage: null, visibility: 'org' })
        .execute()
    },

    async archiveTeam(orgId, id, at) {
      await db
        .updateTable('team')
        .set({ archived_at: at ?? null })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },
  }
}
