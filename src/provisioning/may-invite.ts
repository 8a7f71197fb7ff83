import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { Invite } from '../domain/invite.ts'
import type { Team } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { isOrgAdminCaller, requireTeamAdmin } from './caller-right.ts'

/**
 * Refuses to add people to a team to whoever is neither its admin nor, where the team says so, one of its members.
 * @throws DomainError `not-found` for a team the caller is not in, `forbidden`
 */
export async function checkMayInvite(stores: WriteStores, caller: Caller, team: Team): Promise<void> {
  const { account, orgId } = caller
  if (team.inviters === 'members' && account?.user !== undefined && !account.isService) {
    const held = (await stores.access.held(orgId, [account.user])).get(account.user)
    const role = held?.memberships.get(team.id)
    if (role !== undefined && role.role !== 'viewer') return
  }
  await requireTeamAdmin(stores, caller, team.id)
}

/**
 * The same for people who are not in the org yet, which the org may keep to its own admins.
 * @throws DomainError `not-found`, `forbidden`
 */
export async function checkMayInviteAnybody(stores: WriteStores, caller: Caller, team: Team): Promise<void> {
  await checkMayInvite(stores, caller, team)
  if (isOrgAdminCaller(caller) || (await stores.orgs.policy(caller.orgId)).settings.teamsMayInvite) return
  throw new DomainError(
    'forbidden',
    'Only organisation admins may invite people from outside the organisation here; ask one',
    { reason: 'invite.not-allowed' },
  )
}

/** Whether an invitation is the caller's to see, send again and take back: org admins', and of whoever invited. */
export function isInviter(caller: Caller, { by }: Pick<Invite, 'by'>): boolean {
  return isOrgAdminCaller(caller) || (by !== undefined && caller.account?.user === by)
}
