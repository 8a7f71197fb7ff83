import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { wakingJobs } from './create-group.ts'
import { groupTargets, recordGroupChange } from './group-record.ts'
import { checkMayDelete } from './ownership.ts'
import { checkGroupOpen } from './protected-group.ts'
import type { ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { peopleOfTeam } from './touched-people.ts'
import { checkVersion } from './version-check.ts'

/**
 * Deletes a group and archives its team (RFC 7644 §3.6). Soft: the facts stay for a restore, and derive nothing.
 * @throws DomainError `not-found`, `version-mismatch`, `forbidden`
 */
export function deleteGroup(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  options: ChangeOptions,
): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'group.delete', subject: id, targets: [{ type: 'group', id }] as const }
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      const group = await stores.groups.find(orgId, id)
      if (group === undefined) throw new DomainError('not-found', `Group ${id} not found`)
      checkVersion(group.version, options.ifMatch)
      await checkMayDelete(stores, orgId, caller, group.owner)
      await checkGroupOpen(stores, caller, group)
      const team = await stores.teams.find(orgId, id)
      const people = new Set(await peopleOfTeam(stores, orgId, id))
      await stores.groups.remove(orgId, id, stores.now)
      // One that an admin archived before stays archived when the group comes back.
      if (team?.archivedAt === undefined) await stores.groups.archiveTeam(orgId, id, stores.now)
      await stores.count(orgId, 'group', -1)
      await stores.users.touch(orgId, [...people], stores.now)
      const record = {
        orgId,
        action: 'group.delete',
        actor: caller.actor,
        request: caller.request,
        targets: groupTargets(group),
        changes: [],
      }
      const none = new Set<string>()
      if (await recordGroupChange(stores, record, { people, added: none, removed: none })) started()
    }),
  )
}
