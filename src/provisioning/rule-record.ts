import type { JsonObject } from '../domain/json.ts'
import type { Caller } from '../domain/caller.ts'
import type { RecordChange, RecordDraft, RecordTarget } from '../domain/record.ts'
import type { Rule, RuleState } from '../domain/rule.ts'

/** A rule as a record names it; neither its name nor what it matches is anybody's personal value. */
function ruleTarget({ id, name, match }: Pick<Rule, 'id' | 'name' | 'match'>): RecordTarget {
  return { type: 'rule', id, display: name === '' ? ruleLabel(match) : name }
}

/** What a rule without a name is called: `everyone`, `glob eng-*`. */
export function ruleLabel({ kind, value }: RuleState['match']): string {
  return kind === 'everyone' ? kind : `${kind} ${value}`
}

function matchValue({ kind, value, connection }: RuleState['match']): JsonObject {
  return { kind, ...(kind === 'everyone' ? {} : { value }), ...(connection === undefined ? {} : { connection }) }
}

function valuesOf(state: RuleState | undefined): readonly (readonly [string, RecordChange['new']])[] {
  return [
    ['name', state?.name],
    ['match', state && matchValue(state.match)],
    ['directoryOnly', state?.directoryOnly],
    ['enabled', state?.enabled],
    ['grants', state?.grants.map(({ kind, target, value }) => ({ kind, target, value }))],
  ]
}

/** That teams were archived with a rule; their ids are among the targets. */
export function archivedChange(teams: readonly string[]): readonly RecordChange[] {
  return teams.length === 0 ? [] : [{ path: 'archivedTeams', added: [...teams] }]
}

/** The record of what is done to a rule, before what it comes to for people is known. */
export function ruleDraft(
  { actor, request }: Caller,
  action: string,
  { before, after }: { readonly before: Rule | undefined; readonly after: Rule | undefined },
  others: readonly RecordTarget[] = [],
): RecordDraft {
  const rule = after ?? before
  const targets = [...(rule === undefined ? [] : [ruleTarget(rule)]), ...others]
  return { action, actor, request, outcome: { result: 'success' }, targets, changes: ruleChanges(before, after) }
}

/** What differs between two states of a rule; undefined where there is none before, or none after. */
function ruleChanges(before: RuleState | undefined, after: RuleState | undefined): readonly RecordChange[] {
  const later = new Map(valuesOf(after))
  const changes: RecordChange[] = []
  for (const [path, old] of valuesOf(before)) {
    const now = later.get(path)
    if (JSON.stringify(old) === JSON.stringify(now)) continue
    changes.push({ path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) })
  }
  return changes
}
