import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { LegalHold } from '../domain/privacy.ts'
import type { Purge, PurgeStep } from '../domain/purge.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** What is to be purged, and what was kept of it elsewhere first. Hashes in hex. */
export interface PurgeOrder {
  /** The last record of what is purged; it stays itself, since what follows it continues it. */
  readonly upTo: number
  /** Its hash. */
  readonly hash: string
  /** Records that go. */
  readonly count: number
  /** SHA-256 of the evidence pack that holds them. */
  readonly pack: string
  /** What everybody held right after that record. */
  readonly access: { readonly count: number; readonly sha256: string }
}

/**
 * Chains the record of a purge. From then on the log begins at `upTo`: what stands before it is taken out by
 * `finishPurge`.
 * @throws DomainError `uniqueness` while a hold stands on any of it, a receiver has not got it, or another purge is not
 * finished; the refusal is recorded
 */
export function beginPurge(provisioning: Provisioning, caller: Caller, order: PurgeOrder): Submitted<Purge> {
  const { orgId, actor, request } = caller
  const { upTo, hash, count, pack, access } = order
  const targets = [{ type: 'org', id: orgId }] as const
  return submitChange(provisioning, caller, { action: 'log.purge', subject: orgId, targets }, async (stores) => {
    requireOrgAdmin(caller)
    const last = await checkMay(stores, orgId, upTo)
    const purge: Purge = { upTo, seq: stores.journal.nextSeq(orgId), at: stores.now, done: false }
    await stores.purge.begin(orgId, purge)
    await stores.journal.append(orgId, {
      ...{ action: 'log.purge', actor, request, targets },
      outcome: {
        result: 'success',
        params: { after: last?.upTo ?? 0, upTo, hash, count, pack, access: { ...access } },
      },
    })
    return purge
  })
}

/**
 * Looks whether a purge may begin, before anything is written for it. Within the unit of work of the purge it is looked
 * at again.
 * @throws DomainError as {@link beginPurge}; the refusal is recorded
 */
export function checkPurge(provisioning: Provisioning, caller: Caller, upTo: number): Submitted<void> {
  const { orgId } = caller
  const targets = [{ type: 'org', id: orgId }] as const
  return submitChange(provisioning, caller, { action: 'log.purge', subject: orgId, targets }, async (stores) => {
    requireOrgAdmin(caller)
    await checkMay(stores, orgId, upTo)
  })
}

/** What stands in the way of a purge, as a sentence; nothing is recorded. */
export function foreseePurge(
  { work }: Pick<Provisioning, 'work'>,
  orgId: OrgId,
  upTo: number,
): Submitted<string | undefined> {
  return work.submit(orgId, async (stores) => {
    try {
      await checkMay(stores, orgId, upTo)
      return undefined
    } catch (error) {
      if (error instanceof DomainError) return error.message
      throw error
    }
  })
}

/**
 * Takes out what a purge that was begun left, in short transactions between which others write; one that was cut off is
 * gone on with. Its record is chained already.
 * @returns the purge; undefined where none was begun, or the last one is finished
 */
export async function finishPurge({ work }: Pick<Provisioning, 'work'>, orgId: OrgId): Promise<Purge | undefined> {
  const purge = await work.submit(orgId, ({ purge: purges }) => purges.last(orgId)).durable
  if (purge === undefined || purge.done) return undefined
  let step: PurgeStep | undefined = { table: 'records', after: [] }
  while (step !== undefined) {
    const at: PurgeStep = step
    step = await work.submit(orgId, ({ purge: purges }) => purges.drop(orgId, purge.upTo, at)).durable
  }
  await work.submit(orgId, ({ purge: purges, now }) => purges.end(orgId, purge.upTo, now)).durable
  return { ...purge, done: true }
}

/** @returns the purge before */
async function checkMay(stores: WriteStores, orgId: OrgId, upTo: number): Promise<Purge | undefined> {
  const last = await stores.purge.last(orgId)
  checkFollows(last, upTo)
  // The record that the log begins at since the last purge goes with this one.
  await checkNotHeld(stores, orgId, { after: last === undefined ? 0 : last.upTo - 1, upTo })
  await checkReceived(stores, orgId, upTo)
  return last
}

function checkFollows(last: Purge | undefined, upTo: number): void {
  if (last?.done === false) {
    throw new DomainError('uniqueness', `The purge up to record ${last.upTo} is not finished; finish it first`, {
      reason: 'purge.unfinished',
    })
  }
  if (last !== undefined && upTo <= last.upTo) {
    throw new DomainError('invalid-value', `The log was purged up to record ${last.upTo} already`)
  }
}

async function checkNotHeld(
  stores: WriteStores,
  orgId: OrgId,
  { after, upTo }: { readonly after: number; readonly upTo: number },
): Promise<void> {
  for (const hold of await stores.privacy.standing(orgId)) {
    const range = { after: Math.max(after, (hold.fromSeq ?? 1) - 1), upTo: Math.min(upTo, hold.toSeq ?? upTo) }
    if (range.after >= range.upTo) continue
    if (hold.person === undefined || (await stores.purge.speaksOf(orgId, hold.person, range))) throw held(hold)
  }
}

function held({ id }: LegalHold): DomainError {
  return new DomainError(
    'uniqueness',
    `The legal hold ${id} stands on records that would be purged; release it first, if that is right`,
    { reason: 'hold.stands', params: { hold: id } },
  )
}

async function checkReceived(stores: WriteStores, orgId: OrgId, upTo: number): Promise<void> {
  const behind = (await stores.sinks.list(orgId)).find(({ progress }) => progress.acked.seq < upTo)
  if (behind === undefined) return
  throw new DomainError(
    'uniqueness',
    `The receiver ${behind.id} of the log has not got record ${upTo} yet; wait until it has, or remove it`,
    { reason: 'purge.undelivered', params: { sink: behind.id } },
  )
}
