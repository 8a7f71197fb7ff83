import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { RuleId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { isSameRule, type Rule } from '../domain/rule.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import { checkMatchFree } from './create-rule.ts'
import { archiveTeams, makeMissingTeams, teamsToArchive } from './directory-only.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { recordWithPeople } from './touch-people.ts'
import { type RuleDraft, ruleStateOf } from './rule-draft.ts'
import { archivedChange, ruleDraft } from './rule-record.ts'
import { checkMayWriteRules } from './rule-right.ts'
import { submitChange } from './submit-change.ts'
import { peopleOfRules } from './touched-people.ts'
import { checkVersion } from './version-check.ts'

export interface RuleChange extends Omit<ChangeOptions, 'ignored'> {
  /** The whole of what the rule is to be. */
  readonly draft: RuleDraft
}

/**
 * Changes a rule to what is stated, and the access of everybody whom it was or is for. What changes nothing leaves the
 * version as it is. Groups that only this rule kept without a team get one when it no longer does.
 * @throws DomainError `not-found`, `version-mismatch`, `invalid-value`, `uniqueness`, `forbidden`, `last-admin`
 */
export function changeRule(
  provisioning: Provisioning,
  caller: Caller,
  id: RuleId,
  change: RuleChange,
): Submitted<Changed<Rule>> {
  const intent = { action: 'rule.update', subject: id, targets: [{ type: 'rule', id }] as const }
  return wakingJobs(provisioning, caller.orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      checkMayWriteRules(caller)
      const { rule, changed, job } = await updateRule(stores, caller, id, change)
      if (job) started()
      if (!changed) provisioning.tally.noop(caller, 'rule.update', id)
      return { value: rule, changed }
    }),
  )
}

/** A rule changed within a unit of work, and whether a job was started for its people. */
export async function updateRule(
  stores: WriteStores,
  caller: Caller,
  id: RuleId,
  { draft, ifMatch }: Pick<RuleChange, 'draft' | 'ifMatch'>,
): Promise<{ readonly rule: Rule; readonly changed: boolean; readonly job: boolean }> {
  const { orgId } = caller
  const before = await getRule(stores, caller, id)
  checkVersion(before.version, ifMatch)
  const state = await ruleStateOf(stores, orgId, draft, before)
  const after: Rule = { ...before, ...state, version: before.version + 1, updated: stores.now }
  const closing = await teamsToArchive(stores, orgId, after, draft)
  if (isSameRule(before, state) && closing.length === 0) return { rule: before, changed: false, job: false }
  await checkMatchFree(stores, caller, state.match, id)
  await stores.rules.update(orgId, after)
  const made = await makeMissingTeams(stores, caller, before)
  const archived = await archiveTeams(stores, orgId, closing)
  const people = await peopleOfRules(stores, orgId, [before, after])
  const drafted = ruleDraft(caller, 'rule.update', { before, after }, [...made.targets, ...archived.targets])
  const record = { ...drafted, changes: [...(drafted.changes ?? []), ...archivedChange(closing)] }
  const touched = [...new Set([...people, ...made.people, ...archived.people])]
  return { rule: after, changed: true, job: await recordWithPeople(stores, orgId, record, touched) }
}

/** @throws DomainError `not-found` */
export async function getRule(stores: WriteStores, { orgId }: Caller, id: RuleId): Promise<Rule> {
  const rule = await stores.rules.find(orgId, id)
  if (rule === undefined) throw new DomainError('not-found', `Rule ${id} not found`)
  return rule
}
