import { explain } from '../domain/explain.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { isBuiltInRole, type PersonFacts, type ReconcileContext } from '../domain/reconcile.ts'
import type { Rule } from '../domain/rule.ts'
import { ruleSet } from '../domain/rule-set.ts'
import type { ContextChange } from '../domain/rule-ports.ts'
import type { HeldAccess } from '../domain/held-access.ts'
import type { PlannedChange } from './planned-change.ts'
import { type PreviewCounts, PreviewTotals, type SeatForecast } from './preview-totals.ts'
import { ruleWarnings } from './preview-warnings.ts'
import { asWanted, differences, type Effect } from './reconcile-people.ts'
import { peopleOfRules } from './touched-people.ts'

/** What would change for one person. */
export interface PreviewPerson {
  readonly type: 'person'
  readonly id: UserId
  readonly userName: string
  readonly changes: readonly Pick<Effect, 'kind' | 'target' | 'old' | 'new' | 'via'>[]
}

export interface PreviewProgress {
  readonly type: 'progress'
  readonly done: number
  readonly of: number
}

export interface PreviewSummary extends PreviewCounts {
  readonly type: 'summary'
  /** Everybody whose access was computed. */
  readonly touched: number
  readonly seats: readonly SeatForecast[]
  /** Sentences for whoever is about to save. */
  readonly warnings: readonly string[]
}

export type PreviewEvent = PreviewPerson | PreviewProgress | PreviewSummary

/** People computed at once: few enough that requests get in between. */
const PAGE = 200

/**
 * What a change would come to, by the same function that will apply it, without writing: each person for whom something
 * changes, progress, and at last a summary. Of the people only a page is in memory at a time, and no transaction is open
 * between two pages.
 */
export async function* preview(
  reads: ReadStores,
  orgId: OrgId,
  change: PlannedChange,
): AsyncGenerator<PreviewEvent, void, undefined> {
  const { people, context, rewrite, warnings, archives } = await plan(reads, orgId, change)
  const totals = new PreviewTotals(await reads.access.everybody(orgId, 'admin'))
  for (let at = 0; at < people.length; at += PAGE) {
    const page = people.slice(at, at + PAGE)
    const facts = withArchived(await reads.access.facts(orgId, page, context), archives)
    const held = await reads.access.held(orgId, page)
    const names = await reads.access.userNames(orgId, page)
    for (const stated of facts.people) {
      const person = rewrite(stated)
      const changes = changesOf(person, held.get(person.id), facts.context)
      totals.add(person.id, changes, facts.context)
      totals.tie(tiesOf(person, facts.context))
      if (changes.length > 0) yield { type: 'person', id: person.id, userName: names.get(person.id) ?? '', changes }
    }
    yield { type: 'progress', done: Math.min(at + PAGE, people.length), of: people.length }
    await new Promise(setImmediate)
  }
  const seats = totals.seats(await reads.seats.use(orgId), context.policy?.licence)
  yield {
    type: 'summary',
    touched: people.length,
    ...totals.counts(),
    seats,
    warnings: [...warnings, ...totals.warnings(seats)],
  }
}

type Facts = Awaited<ReturnType<ReadStores['access']['facts']>>

function withArchived(facts: Facts, archives: ReadonlySet<GroupId> | undefined): Facts {
  if (archives === undefined || archives.size === 0) return facts
  const teams = Array.from(facts.context.teams, ([id, team]) => {
    return [id, archives.has(id) ? { ...team, archived: true } : team] as const
  })
  return { ...facts, context: { ...facts.context, teams: new Map(teams) } }
}

interface Plan {
  readonly people: readonly UserId[]
  readonly context: ContextChange
  /** Facts as they would be. */
  readonly rewrite: (person: PersonFacts) => PersonFacts
  readonly warnings: readonly string[]
  /** Teams as if they were archived. */
  readonly archives?: ReadonlySet<GroupId>
}

const AS_STATED = (person: PersonFacts): PersonFacts => person

async function plan(reads: ReadStores, orgId: OrgId, change: PlannedChange): Promise<Plan> {
  switch (change.kind) {
    case 'rules': {
      const rules = ruleSet(withRules(await reads.rules.list(orgId), change))
      const ruled = await peopleOfRules(reads, orgId, [...change.before, ...change.after])
      const people = [...new Set([...ruled, ...[...(change.archives?.values() ?? [])].flat()])]
      const warnings = await ruleWarnings(reads, orgId, change)
      return { people, context: { rules }, rewrite: AS_STATED, warnings, archives: new Set(change.archives?.keys()) }
    }
    case 'role':
      return planRole(reads, orgId, change)
    case 'policy': {
      const people = await reads.access.everybody(orgId)
      return { people, context: { policy: change.policy }, rewrite: AS_STATED, warnings: [] }
    }
  }
}

/** The rules of an org with some of them as they would be. */
export function withRules(
  all: readonly Rule[],
  { before, after }: { readonly before: readonly Rule[]; readonly after: readonly Rule[] },
): readonly Rule[] {
  const gone = new Set([...before, ...after].map(({ id }) => id))
  return [...all.filter(({ id }) => !gone.has(id)), ...after]
}

async function planRole(
  reads: ReadStores,
  orgId: OrgId,
  { role, to }: Extract<PlannedChange, { kind: 'role' }>,
): Promise<Plan> {
  const all = await reads.rules.list(orgId)
  const naming = all.filter(({ grants }) => grants.some(({ value }) => value === role.id))
  const holders = await reads.access.holdersOfRole(orgId, role.id)
  const people = [...new Set([...holders, ...(await peopleOfRules(reads, orgId, naming))])].sort()
  if (to !== undefined) return { people, context: { role: { id: role.id, to } }, rewrite: AS_STATED, warnings: [] }
  const toBase = <T extends { readonly value: string }>(grant: T): T =>
    grant.value === role.id ? { ...grant, value: role.base } : grant
  return {
    people,
    context: { rules: ruleSet(all.map((rule) => ({ ...rule, grants: rule.grants.map(toBase) }))) },
    rewrite: (person) => ({ ...person, explicit: person.explicit.map(toBase) }),
    warnings: naming.length === 0 ? [] : [`${naming.length} rules name this role and will grant ${role.base} instead`],
  }
}

/** Seats count by what is wanted: what the licence leaves of it is for the summary to say. */
function changesOf(
  person: PersonFacts,
  held: HeldAccess | undefined,
  context: ReconcileContext,
): PreviewPerson['changes'] {
  const turn = asWanted(person, held, context)
  const wanted = Array.from(turn.held.seats, ([product, seat]) => [product, { ...seat, given: seat.wanted }] as const)
  return differences({ ...turn, held: { ...turn.held, seats: new Map(wanted) } }).map(
    ({ kind, target, old, new: next, via }) => ({ kind, target, old, new: next, via }),
  )
}

/** Nobody without a custom role can meet a tie. */
function tiesOf(person: PersonFacts, context: ReconcileContext): readonly (readonly [string, string])[] {
  const rules = [...context.everyone, ...person.members.flatMap(({ groupId }) => context.rulesOf(groupId))]
  const custom = rules.some(({ grants }) =>
    grants.some(({ kind, value }) => kind === 'team_role' && !isBuiltInRole(value)),
  )
  if (!custom) return []
  return explain(person, context).values.flatMap(({ target, value, ties }) =>
    ties.map((tie) => [target, [value, tie].sort().join(' and ')] as const),
  )
}
