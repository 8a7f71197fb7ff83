import type { ListedInvite } from '../domain/invite.ts'
import { primaryEmail } from '../domain/user.ts'

/** Where an invited person stands: `pending` until they arrive, then as they are; or how the invitation ended. */
export type InviteStanding = 'pending' | 'active' | 'deactivated' | 'expired' | 'revoked' | 'deleted'

/** An invitation as lists show it. Times are epoch milliseconds. */
export interface ShownInvite {
  readonly id: string
  readonly user: string
  readonly userName: string
  readonly email: string | null
  readonly state: InviteStanding
  readonly created: number
  readonly sent: number
  readonly expires: number
}

/** @param now epoch milliseconds: what is over by then is shown so, also before the job ended it */
export function shownInvite(invite: ListedInvite, now: number): ShownInvite {
  const { id, user, attributes, created, sent, expires } = invite
  const names = { userName: attributes.userName, email: primaryEmail(attributes) ?? null }
  return { id, user, ...names, state: standingOf(invite, now), created, sent, expires }
}

function standingOf({ state, status, expires }: ListedInvite, now: number): InviteStanding {
  if (state === 'expired' || state === 'revoked') return state
  if (status !== 'pending') return status
  return state === 'pending' && expires > now ? 'pending' : 'expired'
}
