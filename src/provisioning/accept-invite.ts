import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { Submitted } from '../domain/ports.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
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
    const { id, user: person } = await getUsable(stores, caller, secretHash)
    await stores.invites.close(orgId, id, 'accepted', stores.now)
    await stores.outbox.drop(orgId, person.id, 'invite')
    const after: User = { ...person, status: 'active', version: person.version + 1, updated: stores.now }
    await stores.users.update(orgId, person, after)
    const { effects } = await reconcileAsked(stores, orgId, [person.id], { products: [] })
    const actor = { type: 'user', id: person.id } as const
    const record = inviteRecord({ actor, request: caller.request }, 'invite.accept', { id, user: after })
    const changes = [{ path: 'status', old: 'pending', new: 'active' }]
    await stores.journal.append(orgId, { ...record, changes, effects })
    await equip(stores, after)
    return withEffects(after, effects)
  })
}

async function getUsable(stores: WriteStores, { orgId }: Caller, secretHash: Uint8Array) {
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
