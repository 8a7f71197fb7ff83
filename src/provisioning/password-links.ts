import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, SessionId, UserId } from '../domain/ids.ts'
import type { OneTimeLink } from '../domain/local-sign-in.ts'
import type { Submitted } from '../domain/ports.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import { createUser } from './create-user.ts'
import type { Operation } from './found-org.ts'
import { findByName, writePassword } from './local-sign-in.ts'
import { requireLocalWay } from './local-way.ts'
import { newState } from './person-draft.ts'
import type { Provisioning } from './provisioning.ts'
import { endRecorded } from './sessions.ts'
import { submitChange } from './submit-change.ts'

/**
 * Makes the link by which an org gets an administrator, in place of one that was not used.
 * @param unless of a start: nothing is made where the org has an active admin, or a link that still works
 * @returns whether it was made
 */
export function putSetupLink(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  { link, unless }: { readonly link: OneTimeLink; readonly unless: 'never' | 'needless' },
): Submitted<boolean> {
  return provisioning.work.submit(orgId, async (stores) => {
    if (unless === 'needless' && (await isNeedless(stores, orgId))) return false
    await stores.oneTimeLinks.put(orgId, link, stores.now)
    await stores.journal.append(orgId, {
      action: 'setup.create',
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success' },
      targets: [{ type: 'org', id: orgId }],
    })
    return true
  })
}

async function isNeedless(stores: WriteStores, orgId: OrgId): Promise<boolean> {
  return (
    (await stores.access.activeAdmins(orgId)) > 0 || (await stores.oneTimeLinks.hasLive(orgId, 'setup', stores.now))
  )
}

/** The administrator that a set-up link makes. */
export interface FirstAdmin {
  readonly secretHash: Uint8Array
  readonly email: string
  readonly displayName: string
  /** Of the password. */
  readonly hash: string
  /** Keeps the account outside every identity provider. */
  readonly isBreakGlass: boolean
}

/**
 * Uses a set-up link up and makes the admin in the same transaction: of two uses at once one makes an admin.
 * @throws DomainError `forbidden` for a link that was used, replaced or is over, `uniqueness`, `invalid-value`
 */
export function setUpAdmin(provisioning: Provisioning, caller: Caller, admin: FirstAdmin): Submitted<User> {
  const { orgId } = caller
  const { email, displayName, hash } = admin
  return createUser(provisioning, caller, {
    ...newState({ userName: email, email, displayName, orgRole: 'admin' }),
    async prepare(stores) {
      const link = await stores.oneTimeLinks.take(orgId, admin.secretHash, stores.now)
      if (link?.kind !== 'setup') throw linkOver()
      return { wishes: newState({ userName: email, orgRole: 'admin' }).wishes ?? [] }
    },
    async finish(stores, made) {
      if (admin.isBreakGlass) {
        await stores.grants.set(orgId, made.id, {
          kind: 'break_glass',
          target: '',
          value: 'true',
          setBy: caller.actor.id,
          at: stores.now,
        })
      }
      await writePassword(stores, caller, { user: made.id, hash, isRestored: true })
    },
  })
}

/** The refusal of a link that works no more. Which reason it has is nobody's to know but its owner's. */
export function linkOver(): DomainError {
  return new DomainError(
    'forbidden',
    'This link was used already, replaced by a newer one, or is over. Ask for another one',
    { reason: 'link.over' },
  )
}

/**
 * Makes the link by which a person sets another password, in place of one that was not used.
 * @throws DomainError `not-found`, `forbidden` for who is not active, and where single sign-on is asked for
 */
export function putResetLink(
  provisioning: Provisioning,
  caller: Caller,
  link: OneTimeLink & { readonly user: UserId },
): Submitted<User> {
  const { user } = link
  const intent = { action: 'password.reset', subject: user, targets: [{ type: 'user', id: user }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    requireOrgAdmin(caller)
    return writeResetLink(stores, caller, link)
  })
}

/** The same within a unit of work, for who may. */
export async function writeResetLink(
  stores: WriteStores,
  { orgId, actor, request }: Caller,
  link: OneTimeLink & { readonly user: UserId },
): Promise<User> {
  const person = await stores.users.find(orgId, link.user)
  if (person?.accountType !== 'USER') throw new DomainError('not-found', `User ${link.user} not found`)
  if (person.status !== 'active') {
    throw new DomainError('forbidden', 'This person is not active', { reason: 'session.inactive' })
  }
  await requireLocalWay(stores, orgId, link.user, false)
  await stores.oneTimeLinks.put(orgId, link, stores.now)
  await stores.journal.append(orgId, {
    ...{ action: 'password.reset', actor, request, outcome: { result: 'success' } },
    targets: [{ type: 'user', id: link.user }],
  })
  return person
}

/** A forgotten password is asked for again only after this time, in milliseconds: nobody floods another's mailbox. */
const MAIL_EVERY = 60_000

/**
 * Mails a link to who says they forgot their password, if there is such a person and they have one here. Nothing tells
 * whoever asked which it was.
 * @param mint makes the link of the person
 * @throws DomainError `forbidden` where single sign-on is asked of everybody
 */
export function mailResetLink(
  provisioning: Provisioning,
  caller: Caller,
  { name, org, mint }: { readonly name: string; readonly org: string; readonly mint: (user: UserId) => ResetLink },
): Submitted<void> {
  const { orgId } = caller
  const intent = { action: 'password.reset', subject: '', targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    await requireLocalWay(stores, orgId, undefined, false)
    const person = await findByName(stores, orgId, name)
    const to = person === undefined ? undefined : primaryEmail(person.attributes)
    if (person?.status !== 'active' || to === undefined) return
    const { id } = person
    if ((await stores.passwords.find(orgId, id)) === undefined) return
    const earlier = await stores.oneTimeLinks.madeAt(orgId, 'reset', id)
    if (earlier !== undefined && stores.now - earlier < MAIL_EVERY) return
    await mailLink(stores, caller, { to, org, reset: mint(id) })
  })
}

/** Within a unit of work: a link by mail, in place of one that was not used or not sent. */
async function mailLink(
  stores: WriteStores,
  caller: Caller,
  { to, org, reset: { text, link } }: { readonly to: string; readonly org: string; readonly reset: ResetLink },
): Promise<void> {
  const { orgId } = caller
  await writeResetLink(stores, caller, link)
  await stores.outbox.drop(orgId, link.user, 'password-reset')
  const content = { kind: 'password-reset', org, link: `/reset/${text}`, expires: link.expires } as const
  await stores.outbox.add(orgId, { to, person: link.user, content })
}

/**
 * Within a unit of work: mails a person another link in place of one that did not arrive.
 * @throws DomainError `not-found`, `forbidden` as {@link writeResetLink}, `conflict` for who has no address, `too-soon`
 */
export async function mailLinkAgain(stores: WriteStores, caller: Caller, reset: ResetLink): Promise<void> {
  const { orgId } = caller
  const { user } = reset.link
  const earlier = await stores.oneTimeLinks.madeAt(orgId, 'reset', user)
  if (earlier !== undefined && stores.now - earlier < MAIL_EVERY) {
    const sentence = 'A link was sent to this person less than a minute ago; wait a little'
    throw new DomainError('too-soon', sentence, { reason: 'mail.too-soon', retryAfter: 60 })
  }
  const person = await stores.users.find(orgId, user)
  const to = person && primaryEmail(person.attributes)
  if (to === undefined) throw new DomainError('conflict', 'This person has no e-mail address, or is gone')
  await mailLink(stores, caller, { to, org: await stores.orgs.name(orgId), reset })
}

/** A link just made: `text` stands in its address alone. */
export interface ResetLink {
  readonly text: string
  readonly link: OneTimeLink & { readonly user: UserId }
}

/**
 * Uses a reset link up: the person has the password, and every session of theirs ends.
 * @returns whose it was
 * @throws DomainError `forbidden`
 */
export function resetPassword(
  provisioning: Provisioning,
  caller: Caller,
  reset: { readonly secretHash: Uint8Array; readonly hash: string; readonly isRestored: boolean },
): Submitted<UserId> {
  const { orgId } = caller
  const intent = { action: 'password.set', subject: '', targets: [] }
  return submitChange(provisioning, caller, intent, async (stores) => {
    const link = await stores.oneTimeLinks.take(orgId, reset.secretHash, stores.now)
    if (link?.kind !== 'reset' || link.user === undefined) throw linkOver()
    const { user } = link
    if ((await stores.users.find(orgId, user))?.status !== 'active') throw linkOver()
    await writePassword(stores, { ...caller, actor: { type: 'user', id: user } }, { ...reset, user })
    await endRecorded(stores, caller, orgId, { user, reason: 'password-changed' })
    return user
  })
}

/**
 * A person changes the password they have; their other sessions end.
 * @throws DomainError `forbidden` for who has none: they sign in by their identity provider
 */
export function changePassword(
  provisioning: Provisioning,
  caller: Caller,
  change: {
    readonly user: UserId
    readonly hash: string
    readonly session: SessionId
    readonly isRestored: boolean
  },
): Submitted<void> {
  const { orgId } = caller
  const { user, session: except } = change
  const intent = { action: 'password.set', subject: user, targets: [{ type: 'user', id: user }] as const }
  return submitChange(provisioning, caller, intent, async (stores) => {
    if ((await stores.passwords.find(orgId, user)) === undefined) {
      throw new DomainError('forbidden', 'You have no password here: you sign in with your identity provider', {
        reason: 'password.none',
      })
    }
    await writePassword(stores, caller, change)
    await endRecorded(stores, caller, orgId, { user, except, reason: 'password-changed' })
  })
}
