import type { Caller } from '../domain/caller.ts'
import type { OrgId, RoleId, UserId } from '../domain/ids.ts'
import type { RecordDraft } from '../domain/record.ts'
import type { CustomRole } from '../domain/role.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { teamTargets } from './team-record.ts'
import { recordWithPeople } from './touch-people.ts'
import { peopleOfRules } from './touched-people.ts'

/**
 * Everybody who may have a custom role without having been given it in person: by rules that name it, and by teams of
 * which it is the default role.
 */
export async function peopleOfRole(stores: WriteStores, orgId: OrgId, id: RoleId): Promise<readonly UserId[]> {
  const { rules } = await stores.rules.all(orgId)
  const naming = rules.filter(({ grants }) => grants.some(({ kind, value }) => kind === 'team_role' && value === id))
  const people = new Set(await peopleOfRules(stores, orgId, naming))
  for (const team of await stores.teams.withDefaultRole(orgId, id)) {
    for (const user of await stores.members.people(orgId, team)) people.add(user)
  }
  return [...people]
}

/** Gives rules and default roles that name a role its base instead. @returns a record for each, but for what came of it */
export async function rewriteUses(
  stores: WriteStores,
  caller: Caller,
  role: CustomRole,
): Promise<readonly RecordDraft[]> {
  const { orgId, actor, request } = caller
  const said = { actor, request, outcome: { result: 'success' } } as const
  const granted = await stores.rules.rewriteRole(orgId, role.id, role.base, stores.now)
  const defaults = await stores.teams.rewriteDefaultRole(orgId, role.id, role.base, stores.now)
  return [
    ...[...new Set(granted.map(({ rule }) => rule))].map((rule): RecordDraft => ({
      ...said,
      action: 'rule.update',
      targets: [{ type: 'rule', id: rule }],
      changes: granted
        .filter((each) => each.rule === rule)
        .map(({ team }) => ({ path: 'grants', old: { team, role: role.id }, new: { team, role: role.base } })),
    })),
    ...defaults.map((team): RecordDraft => ({
      ...said,
      action: 'team.update',
      targets: teamTargets(team),
      changes: [{ path: 'defaultRole', old: role.id, new: role.base }],
    })),
  ]
}

/** Appends those records, the last with what came of them all. @returns whether a job was started */
export async function recordUses(
  stores: WriteStores,
  orgId: OrgId,
  drafts: readonly RecordDraft[],
  people: readonly UserId[],
): Promise<boolean> {
  const last = drafts.at(-1)
  if (last === undefined) return false
  for (const draft of drafts.slice(0, -1)) await stores.journal.append(orgId, draft)
  return recordWithPeople(stores, orgId, last, people)
}
