import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { checkTeamName, isSameTeam, type Inviters, type StorageBucket, type Team } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller, requireOrgAdmin, requireTeamAdmin } from './caller-right.ts'
import { checkNameFree, wakingJobs } from './create-group.ts'
import { storageIsForOrgAdmins } from './create-team.ts'
import { checkIsNoDefault } from './domain-team.ts'
import { recordGroupChange } from './group-record.ts'
import type { Changed, ChangeOptions, Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { getGroup, managedTeam, noSuchTeam } from './team-lookup.ts'
import { peopleOf, teamChanges, teamIntent, teamRecord } from './team-record.ts'
import { checkCeiling, teamRoleNamed } from './team-roles.ts'
import { checkVersion } from './version-check.ts'

/** What is to change of a team; absent stays as it is, `storage: null` takes the bucket away. */
export interface TeamPlan {
  readonly name?: string
  /** A built-in role, or the name or id of a custom one. */
  readonly defaultRole?: string
  readonly hidden?: boolean
  readonly inviters?: Inviters
  readonly joinable?: boolean
  readonly storage?: StorageBucket | null
}

export interface TeamChange extends Pick<ChangeOptions, 'ifMatch'> {
  readonly plan: TeamPlan
}

/**
 * Changes a team's settings, and its name where no identity provider manages it. Team admins may, but for the name and
 * the storage bucket, which are for admins of the org: by its name an identity provider may find and take the team. A
 * new default role reaches all who have no other.
 * @throws DomainError `not-found`, `forbidden`, `version-mismatch`, `uniqueness`, `invalid-value`
 */
export function changeTeam(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  { plan, ifMatch }: TeamChange,
): Submitted<Changed<Team>> {
  const { orgId } = caller
  return wakingJobs(provisioning, orgId, (started) =>
    submitChange(provisioning, caller, teamIntent('team.update', id), async (stores) => {
      const before = await stores.teams.find(orgId, id)
      if (before === undefined) throw noSuchTeam(id)
      await requireTeamAdmin(stores, caller, id)
      checkVersion(before.version, ifMatch)
      const after: Team = {
        ...(await planned(stores, caller, before, plan)),
        version: before.version + 1,
        updated: stores.now,
      }
      if (isSameTeam(before, after)) {
        provisioning.tally.noop(caller, 'team.update', id)
        return { value: before, changed: false }
      }
      const group = await getGroup(stores, orgId, id)
      const { version, updated } = after
      await stores.groups.update(orgId, { ...group, displayName: after.name, version, updated })
      await stores.teams.updateSettings(orgId, id, after)
      const people =
        before.defaultRole === after.defaultRole && before.name === after.name
          ? []
          : await stores.members.people(orgId, id)
      await stores.users.touch(orgId, people, stores.now)
      const record = teamRecord(caller, 'team.update', after, teamChanges(before, after))
      if (await recordGroupChange(stores, record, peopleOf(people))) started()
      return { value: after, changed: true }
    }),
  )
}

async function planned(stores: WriteStores, caller: Caller, before: Team, plan: TeamPlan): Promise<Team> {
  const { orgId } = caller
  const name = plan.name ?? before.name
  if (name !== before.name) await checkMayRename(stores, caller, before, name)
  const defaultRole =
    plan.defaultRole === undefined ? before.defaultRole : await teamRoleNamed(stores, orgId, plan.defaultRole)
  if (defaultRole !== before.defaultRole) {
    checkDefaultRole(defaultRole)
    await checkCeiling(stores, caller, before.id, defaultRole)
  }
  const storage = plan.storage === undefined ? before.storage : (plan.storage ?? undefined)
  if (JSON.stringify(storage) !== JSON.stringify(before.storage) && !isOrgAdminCaller(caller)) {
    throw storageIsForOrgAdmins()
  }
  return { ...before, name, defaultRole, storage, ...(await plannedOpenness(stores, orgId, before, plan)) }
}

async function plannedOpenness(
  stores: WriteStores,
  orgId: OrgId,
  before: Team,
  { hidden = before.hidden, inviters = before.inviters, joinable = before.joinable }: TeamPlan,
): Promise<Pick<Team, 'hidden' | 'inviters' | 'joinable'>> {
  if (before.joinable && !joinable) await checkIsNoDefault(stores, orgId, before)
  return { hidden, inviters, joinable }
}

/** Whoever is added would administer the team: that is said of one person at a time. */
export function checkDefaultRole(role: string): void {
  if (role !== 'admin') return
  throw new DomainError('invalid-value', 'defaultRole must not be admin: name the admins of a team one by one.', {
    params: { path: 'defaultRole' },
  })
}

async function checkMayRename(stores: WriteStores, caller: Caller, team: Team, name: string): Promise<void> {
  requireOrgAdmin(caller)
  checkTeamName(name)
  if (team.owner !== undefined) throw await managedTeam(stores, caller.orgId, team, 'rename that group instead')
  await checkNameFree(stores, caller.orgId, name, team.id)
}
