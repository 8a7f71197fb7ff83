import type { Caller } from '../domain/caller.ts'
import type { UserId } from '../domain/ids.ts'
import { type OrgPolicy, policyChanges } from '../domain/org-policy.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { recordWithPeople } from './touch-people.ts'
import { checkVersion } from './version-check.ts'

/** A change of what an org decides for all its people. */
export interface PolicyChange {
  /** Of the record. */
  readonly action: string
  readonly ifMatch: readonly string[] | undefined
  /** Refuses whoever may not do this. @throws DomainError `forbidden` */
  readonly checkRight: () => void
  /** Pure: the policy wanted, computed on the stored one. It refuses by throwing a DomainError. */
  readonly wanted: (before: OrgPolicy) => OrgPolicy
  /** Whose access may be another, once the policy is written. */
  readonly touched: (
    stores: WriteStores,
    after: OrgPolicy,
    changes: readonly RecordChange[],
  ) => Promise<readonly UserId[]>
}

/**
 * Writes a policy with its record and brings the people it touches in line, by a job where they are many. What changes
 * nothing leaves the version as it is.
 * @throws DomainError `version-mismatch`, `last-admin`, or what the change refuses
 */
export function savePolicy(
  provisioning: Provisioning,
  caller: Caller,
  change: PolicyChange,
): Submitted<Changed<OrgPolicy>> {
  const { orgId, actor, request } = caller
  const { action } = change
  const targets = [{ type: 'org', id: orgId }] as const
  const intent = { action, subject: orgId, targets }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      change.checkRight()
      const before = await stores.orgs.policy(orgId)
      checkVersion(before.version, change.ifMatch)
      const wanted = change.wanted(before)
      const changes = policyChanges(before, wanted)
      if (changes.length === 0) {
        provisioning.tally.noop(caller, action, orgId)
        return { value: before, changed: false }
      }
      await stores.orgs.savePolicy(orgId, wanted)
      const people = await change.touched(stores, wanted, changes)
      const draft = { action, actor, request, outcome: { result: 'success' }, targets, changes } as const
      if (await recordWithPeople(stores, orgId, draft, people)) started()
      return { value: await stores.orgs.policy(orgId), changed: true }
    }),
  )
}
