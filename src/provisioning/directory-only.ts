import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, OrgId, UserId } from '../domain/ids.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { Rule } from '../domain/rule.ts'
import type { MatchedGroup, RuleSet } from '../domain/rule-set.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { joinOrgAccounts } from './service-account.ts'
import type { RuleDraft } from './rule-draft.ts'
import { getGroup } from './team-lookup.ts'
import { groupsOfRule, peopleOfTeam } from './touched-people.ts'

/** Whether a rule says of a group that it gets no team of its own: one is enough. */
export function isDirectoryOnly(rules: RuleSet, group: MatchedGroup): boolean {
  return rules.of(group).some(({ directoryOnly }) => directoryOnly)
}

/** Teams that were made later than their groups, or archived, and the people of those. */
export interface ConcernedTeams {
  readonly targets: readonly RecordTarget[]
  readonly people: readonly UserId[]
}

const NONE: ConcernedTeams = { targets: [], people: [] }

/** Makes the teams that a rule, as it was, kept from being made, where no rule says so any longer. */
export async function makeMissingTeams(
  stores: WriteStores,
  caller: Pick<Caller, 'orgId' | 'connection'>,
  was: Rule,
): Promise<ConcernedTeams> {
  if (!was.enabled || !was.directoryOnly) return NONE
  const { orgId } = caller
  const rules = await stores.rules.all(orgId)
  const groups = await groupsOfRule(stores, orgId, was)
  const missing = groups.filter((group) => !group.hasTeam && !isDirectoryOnly(rules, group))
  const people: UserId[] = []
  for (const { id } of missing) people.push(...(await makeTeam(stores, caller, id)))
  return { targets: missing.map(({ id, displayName }) => ({ type: 'team', id, display: displayName })), people }
}

/**
 * Teams that a draft wants archived since their groups are to have none: those that are there, archived ones aside.
 * @throws DomainError `invalid-value` for a rule that is not directoryOnly
 */
export async function teamsToArchive(
  stores: WriteStores,
  orgId: OrgId,
  rule: Rule,
  { existingTeams = 'keep' }: Pick<RuleDraft, 'existingTeams'>,
): Promise<readonly GroupId[]> {
  if (existingTeams === 'keep') return []
  if (!rule.directoryOnly || !rule.enabled) {
    throw new DomainError(
      'invalid-value',
      'existingTeams is about an enabled rule that is directoryOnly; leave it out.',
      {
        params: { path: 'existingTeams' },
      },
    )
  }
  const found: GroupId[] = []
  for (const { id, hasTeam } of await groupsOfRule(stores, orgId, rule)) {
    const team = hasTeam ? await stores.teams.find(orgId, id) : undefined
    if (team !== undefined && team.archivedAt === undefined) found.push(id)
  }
  return found
}

/** Archives teams, as an admin would one by one. @returns what the record of it names, and everybody who was in one */
export async function archiveTeams(
  stores: WriteStores,
  orgId: OrgId,
  teams: readonly GroupId[],
): Promise<ConcernedTeams> {
  const targets: RecordTarget[] = []
  const people: UserId[] = []
  for (const id of teams) {
    const group = await getGroup(stores, orgId, id)
    people.push(...(await peopleOfTeam(stores, orgId, id)))
    await stores.groups.update(orgId, { ...group, version: group.version + 1, updated: stores.now })
    await stores.groups.archiveTeam(orgId, id, stores.now)
    targets.push({ type: 'team', id, display: group.displayName })
  }
  return { targets, people }
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
