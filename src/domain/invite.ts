import type { InviteId, OrgId, UserId } from './ids.ts'
import type { UserAttributes, UserStatus } from './user.ts'

/** `ended`: the person came another way, or has another address now. */
export type InviteState = 'pending' | 'accepted' | 'ended' | 'revoked' | 'expired'

/** An invitation of a person, who is pending until they arrive. Times are epoch milliseconds. */
export interface Invite {
  readonly id: InviteId
  readonly user: UserId
  readonly state: InviteState
  /** The person who invited, if one did. */
  readonly by: string | undefined
  readonly created: number
  /** When it was last sent, or its link shown. */
  readonly sent: number
  readonly expires: number
}

/** An invitation with the person as they are now. */
export interface ListedInvite extends Invite {
  readonly status: UserStatus | 'deleted'
  readonly attributes: UserAttributes
}

/** Its link, as the store keeps it. */
export interface InviteLink {
  /** SHA-256 of its secret, 32 bytes. */
  readonly secretHash: Uint8Array
  /** The address it is good for, folded. */
  readonly address: string
  readonly expires: number
}

export interface InviteReads {
  /** The newest first, at most `limit`; of one inviter if named. */
  list(orgId: OrgId, limit: number, by?: UserId): Promise<readonly ListedInvite[]>
  find(orgId: OrgId, id: InviteId): Promise<ListedInvite | undefined>
  /** By its link, before the org is known; open or not. */
  byHash(secretHash: Uint8Array): Promise<{ readonly orgId: OrgId; readonly invite: ListedInvite } | undefined>
  /** Open ones of every org whose time is over, at most `limit`. */
  overdue(now: number, limit: number): Promise<readonly { readonly orgId: OrgId; readonly id: InviteId }[]>
}

export interface InviteWrites {
  insert(orgId: OrgId, invite: Pick<Invite, 'id' | 'user' | 'by'> & InviteLink, at: number): Promise<void>
  find(orgId: OrgId, id: InviteId): Promise<(Invite & Pick<InviteLink, 'address'>) | undefined>
  /** The open one of a person. */
  openOf(orgId: OrgId, user: UserId): Promise<Invite | undefined>
  /** By its link. */
  byHash(orgId: OrgId, secretHash: Uint8Array): Promise<(Invite & Pick<InviteLink, 'address'>) | undefined>
  /** Opens it again, or leaves it open, with another link in place of the one before. */
  renew(orgId: OrgId, id: InviteId, link: InviteLink, at: number): Promise<void>
  /** Ends it. @returns false when it was over */
  close(orgId: OrgId, id: InviteId, state: Exclude<InviteState, 'pending'>, at: number): Promise<boolean>
  /** Ends whatever invitation of a person is open. */
  closeOf(orgId: OrgId, user: UserId, state: Exclude<InviteState, 'pending'>, at: number): Promise<void>
}
