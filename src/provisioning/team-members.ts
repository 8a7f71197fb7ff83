import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { MemberOrigin } from '../domain/group.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import type { RecordChange } from '../domain/record.ts'
import type { Team } from '../domain/team.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller, requireTeamAdmin } from './caller-right.ts'
import { recordGroupChange } from './group-record.ts'
import { joinTeam } from './join-team.ts'
import { checkMayInvite } from './may-invite.ts'
import { getPersonNamed } from './named-person.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { getActiveTeam, getGroup, managedTeam } from './team-lookup.ts'
import { peopleOf, teamIntent, teamRecord } from './team-record.ts'
import { checkCeiling, roleNames, teamRoleNamed } from './team-roles.ts'
import { userTarget } from './user-record.ts'

/** A person in a team, after the change. */
export interface TeamMemberState {
  readonly user: UserId
  /** Built-in, or the id of a custom role; undefined when the person is not active or not in the team. */
  readonly role: string | undefined
  readonly changed: boolean
}

export interface TeamMemberPlan {
  /** Id, userName or primary e-mail address. */
  readonly person: string
  /** The explicit role: a built-in one, or the name or id of a custom one. null takes an explicit role away. */
  readonly role?: string | null
}

/**
 * Adds a person of the org to a team by hand, with an explicit role if one is said; whoever is in it stays, and gets that
 * role. The team's admins may, and where the team says so its members, who give no role above their own.
 * @throws DomainError `not-found`, `forbidden`, `invalid-value` for nobody of the org, a team that an identity provider
 * manages, an unknown role
 */
export function addTeamMember(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  plan: TeamMemberPlan,
): Submitted<TeamMemberState> {
  return submitChange(provisioning, caller, teamIntent('member.add', id), async (stores) => {
    const team = await getActiveTeam(stores, caller.orgId, id)
    await checkMayInvite(stores, caller, team)
    const user = await getPersonNamed(stores, caller.orgId, plan.person)
    const joined = await joinTeam(stores, caller, user, { id, name: team.name, archived: false })
    // Whoever was in the team has a role that only its admins may change.
    if (plan.role !== undefined && !joined) await requireTeamAdmin(stores, caller, id)
    if (joined) await checkCeiling(stores, caller, id, team.defaultRole)
    const change = { team, user, joined, action: joined ? 'member.add' : 'member.update' }
    return setRole(provisioning, stores, caller, { ...change, role: plan.role })
  })
}

/**
 * Gives a member of a team an explicit role, or takes it away, which leaves what the team's default and the rules give.
 * @throws DomainError `not-found`, `forbidden`, `last-admin` for the team's last admin, `invalid-value`
 */
export function changeTeamMember(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  plan: TeamMemberPlan & { readonly successor?: string },
): Submitted<TeamMemberState> {
  return submitChange(provisioning, caller, teamIntent('member.update', id), async (stores) => {
    const team = await getActiveTeam(stores, caller.orgId, id)
    await requireTeamAdmin(stores, caller, id)
    const user = await getPersonNamed(stores, caller.orgId, plan.person)
    await checkIsMember(stores, caller, team, user)
    await handOver(stores, caller, team, plan.successor)
    if (plan.role !== 'admin') await checkNotLastTeamAdmin(stores, caller, team, user)
    const change = { team, user, joined: false, action: 'member.update' }
    return setRole(provisioning, stores, caller, { ...change, role: plan.role })
  })
}

/**
 * Ends a person's facts in a team that were stated by hand. People may leave a team themselves. Whom an identity
 * provider or a rule put there, it must let go of.
 * @throws DomainError `not-found`, `forbidden`, `last-admin` for the team's last admin, `invalid-value`
 */
export function removeTeamMember(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
  plan: { readonly person: string; readonly successor?: string },
): Submitted<TeamMemberState> {
  const { orgId } = caller
  return submitChange(provisioning, caller, teamIntent('member.remove', id), async (stores) => {
    const team = await getActiveTeam(stores, orgId, id)
    if (!(await isSelf(stores, caller, plan.person))) await requireTeamAdmin(stores, caller, id)
    const user = await getPersonNamed(stores, orgId, plan.person)
    if (!(await checkRemovable(stores, caller, team, user))) {
      provisioning.tally.noop(caller, 'member.remove', id)
      return { user: user.id, role: undefined, changed: false }
    }
    await handOver(stores, caller, team, plan.successor)
    await checkNotLastTeamAdmin(stores, caller, team, user)
    const { listed } = await stores.members.removePeople(orgId, id, [user.id])
    await bumpGroup(stores, caller, id, listed)
    await stores.users.touch(orgId, [user.id], stores.now)
    const record = teamRecord(caller, 'member.remove', team, [])
    await recordGroupChange(
      stores,
      { ...record, targets: [...record.targets, userTarget(user)] },
      peopleOf([user.id], { removed: [user.id] }),
    )
    return { user: user.id, role: await roleIn(stores, caller, team, user.id), changed: true }
  })
}

async function isSelf(stores: WriteStores, { account, orgId }: Caller, person: string): Promise<boolean> {
  const self = account?.user && (await stores.users.find(orgId, account.user))
  return self !== undefined && [self.id, fold(self.attributes.userName)].includes(fold(person))
}

interface RoleSetting {
  readonly team: Team
  readonly user: User
  readonly joined: boolean
  readonly action: string
  readonly role: string | null | undefined
}

async function setRole(
  provisioning: Provisioning,
  stores: WriteStores,
  caller: Caller,
  { team, user, joined, action, role }: RoleSetting,
): Promise<TeamMemberState> {
  const { orgId } = caller
  const change = role === undefined ? undefined : await explicitRole(stores, caller, { team, user, role })
  if (!joined && change === undefined) {
    provisioning.tally.noop(caller, action, team.id)
    return { user: user.id, role: await roleIn(stores, caller, team, user.id), changed: false }
  }
  if (!joined) await bumpGroup(stores, caller, team.id, 0)
  await stores.users.touch(orgId, [user.id], stores.now)
  const record = teamRecord(caller, action, team, change === undefined ? [] : [change])
  await recordGroupChange(
    stores,
    { ...record, targets: [...record.targets, userTarget(user)] },
    peopleOf([user.id], { added: joined ? [user.id] : [] }),
  )
  return { user: user.id, role: await roleIn(stores, caller, team, user.id), changed: true }
}

/** @returns what the record says of it; undefined where nothing changed */
async function explicitRole(
  stores: WriteStores,
  caller: Caller,
  { team, user, role }: { readonly team: Team; readonly user: User; readonly role: string | null },
): Promise<RecordChange | undefined> {
  const { orgId, actor } = caller
  const key = { kind: 'team_role', target: team.id } as const
  const value = role === null ? undefined : await teamRoleNamed(stores, orgId, role)
  if (value !== undefined) await checkCeiling(stores, caller, team.id, value)
  const former =
    value === undefined
      ? await stores.grants.clear(orgId, user.id, key)
      : await stores.grants.set(orgId, user.id, { ...key, value, setBy: actor.id, at: stores.now })
  if (former === value) return undefined
  const nameOf = await roleNames(
    stores,
    orgId,
    [former, value].filter((each) => each !== undefined),
  )
  const shown = (each: string) => ({
    ...{ teamName: team.name, roleName: nameOf(each) },
    ...(isBuiltInRole(each) ? {} : { role: each }),
  })
  return {
    path: 'teamRoles',
    ...(former === undefined ? {} : { old: shown(former) }),
    ...(value === undefined ? {} : { new: shown(value) }),
  }
}

async function roleIn(stores: WriteStores, { orgId }: Caller, team: Team, user: UserId): Promise<string | undefined> {
  return (await stores.access.held(orgId, [user])).get(user)?.memberships.get(team.id)?.role
}

async function bumpGroup(stores: WriteStores, { orgId }: Caller, id: GroupId, listed: number): Promise<void> {
  const group = await getGroup(stores, orgId, id)
  await stores.groups.update(orgId, {
    ...group,
    version: group.version + 1,
    updated: stores.now,
    memberCount: group.memberCount + listed,
  })
}

/** Who stated that a person is in the team, service facts aside. */
async function originsIn(
  stores: WriteStores,
  { orgId }: Caller,
  team: Team,
  user: User,
): Promise<readonly MemberOrigin[]> {
  const { people } = await stores.access.facts(orgId, [user.id])
  const members = people[0]?.members ?? []
  return members.flatMap(({ groupId, origin }) => (groupId === team.id && origin !== 'service' ? [origin] : []))
}

/** @throws DomainError `invalid-value` */
async function checkIsMember(stores: WriteStores, caller: Caller, team: Team, user: User): Promise<void> {
  if ((await originsIn(stores, caller, team, user)).length > 0) return
  if ((await roleIn(stores, caller, team, user.id)) !== undefined) return
  throw new DomainError('invalid-value', `This person is not in the team "${team.name}"; add them first.`, {
    reason: 'member.not-in-team',
    params: { path: 'person' },
  })
}

/**
 * Whether there is anything to end by hand.
 * @throws DomainError `invalid-value` for whom an identity provider or a rule put there
 */
async function checkRemovable(stores: WriteStores, caller: Caller, team: Team, user: User): Promise<boolean> {
  const origins = await originsIn(stores, caller, team, user)
  if (team.owner !== undefined && origins.some((origin) => origin === 'scim' || origin === 'claim')) {
    throw await managedTeam(stores, caller.orgId, team, 'remove the person from that group instead')
  }
  if (origins.length > 0) return true
  if ((await roleIn(stores, caller, team, user.id)) === undefined) return false
  throw new DomainError(
    'invalid-value',
    `This person is in the team "${team.name}" through a rule; change the rule, or take them out of the group it matches.`,
    { reason: 'member.ruled', params: { path: 'person' } },
  )
}

/**
 * Refuses to let the only admin of a team go by their own hand, so that nobody is left to run it.
 * @throws DomainError `last-admin`
 */
async function checkNotLastTeamAdmin(stores: WriteStores, caller: Caller, team: Team, user: User): Promise<void> {
  if (isOrgAdminCaller(caller) || caller.account?.user !== user.id) return
  const admins = await stores.teams.admins(caller.orgId, team.id)
  if (!admins.includes(user.id) || admins.length > 1) return
  throw new DomainError(
    'last-admin',
    `You are the last admin of the team "${team.name}"; name somebody else as its admin first, or with this change`,
    { reason: 'team.last-admin', params: { team: team.id } },
  )
}

/** Makes a member of the team its admin, in the same change. @throws DomainError `invalid-value` */
async function handOver(stores: WriteStores, caller: Caller, team: Team, successor: string | undefined): Promise<void> {
  if (successor === undefined) return
  const { orgId } = caller
  const user = await getPersonNamed(stores, orgId, successor)
  await checkIsMember(stores, caller, team, user)
  const change = await explicitRole(stores, caller, { team, user, role: 'admin' })
  if (change === undefined) return
  await stores.users.touch(orgId, [user.id], stores.now)
  const record = teamRecord(caller, 'member.update', team, [change])
  await recordGroupChange(stores, { ...record, targets: [...record.targets, userTarget(user)] }, peopleOf([user.id]))
}
