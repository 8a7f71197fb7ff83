import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { InviteId, OrgId, RecordId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { Operation } from './found-org.ts'
import { inviteRecord } from './invite-mail.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcileAsked, withEffects } from './reconcile-people.ts'
import { submitChange } from './submit-change.ts'

export interface InviteAcceptance {
  /** SHA-256 of the secret of the link, 32 bytes. */
  readonly secretHash: Uint8Array
  /** Gives the person their way in, in the same unit of work; may refuse. */
  readonly equip: (stores: WriteStores, person: User) => Promise<void>
}

/**
 * Uses the link of an invitation up: the pending person is active from now on, with what the invitation says and what
 * rules and defaults give. Of two uses at once one counts.
 * @throws DomainError `forbidden` for a link that was used, taken back, replaced or is over, or where the person has
 * arrived another way or has another address now; `seat-limit`
 */
export function acceptInvite(
  provisioning: Provisioning,
  caller: Caller,
  { secretHash, equip }: InviteAcceptance,
): Submitted<User> {
  const { orgId } = caller
  const intent = { action: 'invite.accept', subject: '', targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const found = await getUsableInvite(stores, orgId, secretHash)
    const actor = { type: 'user', id: found.user.id } as const
    const { arrived, activated } = await arrive(stores, { orgId, actor, request: caller.request }, found)
    await equip(stores, activated)
    return arrived
  })
}

/** An invitation that somebody may come with. */
export interface UsableInvite {
  readonly id: InviteId
  /** Pending. */
  readonly user: User
}

/**
 * Makes an invited person active, with what the invitation says and what rules and defaults give.
 * @returns them, with and without the org role that came of it
 */
export async function arrive(
  stores: WriteStores,
  { orgId, ...operation }: Operation & Pick<Caller, 'orgId'>,
  { id, user }: UsableInvite,
  cause?: RecordId,
): Promise<{ readonly arrived: User; readonly activated: User }> {
  await stores.invites.close(orgId, id, 'accepted', stores.now)
  await stores.outbox.drop(orgId, user.id, 'invite')
  const activated: User = { ...user, status: 'active', version: user.version + 1, updated: stores.now }
  await stores.users.update(orgId, user, activated)
  const { effects } = await reconcileAsked(stores, orgId, [user.id], { products: [] })
  const record = inviteRecord(operation, 'invite.accept', { id, user: activated })
  const changes = [{ path: 'status', old: 'pending', new: 'active' }]
  await stores.journal.append(orgId, { ...record, changes, effects, ...(cause === undefined ? {} : { cause }) })
  return { arrived: withEffects(activated, effects), activated }
}

/**
 * The invitation of a link, as long as it may be used.
 * @throws DomainError `forbidden`
 */
export async function getUsableInvite(
  stores: WriteStores,
  orgId: OrgId,
  secretHash: Uint8Array,
): Promise<UsableInvite> {
  const invite = await stores.invites.byHash(orgId, secretHash)
  const user = invite && (await stores.users.find(orgId, invite.user))
  if (invite?.state !== 'pending' || invite.expires <= stores.now || user?.status !== 'pending') throw inviteOver()
  if (fold(primaryEmail(user.attributes) ?? '') !== invite.address) throw inviteOver()
  return { id: invite.id, user }
}

/** The refusal of a link that works no more. Which reason it has is nobody's to know but its owner's. */
export function inviteOver(): DomainError {
  return new DomainError(
    'forbidden',
    'This invitation was used already, taken back, replaced by a newer one, or is over. Sign in if you have been here ' +
      'before; otherwise ask whoever invited you for another one',
    { reason: 'invite.over' },
  )
}
