import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { newId, type OrgId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { HoldId, LegalHold } from '../domain/privacy.ts'
import { Personal, type RecordChange, type RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { operatorText } from './operator-text.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** What is to be held: all of the org, one person, records of a range. */
export interface HoldDraft {
  readonly person?: UserId | undefined
  readonly fromSeq?: number | undefined
  readonly toSeq?: number | undefined
  readonly reason: string
}

/**
 * Places a legal hold: until it is released, no record it is about is purged, and whom it is about cannot be erased: the
 * person, or everybody of the org; with a range, only those of whom a record in it speaks.
 * @throws DomainError `not-found` for a person who is not there, `invalid-value` for a range turned round
 */
export function placeHold(provisioning: Provisioning, caller: Caller, draft: HoldDraft): Submitted<LegalHold> {
  const { orgId } = caller
  const { person, fromSeq, toSeq } = draft
  const id = newId<HoldId>(caller.request.receivedAt)
  const intent = { action: 'hold.place', subject: person ?? orgId, targets: targetsOf(id, person) }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    checkRange(draft)
    if (person !== undefined) await checkKnown(stores, caller, person)
    const placed = { placedSeq: stores.journal.nextSeq(orgId), placed: stores.now }
    const hold: LegalHold = { id, person, fromSeq, toSeq, ...placed, releasedSeq: undefined, released: undefined }
    await stores.privacy.place(orgId, hold)
    await append(stores, caller, hold, [
      ...(fromSeq === undefined ? [] : [{ path: 'fromSeq', new: fromSeq }]),
      ...(toSeq === undefined ? [] : [{ path: 'toSeq', new: toSeq }]),
      { path: 'reason', new: person === undefined ? operatorText(draft.reason) : new Personal(person, draft.reason) },
    ])
    return hold
  })
}

/** Ends a legal hold. @throws DomainError `not-found`; `uniqueness` for one that is released already */
export function releaseHold(provisioning: Provisioning, caller: Caller, id: HoldId): Submitted<LegalHold> {
  const { orgId } = caller
  const intent = { action: 'hold.release', subject: id, targets: targetsOf(id, undefined) }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const hold = await stores.privacy.find(orgId, id)
    if (hold === undefined) throw new DomainError('not-found', `There is no legal hold ${id}`)
    if (hold.releasedSeq !== undefined) {
      throw new DomainError('uniqueness', `The legal hold ${id} is released already`, { reason: 'hold.released' })
    }
    const seq = stores.journal.nextSeq(orgId)
    await stores.privacy.release(orgId, id, { seq, at: stores.now })
    await append(stores, caller, { ...hold, releasedSeq: seq }, [])
    return { ...hold, releasedSeq: seq, released: stores.now }
  })
}

/** A hold that keeps a person from being erased: one on them or on everybody whose records speak of them. */
export async function findHoldOn(
  { privacy, purge, journal }: WriteStores,
  orgId: OrgId,
  person: UserId,
): Promise<LegalHold | undefined> {
  for (const hold of await privacy.holdsOf(orgId, person)) {
    const { fromSeq, toSeq } = hold
    if (fromSeq === undefined && toSeq === undefined) return hold
    const head = journal.nextSeq(orgId) - 1
    const range = { after: (fromSeq ?? 1) - 1, upTo: Math.min(toSeq ?? head, head) }
    if (await purge.speaksOf(orgId, person, range)) return hold
  }
  return undefined
}

function checkRange({ fromSeq, toSeq }: HoldDraft): void {
  if (fromSeq === undefined || toSeq === undefined || fromSeq <= toSeq) return
  throw new DomainError('invalid-value', 'The range of records ends before it begins', { params: { path: '/toSeq' } })
}

async function checkKnown(stores: WriteStores, { orgId }: Caller, person: UserId): Promise<void> {
  if ((await stores.users.find(orgId, person)) !== undefined) return
  if ((await stores.users.findDeleted(orgId, person)) !== undefined) return
  throw new DomainError('not-found', `There is no person ${person}, live or deleted`)
}

function targetsOf(id: HoldId, person: UserId | undefined): readonly RecordTarget[] {
  return [{ type: 'hold', id }, ...(person === undefined ? [] : [{ type: 'user', id: person } as const])]
}

async function append(
  stores: WriteStores,
  { orgId, actor, request }: Caller,
  { id, person, releasedSeq }: LegalHold,
  changes: readonly RecordChange[],
): Promise<void> {
  await stores.journal.append(orgId, {
    ...{ action: releasedSeq === undefined ? 'hold.place' : 'hold.release', actor, request, changes },
    outcome: { result: 'success' },
    targets: targetsOf(id, person),
  })
}
