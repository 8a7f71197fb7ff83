import type { AccessWish, OrgRole } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { checkMailAddress } from '../domain/email.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { GroupId, InviteId } from '../domain/ids.ts'
import type { Invite } from '../domain/invite.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { createUser } from './create-user.ts'
import { inviteRecord, sendInvite, type InviteSecret } from './invite-mail.ts'
import { checkMayInviteAnybody } from './may-invite.ts'
import { newState } from './person-draft.ts'
import type { Provisioning } from './provisioning.ts'
import { getActiveTeam } from './team-lookup.ts'
import { checkCeiling, teamRoleNamed } from './team-roles.ts'

/** Whom to invite, and what they are to have once they arrive; what is absent is as rules and defaults say. */
export interface InviteDraft {
  readonly id: InviteId
  readonly email: string
  /** The address by default. */
  readonly userName?: string | undefined
  readonly displayName?: string | undefined
  readonly orgRole?: OrgRole | undefined
  /** Product → full | viewer | none. */
  readonly seats?: Readonly<Record<string, string>> | undefined
  /** The team that somebody who is no org admin invites to; they say nothing but a role in it. */
  readonly into?: { readonly team: GroupId; readonly role?: string | undefined } | undefined
  /** Teams by name, each with a role if one is said. */
  readonly teams?: readonly { readonly team: string; readonly role?: string | undefined }[] | undefined
  readonly secret: InviteSecret
}

/** An invitation that was made or sent again. */
export interface Invited {
  readonly invite: Invite
  readonly user: User
  /** Whether its link goes out by mail; if not, whoever invited must hand it on. */
  readonly mailed: boolean
}

/**
 * Invites somebody by their address: makes a pending person, who holds their seat but no access, with a link that works
 * once and for that address alone. The mail goes out with the change.
 * @throws DomainError `forbidden`, `invalid-value` for what is no plain address and for unknown teams or roles,
 * `uniqueness` where somebody has the address or name, `seat-limit`
 */
export async function invitePerson(provisioning: Provisioning, caller: Caller, draft: InviteDraft): Promise<Invited> {
  const { orgId } = caller
  const { email, userName = email, displayName } = draft
  checkMailAddress(email)
  const state = newState({ userName, email, displayName, orgRole: draft.orgRole, seats: draft.seats })
  const teams = (draft.teams ?? []).map(({ team, role }) =>
    role === undefined
      ? ({ kind: 'join', teamName: team } as const)
      : ({ kind: 'team_role', teamName: team, value: role } as const),
  )
  let made: Omit<Invited, 'user'> | undefined
  const user = await createUser(provisioning, caller, {
    ...state,
    isInvited: true,
    async prepare(stores) {
      if (draft.into !== undefined) {
        const wishes = await wishesInto(stores, caller, draft.into)
        await checkAddressFree(stores, caller, email)
        return { wishes }
      }
      requireOrgAdmin(caller)
      await checkAddressFree(stores, caller, email)
      return { wishes: [...(state.wishes ?? []), ...teams] }
    },
    async finish(stores, person) {
      made = await writeInvite(stores, caller, draft, person)
    },
  }).durable
  if (made === undefined) throw new Error('a person was invited without an invitation')
  return { ...made, user: { ...user, status: 'pending' } }

  async function writeInvite(stores: WriteStores, by: Caller, { id, secret }: InviteDraft, person: User) {
    const { secretHash, expires } = secret
    const invite = { id, user: person.id, by: by.account?.user, secretHash, address: fold(email), expires }
    await stores.invites.insert(orgId, invite, stores.now)
    await stores.journal.append(orgId, inviteRecord(by, 'invite.create', { id, user: person }, expires))
    const mailed = await sendInvite(stores, by, { person, secret })
    const { now } = stores
    return {
      invite: { id, user: person.id, state: 'pending', by: invite.by, created: now, sent: now, expires },
      mailed,
    } as const
  }
}

/**
 * What comes of an invitation into a team: the team, with a role not above the inviter's own, and in the org no more than
 * everybody gets.
 */
async function wishesInto(
  stores: WriteStores,
  caller: Caller,
  { team: id, role }: NonNullable<InviteDraft['into']>,
): Promise<readonly AccessWish[]> {
  const { orgId } = caller
  const team = await getActiveTeam(stores, orgId, id)
  await checkMayInviteAnybody(stores, caller, team)
  const given = role === undefined ? team.defaultRole : await teamRoleNamed(stores, orgId, role)
  await checkCeiling(stores, caller, id, given)
  const teamName = team.name
  return [role === undefined ? { kind: 'join', teamName } : { kind: 'team_role', teamName, value: role }]
}

/** One person an address: whoever has it is invited no more, but shown to who tried. */
async function checkAddressFree(stores: WriteStores, { orgId }: Caller, email: string): Promise<void> {
  const [id] = await stores.users.byPrimaryEmail(orgId, email)
  const holder = id === undefined ? undefined : await stores.users.find(orgId, id)
  if (holder === undefined) return
  const instead = {
    pending: 'was invited already; send the invitation again instead',
    active: 'is a member of the organisation already',
    deactivated: 'is deactivated; reactivate them instead',
  }[holder.status]
  throw new DomainError('uniqueness', `The person with this address (${holder.id}) ${instead}`, {
    reason: 'invite.known',
    params: { path: 'email', user: holder.id },
  })
}
