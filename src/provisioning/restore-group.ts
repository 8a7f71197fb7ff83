import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Group, StoredGroup } from '../domain/group.ts'
import type { GroupId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkTeamName, type Team } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { insertTeamOf, RESTORE_MS, wakingJobs } from './create-group.ts'
import { groupTargets, recordGroupChange } from './group-record.ts'
import type { Provisioning } from './provisioning.ts'
import { joinOrgAccounts } from './service-account.ts'
import { submitChange } from './submit-change.ts'
import { noSuchTeam } from './team-lookup.ts'
import { peopleOf } from './team-record.ts'
import { peopleOfTeam } from './touched-people.ts'

export interface RestoreOptions {
  /** Another name, needed where the old one is taken. */
  readonly name?: string
  /** Only a group that had a team is meant. */
  readonly asTeam?: boolean
}

export interface RestoredGroup {
  readonly group: Group
  /** Undefined where the group had none, and gets none today. */
  readonly team: Team | undefined
}

/**
 * Brings a deleted group back within 30 days, with its team if it had one: under the same id, with the members and
 * explicit roles it had, in the groups that it was nested in; who and what was deleted meanwhile is not among them. A
 * team that was archived before stays archived.
 * @throws DomainError `not-found` when there is no such deleted group, or no longer; `forbidden`; `uniqueness` naming the
 * holder of the name
 */
export function restoreGroup(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  { name, asTeam = false }: RestoreOptions = {},
): Submitted<RestoredGroup> {
  const { orgId, actor, request } = caller
  const intent = { action: 'team.restore', subject: id, targets: [{ type: 'group', id }] } as const
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, intent, async (stores) => {
      requireOrgAdmin(caller)
      const gone = await stores.groups.findGone(orgId, id)
      if (gone === undefined || (asTeam && !gone.group.hasTeam)) throw asTeam ? noSuchTeam(id) : noSuchGroup(id)
      if (gone.at < stores.now - RESTORE_MS) throw tooLate(gone.group)
      const before = gone.group
      const { group, nestedIn, hasTeam } = await revived(stores, caller, before, name ?? before.displayName)
      const people = await peopleOfTeam(stores, orgId, id)
      await stores.users.touch(orgId, people, stores.now)
      const renamed = group.displayName !== before.displayName
      const changes = [
        { path: 'deleted', old: true, new: false },
        ...(renamed ? [{ path: 'name', old: before.displayName, new: group.displayName }] : []),
        ...(nestedIn.length === 0 ? [] : [{ path: 'nestedIn', added: nestedIn }]),
      ]
      const action = before.hasTeam ? 'team.restore' : 'group.restore'
      const record = { orgId, action, actor, request, targets: groupTargets(group, hasTeam), changes }
      if (await recordGroupChange(stores, record, peopleOf(people))) started()
      return { group, team: await stores.teams.find(orgId, id) }
    }),
  )
}

interface Revived {
  readonly group: Group
  readonly nestedIn: readonly GroupId[]
  readonly hasTeam: boolean
}

async function revived(stores: WriteStores, caller: Caller, gone: StoredGroup, name: string): Promise<Revived> {
  const { orgId } = caller
  const { hasTeam: hadTeam, ...before } = gone
  if (name !== before.displayName) checkTeamName(name)
  const holder = await stores.groups.nameHolder(orgId, name)
  if (holder !== undefined) {
    throw new DomainError('uniqueness', `The group ${holder} has this name by now; restore it under another one`, {
      reason: 'group.name-taken',
      params: { holder },
    })
  }
  const team = await stores.teams.findDeleted(orgId, gone.id)
  const nestedIn = await stores.groups.nestAgain(orgId, gone.id, stores.now)
  const group: Group = {
    ...before,
    ...{ displayName: name, version: before.version + 1, updated: stores.now },
    memberCount: await stores.teams.countListed(orgId, gone.id),
  }
  await stores.teams.undelete(orgId, group)
  await stores.groups.archiveTeam(orgId, gone.id, team?.archivedAt === team?.deletedAt ? undefined : team?.archivedAt)
  await stores.count(orgId, 'group', 1)
  const hasTeam = hadTeam || (await insertTeamOf(stores, orgId, group))
  if (hasTeam && !hadTeam) await joinOrgAccounts(stores, caller, gone.id)
  return { group, nestedIn, hasTeam }
}

function noSuchGroup(id: GroupId): DomainError {
  return new DomainError('not-found', `There is no deleted group ${id}`)
}

function tooLate({ id, displayName }: Group): DomainError {
  return new DomainError(
    'not-found',
    `The group "${displayName}" (${id}) was deleted more than 30 days ago and cannot be restored`,
  )
}
