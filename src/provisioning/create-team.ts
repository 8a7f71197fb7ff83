import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, newId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkTeamName, DEFAULT_TEAM_SETTINGS, type Team, type TeamSettings } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller } from './caller-right.ts'
import { checkNameFree } from './create-group.ts'
import { recordGroupChange } from './group-record.ts'
import { insertGroup } from './new-group.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { peopleOf, teamChanges, teamRecord } from './team-record.ts'
import { teamRoleNamed } from './team-roles.ts'

/** A team to be made by hand; what is absent has its default. `defaultRole` is a name or id. */
export interface TeamDraft extends Partial<TeamSettings> {
  readonly name: string
}

/**
 * Makes a team that no identity provider manages, with its group of the same id. Members of the org may where a setting
 * lets them, and are then admins of what they made.
 * @throws DomainError `forbidden`, `uniqueness` naming the holder, `invalid-value` for the name or an unknown role
 */
export function createTeam(provisioning: Provisioning, caller: Caller, draft: TeamDraft): Submitted<Team> {
  const { orgId } = caller
  const id = newId<GroupId>(caller.request.receivedAt)
  const intent = { action: 'team.create', subject: draft.name, targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const maker = await makerOf(stores, caller)
    if (draft.storage !== undefined && maker !== undefined) throw storageIsForOrgAdmins()
    checkTeamName(draft.name)
    await checkNameFree(stores, orgId, draft.name)
    const { name, ...stated } = draft
    const defaultRole = await teamRoleNamed(stores, orgId, stated.defaultRole ?? DEFAULT_TEAM_SETTINGS.defaultRole)
    const settings: TeamSettings = { ...DEFAULT_TEAM_SETTINGS, ...stated, defaultRole }
    const group = await insertGroup(stores, orgId, { id, displayName: name, owner: undefined, externalId: undefined })
    await stores.groups.insertTeam(orgId, id)
    await stores.teams.updateSettings(orgId, id, settings)
    if (maker !== undefined) await giveTo(stores, caller, id, maker)
    const memberCount = maker === undefined ? 0 : 1
    if (memberCount > 0) await stores.groups.update(orgId, { ...group, memberCount })
    const people = maker === undefined ? [] : [maker]
    await stores.users.touch(orgId, people, stores.now)
    const team = { id, name, ...settings }
    await recordGroupChange(
      stores,
      teamRecord(caller, 'team.create', team, teamChanges(undefined, team)),
      peopleOf(people, { added: people }),
    )
    const { ord, version, created, updated } = group
    const state = { owner: undefined, archivedAt: undefined, deletedAt: undefined }
    return { ...team, ord, version, created, updated, memberCount, ...state }
  })
}

/** The refusal to let anybody else say where a team keeps its files. */
export function storageIsForOrgAdmins(): DomainError {
  return new DomainError('forbidden', 'Only an organisation admin may set the storage bucket of a team', {
    reason: 'right.org-admin',
    params: { path: 'storageBucket' },
  })
}

/** The person who makes a team and will be its admin; undefined for admins of the org, who are in no team by that. */
async function makerOf(stores: WriteStores, caller: Caller): Promise<UserId | undefined> {
  if (isOrgAdminCaller(caller)) return undefined
  const { account, orgId } = caller
  const allowed = (await stores.orgs.policy(orgId)).settings.membersMayCreateTeams
  if (allowed && account?.user !== undefined && !account.isService) {
    const user = await stores.users.find(orgId, account.user)
    if (user?.orgRole === 'member') return user.id
  }
  throw new DomainError(
    'forbidden',
    'Only an organisation admin may make teams here; ask one, or ask them to let members make teams',
    { reason: 'team.not-allowed' },
  )
}

async function giveTo(stores: WriteStores, { orgId, actor }: Caller, team: GroupId, user: UserId): Promise<void> {
  const fact = { setBy: actor.id, at: stores.now }
  await stores.members.add(orgId, team, [user], { ...fact, origin: 'manual' })
  await stores.grants.set(orgId, user, { ...fact, kind: 'team_role', target: team, value: 'admin' })
}
