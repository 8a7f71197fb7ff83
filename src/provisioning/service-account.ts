import type { AccessWish, AccountType } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { RecordTarget } from '../domain/record.ts'
import { emailsOf, type User, type UserAttributes } from '../domain/user.ts'
import type { WorkloadIdentity } from '../domain/workload.ts'
import type { NamedTeam, WriteStores } from '../domain/write-ports.ts'
import { adminNotGrantable, mayGrantAdmin } from './admin-guard.ts'
import { currentAccess } from './current-access.ts'
import type { GrantOutcome, Subject } from './grant-outcome.ts'
import { checkOwner } from './ownership.ts'
import { recognisedRoles, saysRoles } from './recognised-roles.ts'

const ACCOUNT_TYPES: readonly AccountType[] = ['USER', 'SERVICE', 'ORG_SERVICE']

/**
 * What kind of account is asked for; a person unless something else is said.
 * @throws DomainError `invalid-value`
 */
export function accountTypeOf(wishes: readonly AccessWish[]): AccountType {
  const said = new Set(wishes.flatMap((wish) => (wish.kind === 'account_type' ? [fold(wish.value)] : [])))
  const types = [...said].map((value) => ACCOUNT_TYPES.find((type) => fold(type) === value))
  const [type = 'USER', ...others] = types
  if (others.length > 0 || types.includes(undefined)) {
    throw invalid('accountType', `accountType must be one of ${ACCOUNT_TYPES.join(', ')}.`)
  }
  return type
}

/** The attributes a service account starts with: it is shown by its userName where it is given no other name. */
export function serviceAttributes(attributes: UserAttributes): UserAttributes {
  return attributes['displayName'] === undefined ? { ...attributes, displayName: attributes.userName } : attributes
}

/** A service account that is made. */
interface NewService {
  readonly account: User
  /** The person who answers for it. */
  readonly answering?: UserId
  readonly identity?: WorkloadIdentity | undefined
}

/**
 * Gives a new service account its default team, and further teams that are named beside it, as facts of origin
 * `service`: no operation on a group lists or ends them. It takes no seat and has no role but that of a member.
 * @throws DomainError `invalid-value` (no such team, seats, roles, addresses), `forbidden` (a team that another
 * connection manages, admin)
 */
export async function equipService(
  stores: WriteStores,
  caller: Caller,
  { account, answering, identity }: NewService,
  wishes: readonly AccessWish[],
): Promise<GrantOutcome> {
  const { orgId } = caller
  const owner = answering ?? (caller.actor.type === 'user' ? (caller.actor.id as UserId | undefined) : undefined)
  const [home, ...others] = await teamsOf(stores, caller, wishes)
  const teams = new Map([home, ...others].map((team) => [team.id, team]))
  await stores.services.insert(orgId, {
    user: account.id,
    scope: account.accountType === 'ORG_SERVICE' ? 'org' : 'team',
    defaultTeam: home.id,
    owner,
    identity,
  })
  for (const team of teams.keys()) await stores.members.add(orgId, team, [account.id], serviceFact(stores, caller))
  const outcome = await checkService(stores, caller, { before: undefined, after: account }, wishes)
  return {
    changes: [
      { path: 'accountType', new: account.accountType },
      { path: 'defaultTeam', new: { team: home.id, teamName: home.name } },
      { path: 'teams', added: [...teams.keys()] },
      ...(owner === undefined ? [] : [{ path: 'owner', new: owner }]),
      ...(identity === undefined ? [] : [{ path: 'identity', new: { ...identity } }]),
    ],
    targets: [...teams.values()].map((team): RecordTarget => ({ type: 'team', id: team.id, display: team.name })),
    steps: outcome.steps,
  }
}

/**
 * Refuses what no service account can have; what it has already may be said again.
 * @throws DomainError `invalid-value`, `mutability` (accountType, default team), `forbidden` (admin)
 */
export async function checkService(
  stores: WriteStores,
  caller: Caller,
  { before, after }: Subject,
  wishes: readonly AccessWish[],
): Promise<GrantOutcome> {
  if (emailsOf(after.attributes).length > 0) {
    throw invalid('emails', 'A service account has no e-mail address; leave emails out.')
  }
  const stated = wishes.filter((wish) => wish.kind === 'default_team' || !('value' in wish) || wish.value !== undefined)
  const asks = stated.some(({ kind }) => kind === 'team_role' || kind === 'join')
  const access = asks ? await currentAccess(stores, caller.orgId, { ...after, status: 'deactivated' }) : undefined
  const teams = new Set(access?.teamRoles.map(({ teamName }) => fold(teamName)))
  for (const wish of stated) {
    if (wish.kind === 'default_team') await checkDefaultTeam(stores, caller, after, wish.teamName)
    else if (!isHeld(wish, { before, after }, teams)) throw refusalOf(caller, wish)
  }
  if (!saysRoles(after.attributes)) return { changes: [], targets: [], steps: [] }
  const { recognisedRoles: names } = (await stores.orgs.policy(caller.orgId)).settings
  const roles = recognisedRoles(after.attributes, names)
  const isNew = roles.join() !== (before === undefined ? '' : recognisedRoles(before.attributes, names).join())
  const withheld = { name: 'withheld', attribute: 'roles', value: roles.join(' '), reason: 'account.service' }
  return { changes: [], targets: [], steps: isNew && roles.length > 0 ? [withheld] : [] }
}

/**
 * Makes the service accounts of the organization members of a team that SCIM makes or brings back.
 * @returns those that were not in it
 */
export async function joinOrgAccounts(
  stores: WriteStores,
  caller: Pick<Caller, 'orgId' | 'connection'>,
  team: GroupId,
): Promise<readonly UserId[]> {
  const accounts = await stores.services.ofOrg(caller.orgId)
  if (accounts.length === 0) return []
  return (await stores.members.add(caller.orgId, team, accounts, serviceFact(stores, caller))).people
}

function serviceFact({ now }: WriteStores, { connection }: Pick<Caller, 'connection'>) {
  return { origin: 'service', setBy: connection?.id, at: now } as const
}

/** The default team and then those named beside it. */
async function teamsOf(
  stores: WriteStores,
  caller: Caller,
  wishes: readonly AccessWish[],
): Promise<readonly [NamedTeam, ...NamedTeam[]]> {
  const homes = new Set(wishes.flatMap((wish) => (wish.kind === 'default_team' ? [wish.teamName] : [])))
  const [name, second] = homes
  if (name === undefined || second !== undefined) {
    throw invalid('defaultTeam', 'A service account needs one defaultTeam, the name of the team it belongs to.')
  }
  const home = await liveTeam(stores, caller, name, 'defaultTeam')
  const teams: NamedTeam[] = []
  for (const wish of wishes) {
    if (wish.kind === 'join') teams.push(await liveTeam(stores, caller, wish.teamName, 'teams'))
  }
  if (teams.length > 0 && !teams.some(({ id }) => id === home.id)) {
    throw invalid('teams', 'The teams of a service account must include its defaultTeam.')
  }
  return [home, ...teams]
}

async function liveTeam(stores: WriteStores, caller: Caller, name: string, path: string): Promise<NamedTeam> {
  const team = await stores.grants.teamNamed(caller.orgId, name)
  if (team === undefined || team.archived) {
    throw invalid(path, `There is no team ${JSON.stringify(name.slice(0, 80))} in this organization.`)
  }
  await checkOwner(stores, caller.orgId, caller, (await stores.groups.find(caller.orgId, team.id))?.owner)
  return team
}

async function checkDefaultTeam(stores: WriteStores, caller: Caller, account: User, name: string): Promise<void> {
  const [team, home] = [
    await stores.grants.teamNamed(caller.orgId, name),
    (await stores.services.find(caller.orgId, account.id))?.defaultTeam,
  ]
  if (team !== undefined && team.id === home) return
  throw new DomainError('mutability', 'defaultTeam is given when the service account is made.', {
    params: { path: 'defaultTeam' },
  })
}

type Stated = Exclude<AccessWish, { readonly kind: 'default_team' }>

/** Whether the account has already, or is given right now, what is stated. */
function isHeld(wish: Stated, { before, after }: Subject, teams: ReadonlySet<string>): boolean {
  switch (wish.kind) {
    case 'account_type':
      return fold(wish.value) === fold(after.accountType)
    case 'org_role':
      return fold(wish.value ?? '') === 'member'
    case 'team_role':
      return teams.has(fold(wish.teamName)) && fold(wish.value ?? '') === 'member'
    case 'join':
      return before === undefined || teams.has(fold(wish.teamName))
    case 'seat':
    case 'registry_role':
      return false
  }
}

function refusalOf(caller: Caller, wish: Stated): DomainError {
  switch (wish.kind) {
    case 'account_type':
      return accountTypeFixed()
    case 'seat':
      return invalid(`seats.${wish.product}`, 'A service account takes no seat; leave its seats out.')
    case 'org_role':
      if (fold(wish.value ?? '') === 'admin' && !mayGrantAdmin(caller)) return adminNotGrantable()
      return invalid('organizationRole', 'A service account is a member of the organization and has no other role.')
    case 'team_role':
      return invalid('teamRoles', 'A service account is a member of its teams and has no other role.')
    case 'registry_role':
      return invalid('registryRoles', 'A service account has no roles in registries.')
    case 'join':
      return invalid('teams', 'The teams of a service account are given when it is made.')
  }
}

/** The refusal to make another kind of account of one that is there. */
export function accountTypeFixed(): DomainError {
  return new DomainError('mutability', 'accountType is immutable: it is given when the account is made.', {
    params: { path: 'accountType' },
  })
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}
