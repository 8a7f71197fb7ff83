import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { MemberOrigin } from '../domain/group.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import {
  type Grant,
  type GroupFacts,
  isBuiltInRole,
  type PersonFacts,
  type ReconcileContext,
  type TeamFacts,
} from '../domain/reconcile.ts'
import type { AccountType } from '../domain/access.ts'
import type { UserStatus } from '../domain/user.ts'
import type { HeldAccess, StoredSeat } from '../domain/write-ports.ts'
import { jsonIdList, jsonIdRows, memberIndex } from './id-list.ts'
import { readPolicy } from './policy-rows.ts'
import { preparedQuery } from './prepared-query.ts'
import { rolesById } from './role-reads.ts'

/** The org's policy alone: the context of people who have no fact yet. */
export async function policyContext(db: Kysely<Database>, orgId: OrgId): Promise<ReconcileContext> {
  return {
    policy: await readPolicy(db, orgId),
    groups: new Map<GroupId, GroupFacts>(),
    teams: new Map<GroupId, TeamFacts>(),
    rulesOf: () => [],
    roleOf: () => undefined,
  }
}

/** The facts of people and what reconcile needs beside them: four queries, however many people; five with custom roles. */
export async function readFacts(
  db: Kysely<Database>,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<{ readonly people: readonly PersonFacts[]; readonly context: ReconcileContext }> {
  const of = { orgId, ids: JSON.stringify(ids) }
  const people = await selectPeople(db, of)
  const explicit = await readExplicit(db, of)
  const { members, groups, teams } = await readMembers(db, of)
  const context = await policyContext(db, orgId)
  const roles = await customRoles(db, orgId, [...explicit.values()].flat(), teams)
  return {
    people: people.map((row) => ({
      id: row.id as UserId,
      status: row.deleted_at === null ? (row.status as UserStatus) : 'deleted',
      accountType: row.account_type as AccountType,
      explicit: explicit.get(row.id) ?? [],
      members: members.get(row.id) ?? [],
    })),
    context: roles === undefined ? { ...context, groups, teams } : { ...context, groups, teams, roleOf: roles },
  }
}

/** The custom roles that grants and teams name; undefined where they name none. */
async function customRoles(
  db: Kysely<Database>,
  orgId: OrgId,
  explicit: readonly Grant[],
  teams: ReadonlyMap<GroupId, TeamFacts>,
): Promise<ReconcileContext['roleOf'] | undefined> {
  const granted = explicit.filter(({ kind }) => kind === 'team_role').map(({ value }) => value)
  const named = [...granted, ...Array.from(teams.values(), ({ defaultRole }) => defaultRole)]
  const ids = new Set(named.filter((value) => !isBuiltInRole(value)))
  if (ids.size === 0) return undefined
  const roles = await rolesById(db, orgId, [...ids])
  return (id) => roles.get(id)
}

async function readExplicit(db: Kysely<Database>, of: People): Promise<ReadonlyMap<string, Grant[]>> {
  const rows = await selectExplicit(db, of)
  const byUser = new Map<string, Grant[]>()
  for (const { user_id, kind, target, value } of rows) {
    push(byUser, user_id, { kind: kind as Grant['kind'], target, value })
  }
  return byUser
}

interface MemberFacts {
  readonly members: ReadonlyMap<string, PersonFacts['members'][number][]>
  readonly groups: ReadonlyMap<GroupId, GroupFacts>
  readonly teams: ReadonlyMap<GroupId, TeamFacts>
}

interface MemberRow {
  readonly user_id: string
  readonly group_id: GroupId
  readonly origin: MemberOrigin
  readonly deleted_at: number | null
  readonly owner_connection_id: string | null
  readonly team_id: GroupId | null
  readonly archived_at: number | null
  readonly default_role: TeamFacts['defaultRole'] | null
}

async function readMembers(db: Kysely<Database>, of: People): Promise<MemberFacts> {
  const rows = await selectMembers(db, of)
  const members = new Map<string, PersonFacts['members'][number][]>()
  const groups = new Map<GroupId, GroupFacts>()
  const teams = new Map<GroupId, TeamFacts>()
  for (const row of rows) {
    const groupId = row.group_id
    push(members, row.user_id, { groupId, origin: row.origin })
    groups.set(groupId, { deleted: row.deleted_at !== null, ownedByIdp: row.owner_connection_id !== null })
    if (row.team_id !== null) {
      teams.set(groupId, { archived: row.archived_at !== null, defaultRole: row.default_role ?? 'member' })
    }
  }
  return { members, groups, teams }
}

/** What people hold now, out of the derived tables: three queries. */
export async function readHeld(
  db: Kysely<Database>,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<ReadonlyMap<UserId, HeldAccess>> {
  const of = { orgId, ids: JSON.stringify(ids) }
  const people = await selectHeldRoles(db, of)
  const memberships = await selectMemberships(db, of)
  const seats = await selectSeats(db, of)
  const held = new Map<UserId, MutableHeld>()
  for (const { id, org_role, active } of people) {
    held.set(id as UserId, { active: active !== null, orgRole: org_role, memberships: new Map(), seats: new Map() })
  }
  for (const { user_id, team_id, role, custom_role_id, source_kind, source_id } of memberships) {
    const source = `${source_kind}:${source_id}`
    held.get(user_id as UserId)?.memberships.set(team_id as GroupId, { role: custom_role_id || role, source })
  }
  for (const { user_id, product, wanted, given, wanted_since: since, source } of seats) {
    held.get(user_id as UserId)?.seats.set(product, { wanted, given, since, source })
  }
  return held
}

interface MutableHeld extends HeldAccess {
  readonly memberships: Map<GroupId, { readonly role: string; readonly source: string }>
  readonly seats: Map<string, StoredSeat>
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

interface People {
  readonly orgId: OrgId
  /** JSON list of ids. */
  readonly ids: string
}

const selectPeople = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user')
    .select(['id', 'status', 'account_type', 'deleted_at'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id in ${jsonIdList(dialect, ids)}`)
    .orderBy('id')
    .compile(),
)

const selectExplicit = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('explicit_grant')
    .select(['user_id', 'kind', 'target', 'value'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id in ${jsonIdList(dialect, ids)}`)
    .compile(),
)

// SQLite takes the tables of a cross join in this order; left to itself it would read all members of the org first.
const selectMembers = preparedQuery((db, { orgId, ids }: People, dialect) =>
  sql<MemberRow>`
    select m.user_id, m.group_id, m.origin, g.deleted_at, g.owner_connection_id, t.id as team_id, t.archived_at,
      t.default_role
    from ${jsonIdRows(dialect, ids)} as i cross join group_member m ${memberIndex(dialect)} cross join scim_group g
      left join team t on t.org_id = ${orgId} and t.id = m.group_id
    where m.org_id = ${orgId} and m.user_id = i.id and g.org_id = ${orgId} and g.id = m.group_id`.compile(db),
)

const selectHeldRoles = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user')
    .leftJoin('access_period as p', (join) =>
      join
        .onRef('p.org_id', '=', 'user.org_id')
        .onRef('p.user_id', '=', 'user.id')
        .on('p.kind', '=', 'active')
        .on('p.to_seq', 'is', null),
    )
    .select(['user.id', 'user.org_role', 'p.value as active'])
    .where('user.org_id', '=', orgId)
    .where(sql<boolean>`"user".id in ${jsonIdList(dialect, ids)}`)
    .compile(),
)

const selectMemberships = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('team_membership')
    .select(['user_id', 'team_id', 'role', 'custom_role_id', 'source_kind', 'source_id'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id in ${jsonIdList(dialect, ids)}`)
    .compile(),
)

const selectSeats = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user_seat')
    .select(['user_id', 'product', 'wanted', 'given', 'wanted_since', 'source'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id in ${jsonIdList(dialect, ids)}`)
    .compile(),
)
