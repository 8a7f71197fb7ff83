import { DomainError } from '../domain/errors.ts'
import { type GroupId, newId, type OrgId, type RoleId, type RuleId, type UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RoleState } from '../domain/role.ts'
import type { Rule } from '../domain/rule.ts'
import { policyOf } from '../domain/org-policy.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { type OrgSettingsChange, wantedPolicy } from './change-org-settings.ts'
import { wantedLicence } from './change-licence.ts'
import { teamsToArchive } from './directory-only.ts'
import type { PlannedChange } from './planned-change.ts'
import type { Provisioning } from './provisioning.ts'
import { type RuleDraft, ruleStateOf } from './rule-draft.ts'
import { peopleOfTeam } from './touched-people.ts'

/** A change as people state it, to be previewed; null deletes. */
export type StatedChange =
  | { readonly kind: 'rule'; readonly id: RuleId | undefined; readonly draft: RuleDraft | null }
  | { readonly kind: 'role'; readonly id: RoleId; readonly to: RoleState | null }
  | { readonly kind: 'settings'; readonly change: OrgSettingsChange }
  /** Product → type → number of seats. */
  | { readonly kind: 'licence'; readonly seats: JsonObject }

/**
 * What a stated change is about, with ids for names, as saving it would take it. Nothing is written.
 * @throws DomainError as saving it would: `not-found`, `invalid-value` naming the field
 */
export function planChange(provisioning: Provisioning, orgId: OrgId, stated: StatedChange): Submitted<PlannedChange> {
  return provisioning.work.submit(orgId, (stores) => planned(stores, orgId, stated))
}

async function planned(stores: WriteStores, orgId: OrgId, stated: StatedChange): Promise<PlannedChange> {
  if (stated.kind === 'rule') return plannedRule(stores, orgId, stated)
  if (stated.kind === 'settings') {
    const wanted = wantedPolicy(await stores.orgs.policy(orgId), stated.change)
    return { kind: 'policy', policy: withSettings(wanted) }
  }
  if (stated.kind === 'licence') {
    const before = await stores.orgs.policy(orgId)
    return { kind: 'policy', policy: { ...before, licence: wantedLicence(before, stated.seats) } }
  }
  const role = await stores.roles.find(orgId, stated.id)
  if (role === undefined) throw new DomainError('not-found', `Role ${stated.id} not found`)
  return { kind: 'role', role, to: stated.to ?? undefined }
}

/** The settings of a policy that is wanted are those that it would store. */
function withSettings(wanted: ReturnType<typeof wantedPolicy>): ReturnType<typeof wantedPolicy> {
  const { settings } = policyOf({
    ...{ defaultOrgRole: wanted.defaultOrgRole, defaultSeats: '{}', licence: '{}' },
    ...{ settings: JSON.stringify(wanted.stored), version: wanted.version, rulesVersion: wanted.rulesVersion },
  })
  return { ...wanted, settings }
}

async function plannedRule(
  stores: WriteStores,
  orgId: OrgId,
  { id, draft }: Extract<StatedChange, { kind: 'rule' }>,
): Promise<PlannedChange> {
  const before = id === undefined ? undefined : await stores.rules.find(orgId, id)
  if (id !== undefined && before === undefined) throw new DomainError('not-found', `Rule ${id} not found`)
  const olds = before === undefined ? [] : [before]
  if (draft === null) return { kind: 'rules', before: olds, after: [] }
  const state = await ruleStateOf(stores, orgId, draft, before)
  const times = { version: 1, created: stores.now, updated: stores.now }
  const rule: Rule = { ...(before ?? { id: newId<RuleId>(stores.now), ord: 0, ...times }), ...state }
  const archives = await teamsToArchive(stores, orgId, rule, draft)
  return { kind: 'rules', before: olds, after: [rule], archives: await withPeople(stores, orgId, archives) }
}

/** Teams with everybody who is in them or may come to be. */
async function withPeople(
  stores: WriteStores,
  orgId: OrgId,
  teams: readonly GroupId[],
): Promise<ReadonlyMap<GroupId, readonly UserId[]>> {
  const people = new Map<GroupId, readonly UserId[]>()
  for (const team of teams) people.set(team, await peopleOfTeam(stores, orgId, team))
  return people
}
