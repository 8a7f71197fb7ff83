import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/*
 * What a caller of the admin API may do. A caller without an account and without a connection is the local operator or
 * a job of ours, who may do everything; a SCIM connection may do here what an administrator trusted it with.
 */

/** Whether the caller has the right of an org admin. */
export function isOrgAdminCaller({ account, connection }: Caller): boolean {
  if (account !== undefined) return account.isOrgAdmin
  return connection === undefined || connection.mayGrantAdmin
}

/**
 * Refuses whoever is no org admin.
 * @throws DomainError `forbidden`
 */
export function requireOrgAdmin(caller: Caller): void {
  if (isOrgAdminCaller(caller)) return
  throw new DomainError('forbidden', 'Only an organisation admin may do this; ask one, or use an admin key', {
    reason: 'right.org-admin',
  })
}

/**
 * Refuses whoever is neither an org admin nor an admin of the team, as it stands in this unit of work.
 * @throws DomainError `not-found` for a team the caller is not in, `forbidden` for one they do not administer
 */
export async function requireTeamAdmin(
  stores: Pick<WriteStores, 'access'>,
  caller: Caller,
  team: GroupId,
): Promise<void> {
  if (isOrgAdminCaller(caller)) return
  const user = caller.account?.user
  const held = user === undefined ? undefined : (await stores.access.held(caller.orgId, [user])).get(user)
  checkTeamAdmin(team, held?.memberships.get(team)?.role)
}

/**
 * The same for a request that only reads, or as a first look before a unit of work that looks again.
 * @throws DomainError as {@link requireTeamAdmin}
 */
export async function checkTeamAdminNow(
  reads: Pick<ReadStores, 'memberships'>,
  caller: Caller,
  team: GroupId,
): Promise<void> {
  if (isOrgAdminCaller(caller)) return
  checkTeamAdmin(team, await baseRoleOf(reads, caller, team))
}

/** Whether the caller reads everything of the org: its admins and auditors. */
export function mayReadOrg(caller: Caller): boolean {
  return isOrgAdminCaller(caller) || caller.account?.isAuditor === true
}

/**
 * Refuses whoever may not read everything of the org.
 * @throws DomainError `forbidden`
 */
export function requireOrgReader(caller: Caller): void {
  if (mayReadOrg(caller)) return
  throw new DomainError('forbidden', 'Only an organisation admin or an auditor may read this', {
    reason: 'right.org-reader',
  })
}

/**
 * Refuses to show a team to whoever is not in it and does not read the whole org: to them it is as if there were none.
 * @throws DomainError `not-found`
 */
export async function requireTeamReader(
  reads: Pick<ReadStores, 'memberships'>,
  caller: Caller,
  team: GroupId,
): Promise<void> {
  if (mayReadOrg(caller) || (await baseRoleOf(reads, caller, team)) !== undefined) return
  throw noSuchTeam(team)
}

/**
 * Refuses to show a person to anybody but themself, whom a service account calls for, and those who read the whole org.
 * @throws DomainError `not-found`
 */
export function requirePersonReader(caller: Caller, person: UserId): void {
  if (mayReadOrg(caller) || caller.account?.user === person) return
  throw new DomainError('not-found', `User ${person} not found`)
}

async function baseRoleOf(
  reads: Pick<ReadStores, 'memberships'>,
  { orgId, account }: Caller,
  team: GroupId,
): Promise<string | undefined> {
  return account?.user === undefined ? undefined : reads.memberships.baseRoleIn(orgId, account.user, team)
}

/** Somebody outside a team learns nothing of it, not even that it is there. */
function checkTeamAdmin(team: GroupId, role: string | undefined): void {
  if (role === 'admin') return
  if (role === undefined) throw noSuchTeam(team)
  throw new DomainError('forbidden', 'Only an admin of this team, or an organisation admin, may do this', {
    reason: 'right.team-admin',
  })
}

function noSuchTeam(team: GroupId): DomainError {
  return new DomainError('not-found', `Team ${team} not found`)
}
