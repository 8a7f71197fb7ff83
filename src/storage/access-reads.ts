import { type Kysely, type RawBuilder, sql } from 'kysely'
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
import type { Rule } from '../domain/rule.ts'
import type { ContextChange } from '../domain/rule-ports.ts'
import type { RuleSet } from '../domain/rule-set.ts'
import type { UserStatus } from '../domain/user.ts'
import type { StoredSeat } from '../domain/seat-allocation.ts'
import type { HeldAccess } from '../domain/held-access.ts'
import { isAmongJson, memberIndex } from './id-list.ts'
import { rolesAt, rulesAt } from './org-rules.ts'
import { readPolicy } from './policy-rows.ts'
import { type PreparedQuery, preparedQuery } from './prepared-query.ts'

/** The org's policy alone: the context of people who have no fact yet. */
export async function policyContext(db: Kysely<Database>, orgId: OrgId): Promise<ReconcileContext> {
  const policy = await readPolicy(db, orgId)
  const { everyone } = await rulesAt(db, orgId, policy.rulesVersion)
  const teams = await targetTeams(db, orgId, everyone, new Map())
  const roleOf = await customRoles(db, { orgId, version: policy.rulesVersion }, [
    ...granted(everyone),
    ...defaultRoles(teams),
  ])
  return { policy, groups: new Map<GroupId, GroupFacts>(), teams, rulesOf: () => [], everyone, roleOf }
}

/** The teams given, and those that rules give roles in. */
async function targetTeams(
  db: Kysely<Database>,
  orgId: OrgId,
  rules: Iterable<{ readonly grants: readonly Grant[] }>,
  known: ReadonlyMap<GroupId, TeamFacts>,
): Promise<ReadonlyMap<GroupId, TeamFacts>> {
  const missing = new Set<string>()
  for (const { grants } of rules) {
    for (const { kind, target } of grants) {
      if (kind === 'team_role' && !known.has(target as GroupId)) missing.add(target)
    }
  }
  if (missing.size === 0) return known
  const rows = await selectTeams(db, { orgId, ids: JSON.stringify([...missing]) })
  return new Map([...known, ...rows.map((row) => [row.id as GroupId, toTeam(row)] as const)])
}

function toTeam(row: { readonly archived_at: number | null; readonly default_role: string | null }): TeamFacts {
  return { archived: row.archived_at !== null, defaultRole: row.default_role ?? 'member' }
}

function granted(rules: Iterable<{ readonly grants: readonly Grant[] }>): readonly string[] {
  return [...rules].flatMap(({ grants }) => grants).flatMap(({ kind, value }) => (kind === 'team_role' ? [value] : []))
}

function defaultRoles(teams: ReadonlyMap<GroupId, TeamFacts>): readonly string[] {
  return Array.from(teams.values(), ({ defaultRole }) => defaultRole)
}

/**
 * The facts of people and what reconcile needs beside them: four queries, however many people; one more where rules give
 * roles in further teams.
 */
export async function readFacts(
  db: Kysely<Database>,
  orgId: OrgId,
  ids: readonly UserId[],
  change: ContextChange = {},
): Promise<{ readonly people: readonly PersonFacts[]; readonly context: ReconcileContext }> {
  const of = { orgId, ids: JSON.stringify(ids) }
  const stored = await readPolicy(db, orgId)
  const policy = change.policy ?? stored
  const rules = change.rules ?? (await rulesAt(db, orgId, stored.rulesVersion))
  const [people, explicit, { members, groups, teams: own }] = await Promise.all([
    selectPeople(db, of),
    readExplicit(db, of),
    readMembers(db, of, rules),
  ])
  const matched = new Map(Array.from(groups, ([id, { matchedBy }]) => [id, matchedBy]))
  // A role that was stated in a team is about that team also once no fact of the person is: then it ends.
  const stated = { grants: [...explicit.values()].flat() }
  const applied = [stated, ...new Set([...rules.everyone, ...[...matched.values()].flat()])]
  const teams = await targetTeams(db, orgId, applied, own)
  const named = [...granted(applied), ...defaultRoles(teams)]
  const roleOf = await customRoles(db, { orgId, version: stored.rulesVersion }, named, change.role)
  return {
    people: people.map((row) => ({
      id: row.id as UserId,
      status: row.deleted_at === null ? (row.status as UserStatus) : 'deleted',
      accountType: row.account_type as AccountType,
      explicit: explicit.get(row.id) ?? [],
      members: members.get(row.id) ?? [],
    })),
    context: { policy, groups, teams, rulesOf: (id) => matched.get(id) ?? [], everyone: rules.everyone, roleOf },
  }
}

/** The custom roles of the org, where anything names one. */
async function customRoles(
  db: Kysely<Database>,
  { orgId, version }: { readonly orgId: OrgId; readonly version: number },
  named: readonly string[],
  changed?: ContextChange['role'],
): Promise<ReconcileContext['roleOf']> {
  if (named.every(isBuiltInRole)) return () => undefined
  const roles = await rolesAt(db, orgId, version)
  return (id) => (id === changed?.id ? changed.to : roles.get(id))
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
  readonly groups: ReadonlyMap<GroupId, GroupFacts & { readonly matchedBy: readonly Rule[] }>
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
  /** What rules look at; absent where there are none. */
  readonly name_key?: string
  readonly external_id?: string | null
}

async function readMembers(db: Kysely<Database>, of: People, rules: RuleSet): Promise<MemberFacts> {
  const rows = rules.rules.length === 0 ? await selectMembers(db, of) : await selectNamedMembers(db, of)
  const members = new Map<string, PersonFacts['members'][number][]>()
  const groups = new Map<GroupId, GroupFacts & { readonly matchedBy: readonly Rule[] }>()
  const teams = new Map<GroupId, TeamFacts>()
  for (const row of rows) {
    const groupId = row.group_id
    push(members, row.user_id, { groupId, origin: row.origin })
    if (groups.has(groupId)) continue
    const [deleted, owner] = [row.deleted_at !== null, row.owner_connection_id ?? undefined]
    groups.set(groupId, { deleted, ownedByIdp: owner !== undefined, matchedBy: rulesFor(rules, row) })
    if (row.team_id !== null) teams.set(groupId, toTeam(row))
  }
  return { members, groups, teams }
}

function rulesFor(rules: RuleSet, row: MemberRow): readonly Rule[] {
  if (row.name_key === undefined || row.deleted_at !== null) return []
  return rules.of({
    id: row.group_id,
    nameKey: row.name_key,
    externalId: row.external_id ?? undefined,
    owner: row.owner_connection_id ?? undefined,
  })
}

/** What people hold now, out of the derived tables: three queries. */
export async function readHeld(
  db: Kysely<Database>,
  orgId: OrgId,
  ids: readonly UserId[],
): Promise<ReadonlyMap<UserId, HeldAccess>> {
  const of = { orgId, ids: JSON.stringify(ids) }
  const [people, memberships, seats] = await Promise.all([
    selectHeldRoles(db, of),
    selectMemberships(db, of),
    selectSeats(db, of),
  ])
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
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .orderBy('id')
    .compile(),
)

const selectExplicit = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('explicit_grant')
    .select(['user_id', 'kind', 'target', 'value'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

/** Facts of people with the groups and teams they are about. */
function memberQuery(more: RawBuilder<unknown>): PreparedQuery<People, MemberRow> {
  // SQLite takes the tables of a cross join in this order; left to itself it would read all members of the org first.
  return preparedQuery((db, { orgId, ids }: People, dialect) =>
    sql<MemberRow>`
      select m.user_id, m.group_id, m.origin, g.deleted_at, g.owner_connection_id, t.id as team_id, t.archived_at,
        t.default_role${more}
      from group_member m ${memberIndex(dialect)} cross join scim_group g
        left join team t on t.org_id = ${orgId} and t.id = m.group_id
      where m.org_id = ${orgId} and m.user_id ${isAmongJson(dialect, ids)} and g.org_id = ${orgId} and g.id = m.group_id`.compile(
      db,
    ),
  )
}

const selectMembers = memberQuery(sql``)
const selectNamedMembers = memberQuery(sql`, g.name_key, g.external_id`)

const selectTeams = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('team')
    .select(['id', 'archived_at', 'default_role'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

// Not a join: before a new org's rows are counted PostgreSQL would compare all its people with all its periods.
const selectHeldRoles = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user')
    .select(['id', 'org_role'])
    .select((held) =>
      held
        .selectFrom('access_period as p')
        .select('p.value')
        .whereRef('p.org_id', '=', 'user.org_id')
        .whereRef('p.user_id', '=', 'user.id')
        .where('p.kind', '=', 'active')
        .where('p.target', '=', '')
        .where('p.to_seq', 'is', null)
        .as('active'),
    )
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

const selectMemberships = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('team_membership')
    .select(['user_id', 'team_id', 'role', 'custom_role_id', 'source_kind', 'source_id'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id ${isAmongJson(dialect, ids)}`)
    .compile(),
)

const selectSeats = preparedQuery((db, { orgId, ids }: People, dialect) =>
  db
    .selectFrom('user_seat')
    .select(['user_id', 'product', 'wanted', 'given', 'wanted_since', 'source'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`user_id ${isAmongJson(dialect, ids)}`)
    .compile(),
)
