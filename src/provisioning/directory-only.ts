import type { Caller } from '../domain/caller.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { Rule } from '../domain/rule.ts'
import type { MatchedGroup, RuleSet } from '../domain/rule-set.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { joinOrgAccounts } from './service-account.ts'
import { groupsOfRule } from './touched-people.ts'

/** Whether a rule says of a group that it gets no team of its own: one is enough. */
export function isDirectoryOnly(rules: RuleSet, group: MatchedGroup): boolean {
  return rules.of(group).some(({ directoryOnly }) => directoryOnly)
}

/** Teams that were made later than their groups, and the people of those. */
export interface MissingTeams {
  readonly targets: readonly RecordTarget[]
  readonly people: readonly UserId[]
}

const NONE: MissingTeams = { targets: [], people: [] }

/** Makes the teams that a rule, as it was, kept from being made, where no rule says so any longer. */
export async function makeMissingTeams(
  stores: WriteStores,
  caller: Pick<Caller, 'orgId' | 'connection'>,
  was: Rule,
): Promise<MissingTeams> {
  if (!was.enabled || !was.directoryOnly) return NONE
  const { orgId } = caller
  const rules = await stores.rules.all(orgId)
  const groups = await groupsOfRule(stores, orgId, was)
  const missing = groups.filter((group) => !group.hasTeam && !isDirectoryOnly(rules, group))
  const people: UserId[] = []
  for (const { id } of missing) people.push(...(await makeTeam(stores, caller, id)))
  return { targets: missing.map(({ id, displayName }) => ({ type: 'team', id, display: displayName })), people }
}

/** Makes the team of a group that had none. @returns everybody who is thereby in it */
export async function makeTeam(
  stores: WriteStores,
  caller: Pick<Caller, 'orgId' | 'connection'>,
  id: GroupId,
): Promise<readonly UserId[]> {
  await stores.groups.insertTeam(caller.orgId, id)
  await joinOrgAccounts(stores, caller, id)
  return stores.members.people(caller.orgId, id)
}
