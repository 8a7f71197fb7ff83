import type { Caller } from '../domain/caller.ts'
import { ERROR_STATUS } from '../domain/error-status.ts'
import { DomainError, REFUSALS } from '../domain/errors.ts'
import type { Submitted } from '../domain/ports.ts'
import type { RecordDraft, RecordTarget } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { mailLastAdmin } from './mail-admins.ts'
import type { Provisioning } from './provisioning.ts'

/** What a request set out to do, for the record of its refusal. */
export interface Intent {
  /** `thing.verb`, e.g. `user.update`. */
  readonly action: string
  /** The object's id, or what the request named where there is no id yet; never recorded itself. */
  readonly subject: string
  readonly targets: readonly RecordTarget[]
  /** Further writes that go with the refusal, in its transaction. */
  readonly afterRefusal?: (stores: WriteStores, error: DomainError) => Promise<void>
}

/**
 * Queues a unit of work whose refusal by the domain (403, 409, 412) is recorded: the unit is rolled back, its refusal is
 * written in the same batch, and the answer waits for both. The same refusal again within an hour is only counted.
 */
export function submitChange<T>(
  provisioning: Provisioning,
  caller: Caller,
  intent: Intent,
  unit: (stores: WriteStores) => Promise<T>,
): Submitted<T> {
  const { work, tally } = provisioning
  const { action, subject } = intent
  let recorded: DomainError | undefined
  const submitted = work.submit(caller.orgId, unit, async (stores, error) => {
    if (!(error instanceof DomainError) || !REFUSALS.has(error.code)) return
    await intent.afterRefusal?.(stores, error)
    if (tally.repeated(caller, action, subject, error.reason)) return
    recorded = error
    await stores.journal.append(caller.orgId, refusalOf(caller, intent, error))
    await mailLastAdmin(stores, caller, error)
  })
  submitted.durable.catch((error: unknown) => {
    // Something else than the refusal: its record was lost with it, and the next one is the first again.
    if (recorded !== undefined && error !== recorded) tally.forget(caller, action, subject, recorded.reason)
  })
  return submitted
}

function refusalOf(caller: Caller, intent: Intent, error: DomainError): RecordDraft {
  return {
    action: intent.action,
    actor: caller.actor,
    request: caller.request,
    outcome: {
      result: error.code === 'held' ? 'staged' : 'refused',
      status: ERROR_STATUS[error.code],
      reason: error.reason,
      ...(error.params === undefined ? {} : { params: error.params }),
    },
    targets: intent.targets,
  }
}
