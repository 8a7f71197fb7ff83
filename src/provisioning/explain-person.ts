import { DomainError } from '../domain/errors.ts'
import { explain, type Explanation } from '../domain/explain.ts'
import { isId, type OrgId, type RoleId, type UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Source } from '../domain/reconcile.ts'
import type { NestedGroup } from '../domain/rule-ports.ts'
import { ruleLabel } from './rule-record.ts'

/** What gave, or would have given, a value. */
export interface ShownSource {
  readonly kind: Source['kind']
  /** In words: `set on the person`, `rule "eng-*" through the group Engineering`. */
  readonly text: string
  readonly rule: string | null
  readonly group: string | null
}

export interface ShownCandidate {
  readonly kind: string
  readonly target: string
  readonly targetName: string
  readonly value: string
  readonly by: ShownSource
}

export interface ShownValue extends ShownCandidate {
  /** What is in effect now: it may wait for a job, or for a seat. */
  readonly held: string
  readonly capped: string | null
  readonly losers: readonly { readonly value: string; readonly by: ShownSource }[]
  readonly ties: readonly string[]
}

/** Why a person has what they have, with names for ids. */
export interface ExplainedPerson {
  readonly id: UserId
  readonly userName: string
  readonly status: string
  readonly accountType: string
  /** A change is still on its way to this person. */
  readonly pending: boolean
  readonly values: readonly ShownValue[]
  /** What speaks for something the person does not have: the team is archived or gone. */
  readonly withoutEffect: readonly ShownCandidate[]
  /** Groups that only hold a group the person is in: they give the person nothing. */
  readonly nested: readonly NestedGroup[]
  /** The attribute that asks for an admin without effect, through a connection that may grant none. */
  readonly withheldAdmin: string | null
}

/**
 * Explains each effective value of a person, by id or primary e-mail address.
 * @throws DomainError `not-found`
 */
export async function explainPerson(reads: ReadStores, orgId: OrgId, id: UserId): Promise<ExplainedPerson> {
  const user = await reads.users.find(orgId, id)
  if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
  const { people, context } = await reads.access.facts(orgId, [id])
  const held = (await reads.access.held(orgId, [id])).get(id)
  const explanation = explain(people[0]!, context)
  const names = await namesFor(reads, orgId, explanation)
  const heldNow = (kind: string, target: string, due: string): string => {
    if (kind === 'org_role') return held?.orgRole ?? 'none'
    if (kind === 'seat') return held?.seats.get(target)?.given ?? 'none'
    if (kind === 'team_role') return held?.memberships.get(target as never)?.role ?? 'none'
    return due
  }
  return {
    ...{ id, userName: user.attributes.userName, status: user.status, accountType: user.accountType },
    pending: await reads.access.isPending(orgId, id),
    values: explanation.values.map(({ kind, target, value, by, capped, losers, ties }) => ({
      ...{ kind, target, targetName: names.target(kind, target), value: names.role(value), by: names.source(by) },
      held: names.role(heldNow(kind, target, value)),
      capped: capped === undefined ? null : names.role(capped),
      losers: losers.map((loser) => ({ value: names.role(loser.value), by: names.source(loser.by) })),
      ties: ties.map((tie) => names.role(tie)),
    })),
    withoutEffect: explanation.withoutEffect.map(({ kind, target, value, by }) => ({
      ...{ kind, target, targetName: names.target(kind, target), value: names.role(value), by: names.source(by) },
    })),
    nested: await reads.access.holdersOfGroups(orgId, id),
    withheldAdmin: (await reads.access.withheldAdmin(orgId, id)) ?? null,
  }
}

interface Names {
  target(kind: string, id: string): string
  role(value: string): string
  source(by: Source): ShownSource
}

async function namesFor(reads: ReadStores, orgId: OrgId, { values, withoutEffect }: Explanation): Promise<Names> {
  const sources = [
    ...values.flatMap(({ by, losers }) => [by, ...losers.map((loser) => loser.by)]),
    ...withoutEffect.map(({ by }) => by),
  ]
  const targets = [...values, ...withoutEffect].filter(({ kind }) => kind === 'team_role').map(({ target }) => target)
  const groups = await reads.access.groupNames(orgId, [
    ...new Set([...targets, ...sources.flatMap(({ group }) => group ?? [])]),
  ])
  const ruled = sources.some(({ kind }) => kind === 'rule')
  const rules = new Map((ruled ? await reads.rules.list(orgId) : []).map((rule) => [rule.id as string, rule]))
  const said = [
    ...values.flatMap(({ value, capped = value, losers }) => [value, capped, ...losers.map((loser) => loser.value)]),
    ...withoutEffect.map(({ value }) => value),
  ]
  const roles = await roleNamesOf(reads, orgId, said)
  const group = (id: string): string => groups.get(id) ?? id
  return {
    target: (kind, id) => (kind === 'team_role' ? group(id) : id),
    role: (value) => roles.get(value) ?? value,
    source(by) {
      const shown = { kind: by.kind, rule: by.kind === 'rule' ? by.id : null, group: by.group ?? null }
      if (by.kind === 'explicit') return { ...shown, text: 'set on the person' }
      if (by.kind === 'default') return { ...shown, text: 'default of the organization' }
      if (by.kind === 'member') return { ...shown, group: by.id, text: `member of the group ${group(by.id)}` }
      const rule = rules.get(by.id)
      const label = rule === undefined ? by.id : rule.name === '' ? ruleLabel(rule.match) : rule.name
      const through = by.group === undefined ? 'for everyone' : `through the group ${group(by.group)}`
      return { ...shown, text: `rule "${label}" ${through}` }
    },
  }
}

async function roleNamesOf(
  reads: Pick<ReadStores, 'roles'>,
  orgId: OrgId,
  values: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const named = new Map<string, string>()
  for (const value of new Set(values)) {
    const role = isId(value) ? await reads.roles.find(orgId, value as RoleId) : undefined
    if (role !== undefined) named.set(value, role.name)
  }
  return named
}
