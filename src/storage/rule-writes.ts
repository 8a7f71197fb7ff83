import type { Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { GroupId, OrgId, RuleId, UserId } from '../domain/ids.ts'
import { matchKey, type Rule } from '../domain/rule.ts'
import type { RuleWrites } from '../domain/rule-ports.ts'
import { type KnownVersion, newRulesVersion, rulesAt } from './org-rules.ts'
import { ruleReach } from './rule-reach.ts'
import { readRules } from './rule-reads.ts'

/** Rules as a unit of work writes them, and whom they concern. Each write makes a new version of the org's rules. */
export function ruleWrites(db: Kysely<Database>, dialect: Dialect, known: KnownVersion): RuleWrites {
  return { ...ruleLookups(db, known), ...ruleChanges(db, known), ...ruleReach(db, dialect), ...teamHolders(db) }
}

function ruleLookups(
  db: Kysely<Database>,
  known: KnownVersion,
): Pick<RuleWrites, 'list' | 'find' | 'matchHolder' | 'count' | 'all'> {
  return {
    list: (orgId) => readRules(db, orgId),
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

function teamHolders(db: Kysely<Database>): Pick<RuleWrites, 'holders'> {
  return {
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
