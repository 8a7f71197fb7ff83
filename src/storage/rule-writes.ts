import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, GroupId, OrgId, RuleId, UserId } from '../domain/ids.ts'
import { matchKey, type Rule } from '../domain/rule.ts'
import type { MatchableGroup, RuleWrites } from '../domain/rule-ports.ts'
import { idList } from './id-list.ts'
import { type KnownVersion, newRulesVersion, rulesAt } from './org-rules.ts'
import { readRules } from './rule-reads.ts'

/** Rules as a unit of work writes them, and whom they concern. Each write makes a new version of the org's rules. */
export function ruleWrites(db: Kysely<Database>, dialect: Dialect, known: KnownVersion): RuleWrites {
  return { ...ruleLookups(db, known), ...ruleChanges(db, known), ...concerned(db, dialect) }
}

function ruleLookups(
  db: Kysely<Database>,
  known: KnownVersion,
): Pick<RuleWrites, 'find' | 'matchHolder' | 'count' | 'all'> {
  return {
    find: async (orgId, id) => (await readRules(db, orgId, id))[0],

    async matchHolder(orgId, match) {
      const row = await db
        .selectFrom('mapping_rule')
        .select('id')
        .where('org_id', '=', orgId)
        .where('match_kind', '=', match.kind)
        .where('match_key', '=', matchKey(match))
        .where('connection_id', '=', match.connection ?? '')
        .executeTakeFirst()
      return row?.id as RuleId | undefined
    },

    async count(orgId) {
      const { n } = await db
        .selectFrom('mapping_rule')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('org_id', '=', orgId)
        .executeTakeFirstOrThrow()
      return n
    },

    async all(orgId) {
      known.version ??= await readVersion(db, orgId)
      return rulesAt(db, orgId, known.version)
    },
  }
}

async function readVersion(db: Kysely<Database>, orgId: OrgId): Promise<number> {
  const { rules_version } = await db
    .selectFrom('org_policy')
    .select('rules_version')
    .where('org_id', '=', orgId)
    .executeTakeFirstOrThrow()
  return rules_version
}

function fromRule(rule: Rule) {
  return {
    name: rule.name,
    match_kind: rule.match.kind,
    match_value: rule.match.value,
    match_key: matchKey(rule.match),
    connection_id: rule.match.connection ?? '',
    directory_only: rule.directoryOnly ? 1 : 0,
    enabled: rule.enabled ? 1 : 0,
    version: rule.version,
    updated: rule.updated,
  } as const
}

function ruleChanges(
  db: Kysely<Database>,
  known: KnownVersion,
): Pick<RuleWrites, 'insert' | 'update' | 'remove' | 'rewriteRole'> {
  const changed = async (orgId: OrgId): Promise<void> => {
    await newRulesVersion(db, orgId)
    known.version = undefined
  }
  return {
    async insert(orgId, rule) {
      const { id, ord, created } = rule
      await db
        .insertInto('mapping_rule')
        .values({ ...fromRule(rule), org_id: orgId, id, ord, created })
        .execute()
      await insertGrants(db, orgId, rule)
      await changed(orgId)
    },

    async update(orgId, rule) {
      await db
        .updateTable('mapping_rule')
        .set(fromRule(rule))
        .where('org_id', '=', orgId)
        .where('id', '=', rule.id)
        .execute()
      await deleteGrants(db, orgId, rule.id)
      await insertGrants(db, orgId, rule)
      await changed(orgId)
    },

    async remove(orgId, id) {
      await deleteGrants(db, orgId, id)
      await db.deleteFrom('mapping_rule').where('org_id', '=', orgId).where('id', '=', id).execute()
      await changed(orgId)
    },

    async rewriteRole(orgId, role, value, at) {
      const rows = await db
        .updateTable('rule_grant')
        .set({ value })
        .where('org_id', '=', orgId)
        .where('kind', '=', 'team_role')
        .where('value', '=', role)
        .returning(['rule_id', 'target'])
        .execute()
      if (rows.length === 0) return []
      await db
        .updateTable('mapping_rule')
        .set((eb) => ({ version: eb('version', '+', 1), updated: at }))
        .where('org_id', '=', orgId)
        .where(
          'id',
          'in',
          rows.map((row) => row.rule_id),
        )
        .execute()
      await changed(orgId)
      return rows.map((row) => ({ rule: row.rule_id as RuleId, team: row.target as GroupId }))
    },
  }
}

async function insertGrants(db: Kysely<Database>, orgId: OrgId, { id, grants }: Rule): Promise<void> {
  if (grants.length === 0) return
  await db
    .insertInto('rule_grant')
    .values(grants.map(({ kind, target, value }) => ({ org_id: orgId, rule_id: id, kind, target, value })))
    .execute()
}

async function deleteGrants(db: Kysely<Database>, orgId: OrgId, id: RuleId): Promise<void> {
  await db.deleteFrom('rule_grant').where('org_id', '=', orgId).where('rule_id', '=', id).execute()
}

/** Groups and people that rules are about. */
function concerned(db: Kysely<Database>, dialect: Dialect): Pick<RuleWrites, 'groups' | 'feeding' | 'holders'> {
  return {
    groups: (orgId, match) => matchableGroups(db, orgId, match),

    async feeding(orgId, groups) {
      if (groups.length === 0) return []
      const { rows } = await sql<{ readonly id: UserId }>`
        select distinct m.user_id as id from group_member m join "user" u on u.org_id = m.org_id and u.id = m.user_id
        where m.org_id = ${orgId} and m.group_id in ${idList(dialect, groups)} and m.origin in ('scim', 'claim')
          and u.org_id = ${orgId} and u.status = 'active' and u.deleted_at is null and u.account_type = 'USER'
        order by m.user_id`.execute(db)
      return rows.map(({ id }) => id)
    },

    async holders(orgId, team) {
      const rows = await db
        .selectFrom('team_membership')
        .select('user_id')
        .where('org_id', '=', orgId)
        .where('team_id', '=', team)
        .execute()
      return rows.map((row) => row.user_id as UserId)
    },
  }
}

/** Live groups that a match may be about: by an index, but for patterns, which are compared one by one. */
export async function matchableGroups(
  db: Kysely<Database>,
  orgId: OrgId,
  match: { readonly kind: string; readonly value: string } | undefined,
): Promise<readonly MatchableGroup[]> {
  const rows = await db
    .selectFrom('scim_group as g')
    .leftJoin('team as t', (join) => join.onRef('t.org_id', '=', 'g.org_id').onRef('t.id', '=', 'g.id'))
    .select(['g.id', 'g.display_name', 'g.name_key', 'g.external_id', 'g.owner_connection_id', 't.id as team_id'])
    .where('g.org_id', '=', orgId)
    .where('g.deleted_at', 'is', null)
    .$if(match?.kind === 'name', (query) => query.where('g.name_key', '=', fold(match?.value ?? '')))
    .$if(match?.kind === 'externalId', (query) => query.where('g.external_id', '=', match?.value ?? ''))
    .execute()
  return rows.map((row) => ({
    id: row.id as GroupId,
    displayName: row.display_name,
    nameKey: row.name_key,
    externalId: row.external_id ?? undefined,
    owner: (row.owner_connection_id ?? undefined) as ConnectionId | undefined,
    hasTeam: row.team_id !== null,
  }))
}
