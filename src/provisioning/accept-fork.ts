import type { OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Operation } from './found-org.ts'
import { operatorText } from './operator-text.ts'
import type { Provisioning } from './provisioning.ts'

/** Why and from where a chain is continued although another one went on from an earlier place of it. */
export interface ForkDecision {
  /** `log.fork` for an operator's word, `log.restore` for a backup that is put back. */
  readonly action: 'log.fork' | 'log.restore'
  /** The newest checkpoint of the branch that is given up, where one is known; `hash` in hex. */
  readonly lost: { readonly epoch: number; readonly seq: number; readonly hash: string } | undefined
  readonly reason: string
}

/**
 * Begins a new epoch of an org's chain with a record of why, so that whoever holds checkpoints of what was before sees
 * that it was given up knowingly.
 * @returns the epoch and seq of that record
 */
export function acceptFork(
  { work }: Pick<Provisioning, 'work'>,
  operation: Operation,
  orgId: OrgId,
  { action, lost, reason }: ForkDecision,
): Submitted<{ readonly seq: number }> {
  return work.submit(orgId, async ({ journal }) => {
    const after = journal.nextSeq(orgId) - 1
    journal.raiseEpoch(orgId)
    const { seq } = await journal.append(orgId, {
      action,
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success', params: { after, ...(lost === undefined ? {} : { lost }) } },
      targets: [{ type: 'org', id: orgId }],
      changes: [{ path: 'reason', new: operatorText(reason) }],
    })
    return { seq }
  })
}
