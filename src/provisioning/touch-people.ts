import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { RecordDraft, RecordEffect } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { startReconcileJob } from './reconcile-job.ts'
import { INLINE_PEOPLE, PEOPLE_PER_RECORD, reconcilePeople } from './reconcile-people.ts'

/**
 * Reconciles the people a change of rules or of the org's policy touches, and appends the record of the change with what came of it.
 * Up to 1,000 people are done at once, 500 a record. Above that the current org admins are, so that whatever the change
 * would do to the last of them is refused here and now; a job applies the rest.
 * @param people all whom the change may touch
 * @returns whether a job was started
 * @throws DomainError `last-admin`
 */
export async function recordWithPeople(
  stores: WriteStores,
  orgId: OrgId,
  draft: RecordDraft,
  people: readonly UserId[],
): Promise<boolean> {
  const inline = people.length <= INLINE_PEOPLE
  const now = inline ? people : await adminsAmong(stores, orgId, people)
  let cause: { readonly id: RecordId; readonly seq: number } | undefined
  for (let start = 0; start === 0 || start < now.length; start += PEOPLE_PER_RECORD) {
    const effects = await reconcilePeople(stores, orgId, now.slice(start, start + PEOPLE_PER_RECORD))
    await stores.users.touch(orgId, peopleOf(effects), stores.now)
    if (cause === undefined) cause = await stores.journal.append(orgId, { ...draft, effects })
    else if (effects.length > 0) await stores.journal.append(orgId, appliedLater(draft, cause.id, effects))
  }
  if (inline || cause === undefined) return false
  await startReconcileJob(stores, orgId, { reason: draft.action, cause, people })
  return true
}

/** Those of the people who are active admins of the org. */
export async function adminsAmong(
  stores: WriteStores,
  orgId: OrgId,
  people: readonly UserId[],
): Promise<readonly UserId[]> {
  const touched = new Set(people)
  return (await stores.access.admins(orgId)).filter((id) => touched.has(id))
}

function appliedLater(draft: RecordDraft, cause: RecordId, effects: readonly RecordEffect[]): RecordDraft {
  const { actor, targets, action } = draft
  return { action: 'access.apply', actor, outcome: { result: 'success', reason: action }, cause, targets, effects }
}

function peopleOf(effects: readonly RecordEffect[]): readonly UserId[] {
  return [...new Set(effects.flatMap((effect) => effect.people))]
}
