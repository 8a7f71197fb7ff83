import type { Caller } from '../domain/caller.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Team } from '../domain/team.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { wakingJobs } from './create-group.ts'
import { recordGroupChange } from './group-record.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { getGroup, noSuchTeam } from './team-lookup.ts'
import { peopleOf, teamIntent, teamRecord } from './team-record.ts'
import { peopleOfTeam } from './touched-people.ts'
import { checkVersion } from './version-check.ts'

export interface Archiving extends Pick<ChangeOptions, 'ifMatch'> {
  readonly archived: boolean
}

/**
 * Archives a team, or restores an archived one. Its group lives on: members are recorded meanwhile, none is derived, the
 * keys of its service accounts rest; restoring derives from the facts of that day.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`
 */
export function setTeamArchived(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  { archived, ifMatch }: Archiving,
): Submitted<Changed<Team>> {
  const { orgId } = caller
  const action = archived ? 'team.archive' : 'team.restore'
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, teamIntent(action, id), async (stores) => {
      const before = await stores.teams.find(orgId, id)
      if (before === undefined) throw noSuchTeam(id)
      requireOrgAdmin(caller)
      checkVersion(before.version, ifMatch)
      if ((before.archivedAt !== undefined) === archived) {
        provisioning.tally.noop(caller, action, id)
        return { value: before, changed: false }
      }
      const archivedAt = archived ? stores.now : undefined
      const after: Team = { ...before, archivedAt, version: before.version + 1, updated: stores.now }
      const { version, updated } = after
      await stores.groups.update(orgId, { ...(await getGroup(stores, orgId, id)), version, updated })
      await stores.groups.archiveTeam(orgId, id, archivedAt)
      const people = await peopleOfTeam(stores, orgId, id)
      await stores.users.touch(orgId, people, stores.now)
      const record = teamRecord(caller, action, after, [{ path: 'archived', old: !archived, new: archived }])
      if (await recordGroupChange(stores, record, peopleOf(people))) started()
      return { value: after, changed: true }
    }),
  )
}
