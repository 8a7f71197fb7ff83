import type { Caller } from '../domain/caller.ts'
import type { RuleId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { getRule } from './change-rule.ts'
import { wakingJobs } from './create-group.ts'
import { makeMissingTeams } from './directory-only.ts'
import type { ChangeOptions, Provisioning } from './provisioning.ts'
import { recordWithPeople } from './touch-people.ts'
import { ruleDraft } from './rule-record.ts'
import { checkMayWriteRules } from './rule-right.ts'
import { submitChange } from './submit-change.ts'
import { peopleOfRules } from './touched-people.ts'
import { checkVersion } from './version-check.ts'

/**
 * Deletes a rule. Nobody has any longer what it alone gave them; the last active admin of the org is kept.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden`, `last-admin`
 */
export function deleteRule(
  provisioning: Provisioning,
  caller: Caller,
  id: RuleId,
  options: Pick<ChangeOptions, 'ifMatch'>,
): Submitted<void> {
  const intent = { action: 'rule.delete', subject: id, targets: [{ type: 'rule', id }] as const }
  return wakingJobs(provisioning, caller.orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      checkMayWriteRules(caller)
      if (await removeRule(stores, caller, id, options)) started()
    }),
  )
}

/** A rule deleted within a unit of work. @returns whether a job was started for its people */
export async function removeRule(
  stores: WriteStores,
  caller: Caller,
  id: RuleId,
  { ifMatch }: Pick<ChangeOptions, 'ifMatch'>,
): Promise<boolean> {
  const { orgId } = caller
  const rule = await getRule(stores, caller, id)
  checkVersion(rule.version, ifMatch)
  const people = await peopleOfRules(stores, orgId, [rule])
  await stores.rules.remove(orgId, id)
  const made = await makeMissingTeams(stores, caller, rule)
  const record = ruleDraft(caller, 'rule.delete', { before: rule, after: undefined }, made.targets)
  return recordWithPeople(stores, orgId, record, [...new Set([...people, ...made.people])])
}
