import {
  allCandidates,
  type Candidate,
  type Desired,
  type Grant,
  isTie,
  type PersonFacts,
  reconcile,
  type ReconcileContext,
  type Source,
} from './reconcile.ts'

/** One value a person has by the facts and rules, why, and what did not win. */
export interface ExplainedValue {
  readonly kind: Grant['kind']
  /** Team id or product; '' for the others. */
  readonly target: string
  /** `none` where nothing gives anything. */
  readonly value: string
  readonly by: Source
  /** What it would be if the person were no viewer of the org, where that makes a difference. */
  readonly capped?: string
  readonly losers: readonly Candidate[]
  /** Custom roles that stand as high as this one: only their ids decide. */
  readonly ties: readonly string[]
}

/** What speaks for something a person does not have: the team is archived or gone, or the role is. */
export type WithoutEffect = Candidate & Grant

export interface Explanation {
  readonly active: boolean
  readonly values: readonly ExplainedValue[]
  readonly withoutEffect: readonly WithoutEffect[]
}

/**
 * Why a person has what they have, pure: the same function that gives the values says which they are, and everything
 * else that speaks for one is among its losers.
 */
export function explain(person: PersonFacts, context: ReconcileContext): Explanation {
  const desired = reconcile(person, context)
  if (!desired.active || person.accountType !== 'USER') return plain(desired)
  const candidates = allCandidates(person, context)
  const values = effective(desired).map((value) => withLosers(value, candidates, context))
  const known = new Set(values.map(keyOf))
  return { active: true, values, withoutEffect: candidates.filter((candidate) => !known.has(keyOf(candidate))) }
}

type Value = Omit<ExplainedValue, 'losers' | 'ties'>

/** Service accounts have what was stated for them, and whoever is not active at most a reserved seat. */
function plain(desired: Desired): Explanation {
  const values = effective(desired).filter(({ value }) => value !== 'none')
  return {
    active: desired.active,
    values: values.map((value) => ({ ...value, losers: [], ties: [] })),
    withoutEffect: [],
  }
}

function effective(desired: Desired): readonly Value[] {
  const { orgRole, orgRoleBy, billing, memberships, seats } = desired
  const flag: readonly Value[] = billing
    ? [{ kind: 'billing_admin', target: '', value: 'true', by: { kind: 'explicit', id: '' } }]
    : []
  return [
    { kind: 'org_role', target: '', value: orgRole, by: orgRoleBy },
    ...flag,
    ...Array.from(seats, ([target, { type, by }]) => ({ kind: 'seat' as const, target, value: type, by })),
    ...Array.from(memberships, ([target, { role, by }]) => ({ kind: 'team_role' as const, target, value: role, by })),
  ]
}

function withLosers(
  value: Value,
  candidates: readonly (Candidate & Grant)[],
  context: ReconcileContext,
): ExplainedValue {
  const about = candidates.filter((candidate) => keyOf(candidate) === keyOf(value))
  const winner = about.find((candidate) => isSame(candidate.by, value.by))
  const losers = about.filter((candidate) => candidate !== winner)
  const capped = winner !== undefined && winner.value !== value.value ? { capped: winner.value } : {}
  const ties = value.by.kind === 'explicit' ? [] : losers.map((loser) => loser.value)
  return {
    ...value,
    ...capped,
    losers: losers.map(({ value: lost, by }) => ({ value: lost, by })),
    ties: [...new Set(ties.filter((role) => isTie(winner?.value ?? value.value, role, context)))],
  }
}

function keyOf({ kind, target }: Pick<Grant, 'kind' | 'target'>): string {
  return `${kind} ${target}`
}

function isSame(a: Source, b: Source): boolean {
  return a.kind === b.kind && (a.kind !== 'rule' || (a.id === b.id && a.group === b.group))
}
