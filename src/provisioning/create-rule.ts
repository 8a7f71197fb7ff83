import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type RuleId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { MAX_RULES, type Rule, type RuleMatch } from '../domain/rule.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import { archiveTeams, teamsToArchive } from './directory-only.ts'
import type { Provisioning } from './provisioning.ts'
import { recordWithPeople } from './touch-people.ts'
import { type RuleDraft, ruleStateOf } from './rule-draft.ts'
import { archivedChange, ruleDraft, ruleLabel } from './rule-record.ts'
import { checkMayWriteRules } from './rule-right.ts'
import { submitChange } from './submit-change.ts'
import { peopleOfRules } from './touched-people.ts'

/**
 * Makes a rule and gives the people of the groups it matches what it says: up to 1,000 of them in the same transaction,
 * more by a job that goes on while requests are answered.
 * @throws DomainError `invalid-value` naming the field, `uniqueness` naming the rule that has the match, `forbidden`
 * (who may, and how many), `last-admin`
 */
export function createRule(provisioning: Provisioning, caller: Caller, draft: RuleDraft): Submitted<Rule> {
  const id = newId<RuleId>(caller.request.receivedAt)
  const intent = { action: 'rule.create', subject: `${draft.match.kind} ${draft.match.value ?? ''}`, targets: [] }
  return wakingJobs(provisioning, caller.orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      checkMayWriteRules(caller)
      const { rule, job } = await insertRule(stores, caller, draft, id)
      if (job) started()
      return rule
    }),
  )
}

/** A rule made within a unit of work, and whether a job was started for its people. */
export async function insertRule(
  stores: WriteStores,
  caller: Caller,
  draft: RuleDraft,
  id: RuleId,
): Promise<{ readonly rule: Rule; readonly job: boolean }> {
  const { orgId } = caller
  const state = await ruleStateOf(stores, orgId, draft)
  await checkMatchFree(stores, caller, state.match)
  if ((await stores.rules.count(orgId)) >= MAX_RULES) throw tooManyRules()
  const rule: Rule = {
    ...state,
    id,
    ord: await stores.next(orgId, 'ord.rule'),
    version: 1,
    created: stores.now,
    updated: stores.now,
  }
  const closing = await teamsToArchive(stores, orgId, rule, draft)
  await stores.rules.insert(orgId, rule)
  const archived = await archiveTeams(stores, orgId, closing)
  const drafted = ruleDraft(caller, 'rule.create', { before: undefined, after: rule }, archived.targets)
  const record = { ...drafted, changes: [...(drafted.changes ?? []), ...archivedChange(closing)] }
  const touched = [...new Set([...(await peopleOfRules(stores, orgId, [rule])), ...archived.people])]
  return { rule, job: await recordWithPeople(stores, orgId, record, touched) }
}

/**
 * One rule a match in an org.
 * @throws DomainError `uniqueness` naming the holder
 */
export async function checkMatchFree(
  stores: WriteStores,
  { orgId }: Caller,
  match: RuleMatch,
  except?: RuleId,
): Promise<void> {
  const holder = await stores.rules.matchHolder(orgId, match)
  if (holder === undefined || holder === except) return
  const message = `The rule ${holder} is for ${ruleLabel(match)} already; change that rule, or choose another match`
  throw new DomainError('uniqueness', message, { reason: 'rule.match-taken', params: { holder } })
}

function tooManyRules(): DomainError {
  return new DomainError('forbidden', `An organisation has at most ${MAX_RULES} rules; delete one first`, {
    reason: 'rule.too-many',
    params: { most: MAX_RULES },
  })
}
