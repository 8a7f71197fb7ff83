import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { ErasedRows, Erasure, LegalHold } from '../domain/privacy.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { removePerson } from './delete-user.ts'
import { findHoldOn } from './legal-holds.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** What an erasure did within the store's rows. */
export interface ErasedPerson extends Erasure {
  /** They were live, and were deleted with it. */
  readonly deleted: boolean
  /** They had been erased before, by the record of `seq`; nothing was done now. */
  readonly before: boolean
  /** Which tables held something of them. */
  readonly emptied: readonly ErasedRows[]
}

/**
 * Erases a person for good: their rows lose every personal value, what stands beside records of them goes, and so does
 * the key that opened it. Whoever is live is deleted first, with all that guards a deletion. The log keeps its records,
 * which hold ids and commitments that nobody can open any more, so it verifies as before.
 * @throws DomainError `not-found`, `forbidden`, `last-admin`, `uniqueness` while a legal hold stands on them or on records of
 * them
 */
export function erasePerson(provisioning: Provisioning, caller: Caller, id: UserId): Submitted<ErasedPerson> {
  const { orgId } = caller
  const intent = { action: 'privacy.erase', subject: id, targets: [{ type: 'user', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const before = await stores.privacy.erasure(orgId, id)
    if (before !== undefined) return { ...before, deleted: false, before: true, emptied: [] }
    const live = await stores.users.find(orgId, id)
    const user = live ?? (await stores.users.findDeleted(orgId, id))?.user
    if (user === undefined) throw new DomainError('not-found', `There is no person ${id}, live or deleted`)
    checkIsPerson(user)
    await checkNotHeld(stores, caller, id)
    if (live !== undefined) await removePerson(stores, caller, live)
    return erase(stores, caller, id, live !== undefined)
  })
}

/**
 * The same for one whom a backup that was put back still has: no hold is asked, since the erasure was done already.
 * @returns undefined for one who is not there, or erased
 * @throws DomainError `last-admin`
 */
export function eraseAgain(
  { work }: Pick<Provisioning, 'work'>,
  caller: Caller,
  id: UserId,
): Submitted<ErasedPerson | undefined> {
  const { orgId } = caller
  return work.submit(orgId, async (stores) => {
    if ((await stores.privacy.erasure(orgId, id)) !== undefined) return undefined
    const live = await stores.users.find(orgId, id)
    // Whoever came after the backup is not in it.
    if (live === undefined && (await stores.users.findDeleted(orgId, id)) === undefined) return undefined
    if (live !== undefined) await removePerson(stores, caller, live)
    return erase(stores, caller, id, live !== undefined)
  })
}

async function erase(stores: WriteStores, caller: Caller, person: UserId, deleted: boolean): Promise<ErasedPerson> {
  const { orgId, actor, request } = caller
  const erasure: Erasure = { orgId, person, seq: stores.journal.nextSeq(orgId), at: stores.now }
  const emptied = await stores.privacy.erase(erasure)
  await stores.journal.append(orgId, {
    ...{ action: 'privacy.erase', actor, request },
    outcome: { result: 'success', params: { emptied: emptied.map(({ table, rows }) => ({ table, rows })) } },
    targets: [{ type: 'user', id: person }],
  })
  return { ...erasure, deleted, before: false, emptied }
}

function checkIsPerson({ accountType, id }: User): void {
  if (accountType === 'USER') return
  throw new DomainError('invalid-value', `${id} is a service account, which is no person; delete it instead`)
}

async function checkNotHeld(stores: WriteStores, { orgId }: Caller, person: UserId): Promise<void> {
  const hold = await findHoldOn(stores, orgId, person)
  if (hold === undefined) return
  throw new DomainError(
    'uniqueness',
    `The legal hold ${hold.id} stands${rangeText(hold)}, so this person cannot be erased; release it first, if that is right`,
    { reason: 'hold.stands', params: { hold: hold.id } },
  )
}

function rangeText({ fromSeq, toSeq }: LegalHold): string {
  if (fromSeq === undefined && toSeq === undefined) return ''
  const end = toSeq === undefined ? 'on' : `to ${toSeq}`
  return ` on records ${fromSeq ?? 1} ${end}, which speak of them`
}
