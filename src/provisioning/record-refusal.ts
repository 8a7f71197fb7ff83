import type { Caller } from '../domain/caller.ts'
import type { Provisioning } from './provisioning.ts'

/** A refusal that no use case made: the credential was good, and what it may do did not reach so far. */
export interface Refusal {
  /** `thing.verb`. */
  readonly action: string
  /** Stable machine reason; goes into the hashed record. */
  readonly reason: string
  readonly status: number
}

/**
 * Records a refusal before it is answered; the same one again within an hour is only counted.
 * @throws DomainError `unavailable` when it cannot be recorded: then 503 is the answer, not the refusal
 */
export async function recordRefusal(provisioning: Provisioning, caller: Caller, refusal: Refusal): Promise<void> {
  const { action, reason, status } = refusal
  const { tally, work } = provisioning
  const subject = caller.connection?.id ?? ''
  if (tally.repeated(caller, action, subject, reason)) return
  try {
    await work.submit(caller.orgId, (stores) =>
      stores.journal.append(caller.orgId, {
        action,
        actor: caller.actor,
        request: caller.request,
        outcome: { result: 'refused', status, reason },
        targets: [{ type: 'connection', id: subject }],
      }),
    ).durable
  } catch (error) {
    tally.forget(caller, action, subject, reason)
    throw error
  }
}
