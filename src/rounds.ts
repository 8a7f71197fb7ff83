import { SYSTEM_ORG } from './audit/system-org.ts'
import type { LookUpProof } from './domain/domain-claim.ts'
import { isForgotten } from './domain/record.ts'
import { expireInvite } from './provisioning/change-invite.ts'
import { forgetUnknownPeople } from './provisioning/forget-unknown-people.ts'
import { recheckDomain } from './provisioning/recheck-domain.ts'
import type { Store } from './storage/store.ts'

/** Invitations that are ended in one round. */
const INVITES_A_ROUND = 500
/** Domains that are looked at in one round, and how many of them at once. */
const A_ROUND = 200
const AT_ONCE = 10

/**
 * Ends invitations whose time is over; of several instances that do it at once, each finds the other's ended.
 * @param now epoch milliseconds
 */
export async function endInvites({ reads, work }: Pick<Store, 'reads' | 'work'>, now: number): Promise<void> {
  const overdue = await reads.invites.overdue(now, INVITES_A_ROUND)
  for (const { orgId, id } of overdue) await expireInvite(work, orgId, id)
}

/**
 * Looks again at the proofs of domains that are due. Of several instances that do it at once, the first that is done
 * decides.
 * @param now epoch milliseconds
 */
export async function recheckDomains(
  { reads, work }: Pick<Store, 'reads' | 'work'>,
  lookUp: LookUpProof,
  now: number,
): Promise<void> {
  const due = [...(await reads.domains.due(now, A_ROUND))]
  const next = async (): Promise<void> => {
    for (let claim = due.shift(); claim !== undefined; claim = due.shift()) {
      await recheckDomain(work, claim.orgId, claim, await lookUp(claim))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}

/**
 * Erases what is kept of people who are nobody here, once it is old enough: of each 90 days under a key of their own.
 * @param now epoch milliseconds
 */
export async function forgetUnknown({ reads, work }: Pick<Store, 'reads' | 'work'>, now: number): Promise<void> {
  const orgs = (await reads.orgs.list()).map(({ id }) => id)
  for (const orgId of [SYSTEM_ORG, ...orgs]) {
    const people = (await reads.privacy.unknownPeople(orgId)).filter((person) => isForgotten(person, now))
    for (const person of people) await forgetUnknownPeople(work, orgId, person)
  }
}
