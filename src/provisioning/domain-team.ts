import { domainOf } from '../domain/email.ts'
import { DomainError } from '../domain/errors.ts'
import { type GroupId, isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { Caller } from '../domain/caller.ts'
import type { DomainClaim } from '../domain/domain-claim.ts'
import type { ReadStores, Submitted } from '../domain/ports.ts'
import type { RecordTarget } from '../domain/record.ts'
import type { Team } from '../domain/team.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { recordGroupChange } from './group-record.ts'
import type { Provisioning } from './provisioning.ts'
import { submitChange } from './submit-change.ts'
import { getGroup, managedTeam, noSuchTeam } from './team-lookup.ts'
import { peopleOf, teamIntent, teamRecord, teamTargets } from './team-record.ts'
import { userTarget } from './user-record.ts'

/*
 * Teams that people join by the domain of their address: the default team of a domain, and those that are open to all
 * people with an address of one of the org's proved domains.
 */

/** A live team by id, or by name in any case. @throws DomainError `invalid-value` */
export async function domainTeamNamed(stores: WriteStores, orgId: OrgId, said: string): Promise<Team> {
  const id = isId(said) ? (said as GroupId) : (await stores.grants.teamNamed(orgId, said))?.id
  const team = id === undefined ? undefined : await stores.teams.find(orgId, id)
  if (team !== undefined) return team
  throw new DomainError('invalid-value', `team: there is no team ${JSON.stringify(said.slice(0, 80))}`, {
    params: { path: 'team' },
  })
}

/** @throws DomainError `conflict` for a team that people may not join by themselves */
export function checkMayBeDefault(team: Team): void {
  if (isOpen(team)) return
  const why =
    team.owner !== undefined
      ? 'it is managed by a group of an identity provider'
      : team.archivedAt !== undefined
        ? 'it is archived; restore it first'
        : 'people with a matching domain may not join it; make it joinable first'
  throw new DomainError('conflict', `The team "${team.name}" can be no domain's default team: ${why}`, {
    reason: 'domain.team-closed',
    params: { path: 'team', team: team.id },
  })
}

/** @throws DomainError `conflict` where the team is a domain's default, which asks that people may join it */
export async function checkIsNoDefault(stores: WriteStores, orgId: OrgId, team: Team): Promise<void> {
  const domains = await stores.domains.ofTeam(orgId, team.id)
  if (domains.length === 0) return
  throw new DomainError(
    'conflict',
    `The team "${team.name}" is the default team of ${domains.join(', ')}, so people must be able to join it; give the ` +
      'domain another team or none first',
    { reason: 'team.domain-default', params: { path: 'joinable', domains } },
  )
}

/** Whether people may join a team by themselves, as it stands. */
function isOpen({ joinable, archivedAt, owner, deletedAt }: Team): boolean {
  return joinable && archivedAt === undefined && deletedAt === undefined && owner === undefined
}

/**
 * Puts a person who is made at their first sign-in into the default team of their domain, as far as that may be joined.
 * @returns the team, as the record names it
 */
export async function joinDefaultTeam(
  stores: WriteStores,
  orgId: OrgId,
  user: UserId,
  { team: id, domain }: DomainClaim,
): Promise<readonly RecordTarget[]> {
  const team = id === undefined ? undefined : await stores.teams.find(orgId, id)
  if (team === undefined || !isOpen(team)) return []
  await addByDomain(stores, orgId, team, { user, setBy: domain })
  return teamTargets(team)
}

async function addByDomain(
  stores: WriteStores,
  orgId: OrgId,
  { id }: Team,
  { user, setBy }: { readonly user: UserId; readonly setBy: string },
): Promise<void> {
  const { listed } = await stores.members.add(orgId, id, [user], { origin: 'domain', setBy, at: stores.now })
  const group = await getGroup(stores, orgId, id)
  const { version, memberCount } = group
  const after = { version: version + 1, updated: stores.now, memberCount: memberCount + listed }
  await stores.groups.update(orgId, { ...group, ...after })
}

/** Most teams that are shown at once to somebody who may join them. */
const MOST_SHOWN = 200

/** Teams that a person may join by the domain of their address, and is not in yet; none where that domain is not proved. */
export async function joinableTeams(
  reads: Pick<ReadStores, 'users' | 'teams' | 'domains'>,
  orgId: OrgId,
  id: UserId,
): Promise<readonly Team[]> {
  const user = await reads.users.find(orgId, id)
  const domain = user && domainOfPerson(user)
  if (domain === undefined) return []
  if ((await reads.domains.find(orgId, domain))?.provedAt === undefined) return []
  return reads.teams.page(orgId, { openTo: id, limit: MOST_SHOWN })
}

function domainOfPerson({ attributes, accountType, status }: User): string | undefined {
  if (accountType !== 'USER' || status !== 'active') return undefined
  return domainOf(primaryEmail(attributes) ?? '')
}

/**
 * A person joins a team that is open to people of their domain.
 * @returns whether they were not in it before
 * @throws DomainError `not-found` for a team that is not shown to them, `forbidden` for whoever has no address of a proved
 * domain, `invalid-value` for a team that an identity provider manages
 */
export function joinByDomain(
  provisioning: Provisioning,
  caller: Caller,
  id: GroupId,
): Submitted<{ readonly team: Team; readonly joined: boolean }> {
  const { orgId, account } = caller
  return submitChange(provisioning, caller, teamIntent('member.add', id), async (stores) => {
    const team = await stores.teams.find(orgId, id)
    if (team === undefined) throw noSuchTeam(id)
    const user = account?.user === undefined ? undefined : await stores.users.find(orgId, account.user)
    if (user === undefined) throw onlyPeople()
    if ((await stores.access.held(orgId, [user.id])).get(user.id)?.memberships.has(id) === true) {
      provisioning.tally.noop(caller, 'member.add', id)
      return { team, joined: false }
    }
    if (!isShown(team)) throw noSuchTeam(id)
    await checkProved(stores, orgId, user)
    if (team.owner !== undefined) throw await managedTeam(stores, orgId, team, 'ask to be added to that group')
    await addByDomain(stores, orgId, team, { user: user.id, setBy: user.id })
    await stores.users.touch(orgId, [user.id], stores.now)
    const record = teamRecord(caller, 'member.add', team, [])
    const targets = [...record.targets, userTarget(user)]
    await recordGroupChange(stores, { ...record, targets }, peopleOf([user.id], { added: [user.id] }))
    return { team, joined: true }
  })
}

/** To who is not in it, a team that is hidden, archived or not to be joined is not there. */
function isShown({ joinable, hidden, archivedAt }: Team): boolean {
  return joinable && !hidden && archivedAt === undefined
}

async function checkProved(stores: WriteStores, orgId: OrgId, user: User): Promise<void> {
  const domain = domainOfPerson(user)
  const claim = domain === undefined ? undefined : await stores.domains.find(orgId, domain)
  if (claim?.provedAt !== undefined) return
  throw new DomainError(
    'forbidden',
    'Only people with an address of a domain that the organisation has proved may join teams by themselves; ask an ' +
      'admin of the team to add you',
    { reason: 'team.other-domain' },
  )
}

function onlyPeople(): DomainError {
  return new DomainError('forbidden', 'Only people join teams by themselves; use a key of the person, or add them', {
    reason: 'right.person',
  })
}
