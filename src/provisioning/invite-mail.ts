import type { Caller } from '../domain/caller.ts'
import type { InviteId, OrgId } from '../domain/ids.ts'
import type { RecordDraft } from '../domain/record.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { userTarget } from './user-record.ts'

/** The secret of a link: its text stands in the mail alone, or is shown once. */
export interface InviteSecret {
  readonly text: string
  /** SHA-256 of the text, 32 bytes. */
  readonly secretHash: Uint8Array
  /** Epoch milliseconds. */
  readonly expires: number
}

/** For how long a link works where nobody says, in milliseconds. */
export const INVITE_MS = 7 * 86_400_000

/** Where the link of an invitation leads, below the public address. */
export function invitePath(text: string): string {
  return `/invite/${text}`
}

/**
 * Puts the mail with the link into the outbox.
 * @returns whether mail is sent here
 */
export async function sendInvite(
  stores: WriteStores,
  { orgId, account }: Caller,
  { person, secret }: { readonly person: User; readonly secret: InviteSecret },
): Promise<boolean> {
  const { text, expires } = secret
  const inviter = account?.user === undefined ? undefined : await stores.users.find(orgId, account.user)
  const by = inviter && nameOf(inviter)
  const org = await stores.orgs.name(orgId)
  const mail = await stores.outbox.add(orgId, {
    to: primaryEmail(person.attributes) ?? '',
    person: person.id,
    content: { kind: 'invite', org, link: invitePath(text), expires, ...(by === undefined ? {} : { by }) },
  })
  return mail !== undefined
}

function nameOf({ attributes }: User): string {
  const shown = attributes['displayName']
  return typeof shown === 'string' ? shown : attributes.userName
}

/**
 * An invitation is over: its link works no more, and mail that still waits is not sent. To be called wherever a pending
 * person stops being one, or has another address.
 */
export async function endInvites(stores: WriteStores, orgId: OrgId, user: User['id']): Promise<void> {
  await stores.invites.closeOf(orgId, user, 'ended', stores.now)
  await stores.outbox.drop(orgId, user, 'invite')
}

/** What a record says of an invitation. */
export function inviteRecord(
  { actor, request }: Pick<Caller, 'actor' | 'request'>,
  action: string,
  { id, user }: { readonly id: InviteId; readonly user: User },
  expires?: number,
): RecordDraft {
  return {
    ...{ action, actor, request, outcome: { result: 'success' } },
    targets: [{ type: 'invite', id }, userTarget(user)],
    ...(expires === undefined ? {} : { changes: [{ path: 'expires', new: expires }] }),
  }
}
