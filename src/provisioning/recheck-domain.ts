import {
  type DomainClaim,
  lapsesAt,
  NEVER,
  PROOF_AGAIN_MS,
  PROOF_EVERY_MS,
  PROOF_GRACE_MS,
  type ProofSeen,
} from '../domain/domain-claim.ts'
import { newId, type OrgId } from '../domain/ids.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { RecordChange } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { domainRecord } from './claim-domain.ts'
import { tellAdmins } from './mail-admins.ts'

/**
 * Takes in what a new look at a proved domain showed. A missing proof starts a grace of seven days, of which the admins
 * are told at once; only when it is over and the DNS says again that there is none is the domain the org's no more. An
 * answer that did not come says nothing, and changes nothing but when to look again.
 */
export async function recheckDomain(
  work: UnitOfWork,
  orgId: OrgId,
  { domain, challenge }: Pick<DomainClaim, 'domain' | 'challenge'>,
  seen: ProofSeen,
): Promise<void> {
  await work.submit(orgId, async (stores) => {
    const before = await stores.domains.find(orgId, domain)
    // Released, claimed anew, or looked at by another instance meanwhile.
    const isDue = before?.provedAt !== undefined && before.challenge === challenge && before.next <= stores.now
    if (isDue) await takeIn(stores, orgId, before, seen)
  }).durable
}

async function takeIn(stores: WriteStores, orgId: OrgId, before: DomainClaim, seen: ProofSeen): Promise<void> {
  const { now } = stores
  const next = now + (seen === 'shown' ? PROOF_EVERY_MS : PROOF_AGAIN_MS)
  const looked: DomainClaim = { ...before, next, checked: seen === 'unknown' ? before.checked : now }
  if (seen === 'unknown') return stores.domains.update(orgId, looked)
  if (seen === 'shown') {
    await stores.domains.update(orgId, { ...looked, failingSince: undefined })
    if (before.failingSince !== undefined) await record(stores, orgId, before, ['failing', 'proved', 'domain.recover'])
    return
  }
  if (before.failingSince === undefined) {
    await stores.domains.update(orgId, { ...looked, failingSince: now })
    await record(stores, orgId, before, ['proved', 'failing', 'domain.fail'])
    await tellAdmins(stores, orgId, { kind: 'domain-failing', domain: before.domain, until: now + PROOF_GRACE_MS })
  } else if (now < lapsesAt(before)!) await stores.domains.update(orgId, looked)
  else {
    const lapsed = { provedAt: undefined, failingSince: undefined, next: NEVER }
    await stores.domains.update(orgId, { ...looked, ...lapsed })
    await record(stores, orgId, before, ['failing', 'unproved', 'domain.lapse'])
    await tellAdmins(stores, orgId, { kind: 'domain-lapsed', domain: before.domain })
  }
}

async function record(
  stores: WriteStores,
  orgId: OrgId,
  claim: DomainClaim,
  [old, now, action]: readonly [old: string, now: string, action: string],
): Promise<void> {
  const receivedAt = Date.now()
  const request = { id: newId<string>(receivedAt), receivedAt, started: performance.now() }
  const change: RecordChange = { path: 'state', old, new: now }
  await stores.journal.append(orgId, domainRecord({ actor: { type: 'system' }, request }, action, claim, [change]))
}
