import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Group } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { groupTargets } from './group-record.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { checkVersion } from './version-check.ts'

export interface GroupMark extends Pick<ChangeOptions, 'ifMatch'> {
  readonly protected: boolean
}

/**
 * Marks a group as protected, or ends that: whatever rules say of it, only connections that may grant admin can then
 * change or delete it.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`
 */
export function markGroup(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  mark: GroupMark,
): Submitted<Changed<Group>> {
  const { orgId, actor, request } = caller
  const intent = { action: 'group.update', subject: id, targets: [{ type: 'group', id }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    const before = await stores.groups.find(orgId, id)
    if (before === undefined) throw new DomainError('not-found', `Group ${id} not found`)
    checkVersion(before.version, mark.ifMatch)
    if (before.markedProtected === mark.protected) {
      provisioning.tally.noop(caller, intent.action, id)
      return { value: before, changed: false }
    }
    const version = before.version + 1
    const after: Group = { ...before, markedProtected: mark.protected, version, updated: stores.now }
    await stores.groups.update(orgId, after)
    await stores.journal.append(orgId, {
      ...{ action: intent.action, actor, request, outcome: { result: 'success' } },
      targets: groupTargets(after),
      changes: [{ path: 'protected', old: before.markedProtected, new: mark.protected }],
    })
    return { value: after, changed: true }
  })
}
