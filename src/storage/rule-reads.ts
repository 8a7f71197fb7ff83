import type { Kysely, Selectable } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { MappingRuleTable } from '../../db/rule-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { ConnectionId, OrgId, RuleId } from '../domain/ids.ts'
import type { RuleReads } from '../domain/rule-ports.ts'
import { type Rule, type RuleGrant, type RuleMatchKind, sortedGrants } from '../domain/rule.ts'

import { ruleReach } from './rule-reach.ts'

/** A rule beside one of its grants, or beside none. */
type RuleRow = Omit<Selectable<MappingRuleTable>, 'org_id' | 'match_key'> & {
  readonly kind: string | null
  readonly target: string | null
  readonly value: string | null
}

const COLUMNS = [
  ...(['r.id', 'r.ord', 'r.name', 'r.match_kind', 'r.match_value', 'r.connection_id'] as const),
  ...(['r.directory_only', 'r.enabled', 'r.version', 'r.created', 'r.updated'] as const),
] as const

/** Rows → domain, the one place; in the order of the rows. */
function toRules(rows: readonly RuleRow[]): readonly Rule[] {
  const rules = new Map<string, { readonly row: RuleRow; readonly grants: RuleGrant[] }>()
  for (const row of rows) {
    const rule = rules.get(row.id) ?? { row, grants: [] }
    rules.set(row.id, rule)
    if (row.kind === null) continue
    rule.grants.push({ kind: row.kind as RuleGrant['kind'], target: row.target ?? '', value: row.value ?? '' })
  }
  return Array.from(rules.values(), ({ row, grants }) => ({
    id: row.id as RuleId,
    ord: row.ord,
    version: row.version,
    created: row.created,
    updated: row.updated,
    name: row.name,
    match: {
      kind: row.match_kind as RuleMatchKind,
      value: row.match_value,
      connection: row.connection_id === '' ? undefined : (row.connection_id as ConnectionId),
    },
    directoryOnly: row.directory_only === 1,
    enabled: row.enabled === 1,
    grants: sortedGrants(grants),
  }))
}

/** Every rule of an org, or one of them, in the order they were made; in one statement, so none is read half changed. */
export async function readRules(db: Kysely<Database>, orgId: OrgId, id?: RuleId): Promise<readonly Rule[]> {
  const rows = await db
    .selectFrom('mapping_rule as r')
    .leftJoin('rule_grant as g', (join) => join.onRef('g.org_id', '=', 'r.org_id').onRef('g.rule_id', '=', 'r.id'))
    .select(COLUMNS)
    .select(['g.kind', 'g.target', 'g.value'])
    .where('r.org_id', '=', orgId)
    .$if(id !== undefined, (query) => query.where('r.id', '=', id ?? ''))
    .orderBy('r.ord')
    .execute()
  return toRules(rows)
}

/** Rules as lists and single reads see them. */
export function ruleReads(db: Kysely<Database>, dialect: Dialect): RuleReads {
  return {
    ...ruleReach(db, dialect),
    list: (orgId) => readRules(db, orgId),
    find: async (orgId, id) => (await readRules(db, orgId, id))[0],
  }
}
