import { newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { UnitOfWork } from '../domain/ports.ts'
import type { Erasure } from '../domain/privacy.ts'
import { findHoldOn } from './legal-holds.ts'

/**
 * Erases what is sealed of people who are nobody here, such as who was refused at a sign-in. While a legal hold on
 * everybody, or on records with it, stands it stays, and goes with the first round after it. Of several instances the first that is done decides.
 * @param person an id of {@link unknownPerson}
 */
export async function forgetUnknownPeople(work: UnitOfWork, orgId: OrgId, person: UserId): Promise<void> {
  const receivedAt = Date.now()
  const request = { id: newId<string>(receivedAt), receivedAt, started: performance.now() }
  await work.submit(orgId, async (stores) => {
    if ((await stores.privacy.erasure(orgId, person)) !== undefined) return
    if ((await findHoldOn(stores, orgId, person)) !== undefined) return
    const erasure: Erasure = { orgId, person, seq: stores.journal.nextSeq(orgId), at: stores.now }
    const emptied = await stores.privacy.eraseSealed(erasure)
    await stores.journal.append(orgId, {
      ...{ action: 'privacy.erase', actor: { type: 'system' }, request },
      outcome: { result: 'success', params: { emptied: emptied.map(({ table, rows }) => ({ table, rows })) } },
      targets: [{ type: 'user', id: person }],
    })
  }).durable
}
