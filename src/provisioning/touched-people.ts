import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { Rule } from '../domain/rule.ts'
import { ruleSet } from '../domain/rule-set.ts'
import type { MatchableGroup, RuleReach } from '../domain/rule-ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** What the people of rules are found with, to write or only to read. */
export interface RuleStores {
  readonly rules: RuleReach
  readonly access: { everybody(orgId: OrgId): Promise<readonly UserId[]> }
}

/** The groups that a rule matches, were it switched on; none for a rule about everyone. */
export async function groupsOfRule(
  stores: { readonly rules: RuleReach },
  orgId: OrgId,
  rule: Rule,
): Promise<readonly MatchableGroup[]> {
  if (rule.match.kind === 'everyone') return []
  const alone = ruleSet([{ ...rule, enabled: true }])
  return (await stores.rules.groups(orgId, rule.match)).filter((group) => alone.of(group).length > 0)
}

/** Everybody to whom rules give something: what their access is may change with these rules. */
export async function peopleOfRules(
  stores: RuleStores,
  orgId: OrgId,
  rules: readonly Rule[],
): Promise<readonly UserId[]> {
  const giving = rules.filter(({ enabled, grants }) => enabled && grants.length > 0)
  if (giving.some(({ match }) => match.kind === 'everyone')) return stores.access.everybody(orgId)
  const groups = new Set<GroupId>()
  for (const rule of giving) for (const { id } of await groupsOfRule(stores, orgId, rule)) groups.add(id)
  return stores.rules.feeding(orgId, [...groups])
}

/**
 * Everybody who is in a team or may come to be in it when it is archived, restored or changed: the members of its group,
 * those who hold it, and those to whom a rule gives a role in it.
 */
export async function peopleOfTeam(stores: WriteStores, orgId: OrgId, team: GroupId): Promise<readonly UserId[]> {
  const { rules } = await stores.rules.all(orgId)
  const giving = rules.filter(({ grants }) =>
    grants.some(({ kind, target }) => kind === 'team_role' && target === team),
  )
  const people = new Set(await stores.members.people(orgId, team))
  for (const id of await stores.rules.holders(orgId, team)) people.add(id)
  for (const id of await peopleOfRules(stores, orgId, giving)) people.add(id)
  return [...people]
}
