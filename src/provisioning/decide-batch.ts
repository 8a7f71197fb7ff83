import type { Removal, RemovalBatch } from '../domain/breaker.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { BatchId, UserId } from '../domain/ids.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { changeUser } from './change-user.ts'
import { deleteUser } from './delete-user.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'

/** Removals that are done at a time. */
const AT_ONCE = 50

/** A removal that was not possible, and why. */
export interface FailedRemoval {
  readonly user: UserId
  readonly reason: string
}

/** What became of a batch. */
export interface BatchOutcome {
  readonly done: number
  readonly failed: readonly FailedRemoval[]
}

/**
 * An admin lets the held removals of a batch happen: they are done here, since not every identity provider tries again,
 * and further ones of the same run pass. Cut off in the middle, it goes on when it is asked for again.
 * @throws DomainError `not-found`, `forbidden`, `uniqueness` for a batch that was decided otherwise
 */
export async function allowBatch(provisioning: Provisioning, caller: Caller, id: BatchId): Promise<BatchOutcome> {
  await decide(provisioning, caller, id, 'allowed')
  const failed: FailedRemoval[] = []
  let done = 0
  const tried = new Set<string>()
  for (;;) {
    const removals = await takeHeld(provisioning, caller, id, tried)
    if (removals.length === 0) return { done, failed }
    const results = await Promise.all(removals.map((removal) => remove(provisioning, caller, removal)))
    const ended = removals.filter((_, index) => results[index] === undefined)
    done += ended.length
    failed.push(
      ...removals.flatMap(({ user }, index) =>
        results[index] === undefined ? [] : [{ user, reason: results[index] }],
      ),
    )
    for (const { id: removal } of removals) tried.add(removal)
    await settle(provisioning, caller, ended)
  }
}

/**
 * An admin rejects the held removals of a batch: they do not happen, and the client that tries one again within a day is
 * told so.
 * @throws DomainError as {@link allowBatch}
 */
export async function rejectBatch(provisioning: Provisioning, caller: Caller, id: BatchId): Promise<BatchOutcome> {
  return { done: await decide(provisioning, caller, id, 'rejected'), failed: [] }
}

/** @returns how many removals it decided */
function decide(
  provisioning: Provisioning,
  caller: Caller,
  id: BatchId,
  state: 'allowed' | 'rejected',
): Promise<number> {
  const { orgId } = caller
  const action = state === 'allowed' ? 'breaker.allow' : 'breaker.reject'
  const intent = { action, subject: id, targets: [{ type: 'batch', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const batch = await getBatch(stores, caller, id)
    if (batch.state === state) return 0
    if (batch.state !== 'open' || batch.mode !== 'hold') throw decidedAlready(batch)
    await stores.breaker.decide(orgId, id, state, stores.now)
    const held = await stores.breaker.removals(orgId, id, ['held'], Number.MAX_SAFE_INTEGER)
    if (state === 'rejected') await stores.breaker.settleAll(orgId, id, 'held', 'rejected')
    await stores.journal.append(orgId, {
      action,
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success', params: { removals: held.length } },
      targets: [
        { type: 'batch', id },
        { type: 'connection', id: batch.connection },
      ],
      changes: [{ path: 'state', old: batch.state, new: state }],
    })
    return held.length
  }).durable
}

/**
 * A batch of the caller's org.
 * @throws DomainError `not-found`
 */
export async function getBatch(stores: WriteStores, { orgId }: Caller, id: BatchId): Promise<RemovalBatch> {
  const batch = await stores.breaker.batch(orgId, id)
  if (batch === undefined) throw new DomainError('not-found', `There is no batch of removals ${id}`)
  return batch
}

function decidedAlready({ state, mode }: RemovalBatch): DomainError {
  const sentence =
    mode === 'alert'
      ? 'Nothing of this batch is held: it was reported while it happened; what it removed can be restored'
      : `This batch was ${state} already`
  return new DomainError('uniqueness', sentence, { reason: 'breaker.decided' })
}

function takeHeld(
  { work }: Provisioning,
  { orgId }: Caller,
  id: BatchId,
  tried: ReadonlySet<string>,
): Promise<readonly Removal[]> {
  return work.submit(orgId, async (stores) => {
    const held = await stores.breaker.removals(orgId, id, ['held'], AT_ONCE + tried.size)
    return held.filter((removal) => !tried.has(removal.id)).slice(0, AT_ONCE)
  }).durable
}

/** @returns why it could not be; undefined when it is done, or was done meanwhile */
async function remove(provisioning: Provisioning, caller: Caller, { user, act }: Removal): Promise<string | undefined> {
  try {
    if (act === 'delete') await deleteUser(provisioning, caller, user, { method: 'DELETE' }).durable
    else {
      const change = {
        method: 'PATCH',
        change: (state: Parameters<Parameters<typeof changeUser>[3]['change']>[0]) => ({ ...state, active: false }),
      } as const
      await changeUser(provisioning, caller, user, change).durable
    }
    return undefined
  } catch (error) {
    if (!(error instanceof DomainError) || error.code === 'unavailable') throw error
    return error.code === 'not-found' ? undefined : error.message
  }
}

async function settle({ work }: Provisioning, { orgId }: Caller, removals: readonly Removal[]): Promise<void> {
  const ids = removals.map(({ id }) => id)
  await work.submit(orgId, (stores) => stores.breaker.settle(orgId, ids, 'allowed')).durable
}
