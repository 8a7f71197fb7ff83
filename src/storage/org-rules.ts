import { randomInt } from 'node:crypto'
import type { DialectAdapter, Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import type { CustomRole } from '../domain/role.ts'
import { NO_RULES, type RuleSet, ruleSet } from '../domain/rule-set.ts'
import { allRoles } from './role-reads.ts'
import { readRules } from './rule-reads.ts'

/** The version of an org that never had a rule. */
const NONE_YET = 1
/** Orgs whose rules are kept compiled. */
const MAX_ORGS = 1_000

/** The version of the rules of the org of a unit of work, once something has read it. */
export interface KnownVersion {
  version: number | undefined
}

interface Kept {
  readonly version: number
  readonly rules: RuleSet
  roles: ReadonlyMap<string, CustomRole> | undefined
}

/** What is compiled, by open database: a test process has many. */
const caches = new WeakMap<DialectAdapter, Map<OrgId, Kept>>()

/**
 * The rules of an org at a version, from memory where they were read at that version before: every write reads the
 * version, and only after a change of rules the rules.
 */
export async function rulesAt(db: Kysely<Database>, orgId: OrgId, version: number): Promise<RuleSet> {
  return (await keptAt(db, orgId, version)).rules
}

/** The custom roles of an org at a version, by id. */
export async function rolesAt(
  db: Kysely<Database>,
  orgId: OrgId,
  version: number,
): Promise<ReadonlyMap<string, CustomRole>> {
  const kept = await keptAt(db, orgId, version)
  kept.roles ??= new Map((await allRoles(db, orgId)).map((role) => [role.id, role]))
  return kept.roles
}

async function keptAt(db: Kysely<Database>, orgId: OrgId, version: number): Promise<Kept> {
  const { adapter } = db.getExecutor()
  const cache = caches.get(adapter) ?? new Map<OrgId, Kept>()
  caches.set(adapter, cache)
  const known = cache.get(orgId)
  if (known?.version === version) return known
  const rules = version === NONE_YET ? NO_RULES : ruleSet(await readRules(db, orgId))
  const kept: Kept = { version, rules, roles: undefined }
  cache.delete(orgId)
  const [oldest] = cache.keys()
  if (oldest !== undefined && cache.size >= MAX_ORGS) cache.delete(oldest)
  cache.set(orgId, kept)
  return kept
}

/**
 * Tells that rules or custom roles of an org change. The version is drawn and not counted on: what was compiled in a
 * transaction that was then rolled back can never be taken for what is compiled after the next change.
 */
export async function newRulesVersion(db: Kysely<Database>, orgId: OrgId): Promise<void> {
  await db
    .updateTable('org_policy')
    .set({ rules_version: randomInt(2, 2 ** 47) })
    .where('org_id', '=', orgId)
    .execute()
}
