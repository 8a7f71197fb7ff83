import type { Removal } from '../domain/breaker.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { BatchId, UserId } from '../domain/ids.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdmin } from './admin-guard.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { type BatchOutcome, type FailedRemoval, getBatch } from './decide-batch.ts'
import type { Provisioning } from './provisioning.ts'
import { restoreDeleted, reactivate } from './restore-user.ts'
import { submitChange } from './submit-change.ts'

const AT_ONCE = 50
/** A removal that was restored by hand meanwhile. */
const NOTHING_TO_DO = 'nothing'

export interface RestoreOptions {
  /** Also those who would be admins of the org again. */
  readonly admins: boolean
}

/** What was brought back, and of whom that was not asked. */
export interface RestoreOutcome extends BatchOutcome {
  /** Admins of the org who stay as they are until that is asked for. */
  readonly admins: readonly UserId[]
}

/**
 * Brings back everybody a batch deactivated or deleted: members and explicit values exactly, what rules and licence give
 * as they give it today. Who cannot come back, for want of a seat or of the userName, is reported and can be tried again.
 * @throws DomainError `not-found`, `forbidden`
 */
export async function restoreBatch(
  provisioning: Provisioning,
  caller: Caller,
  id: BatchId,
  options: RestoreOptions,
): Promise<RestoreOutcome> {
  const removals = await beginRestore(provisioning, caller, id)
  const failed: FailedRemoval[] = []
  const admins: UserId[] = []
  let done = 0
  for (let start = 0; start < removals.length; start += AT_ONCE) {
    const slice = removals.slice(start, start + AT_ONCE)
    const results = await Promise.all(slice.map((removal) => restoreOne(provisioning, caller, removal, options)))
    results.forEach((result, index) => {
      const { user } = slice[index]!
      if (result === 'done') done += 1
      else if (result === 'admin') admins.push(user)
      else if (result !== NOTHING_TO_DO) failed.push({ user, reason: result })
    })
  }
  return { done, failed, admins }
}

function beginRestore(provisioning: Provisioning, caller: Caller, id: BatchId): Promise<readonly Removal[]> {
  const { orgId } = caller
  const intent = { action: 'breaker.restore', subject: id, targets: [{ type: 'batch', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const batch = await getBatch(stores, caller, id)
    const all = await stores.breaker.removals(orgId, id, ['done', 'allowed'], Number.MAX_SAFE_INTEGER)
    const removals = all.filter(({ act }) => act !== 'group')
    if (batch.mode === 'alert' && batch.state === 'open') await stores.breaker.decide(orgId, id, 'restored', stores.now)
    await stores.journal.append(orgId, {
      action: 'breaker.restore',
      actor: caller.actor,
      request: caller.request,
      outcome: { result: 'success', params: { removals: removals.length } },
      targets: [
        { type: 'batch', id },
        { type: 'connection', id: batch.connection },
      ],
    })
    return removals
  }).durable
}

async function restoreOne(
  { work }: Provisioning,
  caller: Caller,
  removal: Removal,
  options: RestoreOptions,
): Promise<string> {
  try {
    return await work.submit(caller.orgId, (stores) => bringBack(stores, caller, removal, options)).durable
  } catch (error) {
    if (!(error instanceof DomainError) || error.code === 'unavailable') throw error
    return error.message
  }
}

async function bringBack(
  stores: WriteStores,
  caller: Caller,
  { id, user: userId, act }: Removal,
  { admins }: RestoreOptions,
): Promise<'done' | 'admin' | typeof NOTHING_TO_DO> {
  const { orgId } = caller
  const live = await stores.users.find(orgId, userId)
  const user = live ?? (await stores.users.findDeleted(orgId, userId))?.user
  if (user === undefined) return NOTHING_TO_DO
  const isBack = act === 'delete' ? live !== undefined : live?.status === 'active'
  if (!isBack && !admins && (await isOrgAdmin(stores, orgId, { ...user, status: 'deactivated' }))) return 'admin'
  await stores.breaker.settle(orgId, [id], 'restored')
  if (isBack) return NOTHING_TO_DO
  if (live === undefined) await restoreDeleted(stores, caller, userId)
  else await reactivate(stores, caller, live)
  return 'done'
}
