import type { Caller } from '../domain/caller.ts'
import { checkMailAddress } from '../domain/email.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { type InviteId, newId, type OrgId } from '../domain/ids.ts'
import type { Submitted, UnitOfWork } from '../domain/ports.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import type { Operation } from './found-org.ts'
import type { Invited } from './invite-person.ts'
import { inviteRecord, type InviteSecret, sendInvite } from './invite-mail.ts'
import { isInviter } from './may-invite.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcilePeople } from './reconcile-people.ts'
import { submitChange } from './submit-change.ts'

/** A mailbox is not filled by clicking. */
const AGAIN_MS = 60_000

/**
 * Sends an invitation again, with another link: the one before works no more.
 * @throws DomainError `not-found`, `forbidden` once the person has arrived or it is over, `too-soon` within a minute
 */
export function resendInvite(
  provisioning: Provisioning,
  caller: Caller,
  id: InviteId,
  secret: InviteSecret,
): Submitted<Invited> {
  return submitChange(provisioning, caller, intentOf('invite.resend', id), (stores) =>
    writeResent(stores, caller, id, secret),
  )
}

/** The same within a unit of work. */
export async function writeResent(
  stores: WriteStores,
  caller: Caller,
  id: InviteId,
  secret: InviteSecret,
): Promise<Invited> {
  const { orgId } = caller
  const { invite, user } = await getOpen(stores, caller, id)
  if (stores.now < invite.sent + AGAIN_MS) {
    throw new DomainError('too-soon', 'This invitation was sent less than a minute ago; wait a little', {
      reason: 'invite.too-soon',
      retryAfter: 60,
    })
  }
  const email = primaryEmail(user.attributes) ?? ''
  checkMailAddress(email)
  const { secretHash, expires } = secret
  await stores.outbox.drop(orgId, user.id, 'invite')
  await stores.invites.renew(orgId, id, { secretHash, expires, address: fold(email) }, stores.now)
  await stores.journal.append(orgId, inviteRecord(caller, 'invite.resend', { id, user }, expires))
  const mailed = await sendInvite(stores, caller, { person: user, secret })
  return { invite: { ...invite, state: 'pending', sent: stores.now, expires }, user, mailed }
}

/**
 * Takes an invitation back: the link works no more, the pending person is gone and their seat is free.
 * @throws DomainError `not-found`, `forbidden` once the person has arrived or it is over
 */
export function revokeInvite(provisioning: Provisioning, caller: Caller, id: InviteId): Submitted<void> {
  const { orgId } = caller
  return submitChange(provisioning, caller, intentOf('invite.revoke', id), async (stores) => {
    const { user } = await getOpen(stores, caller, id)
    await stores.invites.close(orgId, id, 'revoked', stores.now)
    await removePending(stores, caller, { id, user, action: 'invite.revoke' })
  })
}

/** An open invitation whose time is over: it ends, and the pending person with it. */
export async function expireInvite(work: UnitOfWork, orgId: OrgId, id: InviteId): Promise<void> {
  const receivedAt = Date.now()
  const request = { id: newId<string>(receivedAt), receivedAt, started: performance.now() }
  await work.submit(orgId, async (stores) => {
    const invite = await stores.invites.find(orgId, id)
    if (invite?.state !== 'pending' || invite.expires > stores.now) return
    const user = await stores.users.find(orgId, invite.user)
    const isPending = user?.status === 'pending'
    await stores.invites.close(orgId, id, isPending ? 'expired' : 'ended', stores.now)
    if (isPending) {
      await removePending(stores, { orgId, actor: { type: 'system' }, request }, { id, user, action: 'invite.expire' })
    }
  }).durable
}

function intentOf(action: string, id: InviteId) {
  return { action, subject: id, targets: [{ type: 'invite', id }] } as const
}

/** An invitation of somebody who has not arrived; whoever did not make it, and is no org admin, learns of none. */
async function getOpen(stores: WriteStores, caller: Caller, id: InviteId) {
  const { orgId } = caller
  const invite = await stores.invites.find(orgId, id)
  if (invite === undefined || !isInviter(caller, invite))
    throw new DomainError('not-found', `Invitation ${id} not found`)
  const user = await stores.users.find(orgId, invite.user)
  if (user?.status === 'pending') return { invite, user }
  const why = user === undefined ? 'is over; invite the person anew' : 'is over: the person has arrived'
  throw new DomainError('forbidden', `This invitation ${why}`, { reason: 'invite.over' })
}

interface Leaving {
  readonly id: InviteId
  readonly user: User
  readonly action: string
}

/** Nobody signed in as a pending person, so nothing keeps the address from being invited anew. */
async function removePending(
  stores: WriteStores,
  operation: Operation & { readonly orgId: OrgId },
  { id, user, action }: Leaving,
): Promise<void> {
  const { orgId } = operation
  await stores.users.remove(orgId, user.id, stores.now)
  await stores.count(orgId, 'user', -1)
  await stores.outbox.drop(orgId, user.id, 'invite')
  const effects = await reconcilePeople(stores, orgId, [user.id])
  await stores.journal.append(orgId, { ...inviteRecord(operation, action, { id, user }), effects })
}
