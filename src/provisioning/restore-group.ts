import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkTeamName, type Team } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { RESTORE_MS, wakingJobs } from './create-group.ts'
import { recordGroupChange } from './group-record.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { noSuchTeam } from './team-lookup.ts'
import { peopleOf, teamIntent, teamRecord } from './team-record.ts'
import { peopleOfTeam } from './touched-people.ts'

/**
 * Brings a deleted group and its team back within 30 days, under the same id and with the members and explicit roles it
 * had; whoever was deleted meanwhile is not among them. A team that was archived before stays archived.
 * @param name another name for it, needed where the old one is taken
 * @throws DomainError `not-found` when there is no such deleted group, or no longer; `forbidden`; `uniqueness` naming the
 * holder of the name
 */
export function restoreGroup(provisioning: Provisioning, caller: Caller, id: GroupId, name?: string): Submitted<Team> {
  const { orgId } = caller
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, teamIntent('team.restore', id), async (stores) => {
      requireOrgAdmin(caller)
      const deleted = await stores.teams.findDeleted(orgId, id)
      if (deleted?.deletedAt === undefined) throw noSuchTeam(id)
      if (deleted.deletedAt < stores.now - RESTORE_MS) throw tooLate(deleted)
      const restored = await revived(stores, caller, deleted, name ?? deleted.name)
      const people = await peopleOfTeam(stores, orgId, id)
      await stores.users.touch(orgId, people, stores.now)
      const changes = [
        { path: 'deleted', old: true, new: false },
        ...(restored.name === deleted.name ? [] : [{ path: 'name', old: deleted.name, new: restored.name }]),
      ]
      const record = teamRecord(caller, 'team.restore', restored, changes)
      if (await recordGroupChange(stores, record, peopleOf(people))) started()
      return restored
    }),
  )
}

async function revived(stores: WriteStores, { orgId }: Caller, deleted: Team, name: string): Promise<Team> {
  if (name !== deleted.name) checkTeamName(name)
  const holder = await stores.groups.nameHolder(orgId, name)
  if (holder !== undefined) {
    throw new DomainError('uniqueness', `The group ${holder} has this name by now; restore it under another one`, {
      reason: 'group.name-taken',
      params: { holder },
    })
  }
  const archivedAt = deleted.archivedAt === deleted.deletedAt ? undefined : deleted.archivedAt
  const restored: Team = {
    ...deleted,
    ...{ name, archivedAt, deletedAt: undefined, version: deleted.version + 1, updated: stores.now },
    memberCount: await stores.teams.countListed(orgId, deleted.id),
  }
  await stores.teams.undelete(orgId, restored)
  await stores.groups.archiveTeam(orgId, deleted.id, archivedAt)
  await stores.count(orgId, 'group', 1)
  return restored
}

function tooLate({ id, name }: Team): DomainError {
  return new DomainError(
    'not-found',
    `The group "${name}" (${id}) was deleted more than 30 days ago and cannot be restored`,
  )
}
