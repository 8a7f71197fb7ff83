import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { InviteId, OrgId, UserId } from '../domain/ids.ts'
import type { ProvedPerson, SignInWay } from '../domain/sign-in.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { getUsableInvite } from './accept-invite.ts'
import { isOrgAdmin } from './admin-guard.ts'
import { signInRefused } from './sign-in-refusal.ts'

/** Whom a proved person is here. */
export interface SignInMatch {
  readonly user: User
  /** Of the way `invite`. */
  readonly invite?: InviteId
  readonly way: Exclude<SignInWay, 'made'>
}

/**
 * The live person a proved one is, by what is the safest first: their identity at the issuer; what a paired connection
 * says; the invitation they came with; an address that is proved on both sides.
 * @param invitation SHA-256 of the link of the invitation that the browser came with
 * @returns undefined where nobody is that person, so that one may be made
 * @throws DomainError `forbidden` where it looks like somebody and nothing proves it, or like one who is deleted
 */
export async function matchSignIn(
  stores: WriteStores,
  proved: ProvedPerson,
  invitation: Uint8Array | undefined,
): Promise<SignInMatch | undefined> {
  const { orgId } = proved
  const holder = await stores.identities.find(orgId, proved)
  if (holder?.live === true) return { user: await getUser(stores, orgId, holder.user), way: 'known' }
  const found =
    (await pairedMatch(stores, proved)) ??
    (invitation === undefined ? undefined : await invitedMatch(stores, proved, invitation)) ??
    (await emailMatch(stores, proved))
  if (found !== undefined) return found
  if (holder !== undefined || (await wasDeleted(stores, proved))) throw signInRefused('sign-in.deleted')
  return undefined
}

async function getUser(stores: WriteStores, orgId: OrgId, id: UserId): Promise<User> {
  const user = await stores.users.find(orgId, id)
  if (user === undefined) throw new DomainError('not-found', `User ${id} not found`)
  return user
}

/**
 * Whom the identity provider itself pushed. Its externalId names one person for good; a userName may have come to be
 * another's, so it links nobody who is known at the issuer already.
 */
async function pairedMatch(stores: WriteStores, proved: ProvedPerson): Promise<SignInMatch | undefined> {
  const { orgId, providerId, externalId, userName } = proved
  const { identities } = stores
  const same = externalId === undefined ? undefined : await identities.pairedByExternalId(orgId, providerId, externalId)
  if (same?.live === true) return { user: await getUser(stores, orgId, same.user), way: 'paired' }
  const named = userName === undefined ? undefined : await identities.pairedByUserName(orgId, providerId, userName)
  if (named === undefined) return undefined
  const user = await getUser(stores, orgId, named.user)
  if (await isKnownAtIssuer(stores, proved, user)) throw signInRefused('sign-in.not-linked', { why: 'other-identity' })
  return { user, way: 'paired' }
}

/** Whoever opened the link has the mailbox it was sent to; an address that was proved must then be that one. */
async function invitedMatch(stores: WriteStores, proved: ProvedPerson, invitation: Uint8Array): Promise<SignInMatch> {
  const { user, id } = await getUsableInvite(stores, proved.orgId, invitation)
  const address = fold(primaryEmail(user.attributes) ?? '')
  if (proved.email !== undefined && fold(proved.email) !== address) throw signInRefused('sign-in.other-address')
  return { user, way: 'invite', invite: id }
}

/**
 * Whoever has the address. An address links only where it is verified, its domain is proved to be the org's, and the
 * person is no admin and nobody else at the same issuer; and it makes no second person beside the one who has it.
 */
async function emailMatch(stores: WriteStores, proved: ProvedPerson): Promise<SignInMatch | undefined> {
  const { orgId, email } = proved
  if (email === undefined) return undefined
  const [id, second] = await stores.users.byPrimaryEmail(orgId, email)
  if (id === undefined) return undefined
  if (second !== undefined) throw signInRefused('sign-in.not-linked', { why: 'several' })
  const user = await getUser(stores, orgId, id)
  const why = await doubt(stores, proved, user)
  if (why === undefined) return { user, way: 'email' }
  if (user.status === 'deactivated') throw signInRefused('sign-in.deactivated')
  throw user.status === 'pending' ? signInRefused('sign-in.invited') : signInRefused('sign-in.not-linked', { why })
}

/** Why an address does not prove that the person is the one; undefined where it does. */
async function doubt(stores: WriteStores, proved: ProvedPerson, user: User): Promise<string | undefined> {
  if (user.accountType !== 'USER') return 'service-account'
  if (!proved.emailVerified) return 'unverified'
  const claim = await stores.domains.find(proved.orgId, domainOf(proved.email))
  if (claim?.provedAt === undefined) return 'domain'
  if (await isOrgAdmin(stores, proved.orgId, user)) return 'admin'
  return (await isKnownAtIssuer(stores, proved, user)) ? 'other-identity' : undefined
}

/** Whether the person is somebody at the issuer already, who is then not the one that signs in now. */
async function isKnownAtIssuer(stores: WriteStores, proved: ProvedPerson, user: User): Promise<boolean> {
  const identities = await stores.identities.list(proved.orgId, user.id)
  return identities.some(({ issuer }) => issuer === proved.issuer)
}

async function wasDeleted(stores: WriteStores, proved: ProvedPerson): Promise<boolean> {
  const { orgId, providerId, externalId } = proved
  if (await stores.identities.isBuried(orgId, proved)) return true
  // Somebody who was pushed, and deleted before they ever signed in.
  if (externalId === undefined) return false
  return (await stores.identities.pairedByExternalId(orgId, providerId, externalId)) !== undefined
}

/** The domain of an address, folded; '' where there is none. */
export function domainOf(email: string | undefined): string {
  const at = email?.lastIndexOf('@') ?? -1
  return at < 0 ? '' : fold(email!.slice(at + 1))
}
