import type { Caller } from '../domain/caller.ts'
import { type InviteId, newId, type UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import { type Actor, Personal, type RecordTarget, unknownPerson } from '../domain/record.ts'
import type { ProvedPerson, SignedIn } from '../domain/sign-in.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { arrive } from './accept-invite.ts'
import { followClaimedGroups } from './claimed-groups.ts'
import { endInvites } from './invite-mail.ts'
import { makeAtSignIn } from './make-at-sign-in.ts'
import { matchSignIn, type SignInMatch } from './match-sign-in.ts'
import type { Provisioning } from './provisioning.ts'
import { reconcileAsked, withEffects } from './reconcile-people.ts'
import { signInRefused } from './sign-in-refusal.ts'
import type { SignInAttempt, SignInTurn } from './sign-in-turn.ts'
import { submitChange } from './submit-change.ts'
import { userTarget } from './user-record.ts'

/**
 * Signs in whom a provider has proved: finds the person, links them at their first time, makes them where that is
 * wanted, and lets the claimed groups decide. Leaves an `sso.login` record, and one for each thing that came of it
 * (`sso.link`, `sso.jit`, `sso.groups`, `user.activate`, `invite.accept`); of a refusal an `sso.refused` one and nothing else.
 * @throws DomainError `forbidden` with a reason of `SIGN_IN_REFUSALS`, `seat-limit` where the org refuses what the licence
 * has not left, `unavailable`
 */
export function signInPerson(provisioning: Provisioning, attempt: SignInAttempt): Submitted<SignedIn> {
  const { proved, request } = attempt
  const { orgId, issuer, subject } = proved
  const caller: Caller = { orgId, actor: { type: 'user', issuer }, connection: undefined, request }
  // Known only once the unit runs: a refusal names the person it found, or nobody's.
  const targets: RecordTarget[] = []
  const intent = { action: 'sso.refused', subject: `${issuer}\n${subject}`, targets }
  return submitChange(provisioning, caller, intent, async (stores) => {
    targets.splice(0, Infinity, providerTarget(proved), unknownTarget(stores, proved))
    const match = await matchSignIn(stores, proved, attempt.invitation)
    if (match === undefined) return makeNew(stores, attempt)
    targets[1] = userTarget(match.user)
    if (match.user.accountType !== 'USER') throw signInRefused('sign-in.not-linked', { why: 'service-account' })
    if (match.user.status === 'deactivated') throw signInRefused('sign-in.deactivated')
    return admit(stores, attempt, match)
  })
}

async function makeNew(stores: WriteStores, attempt: SignInAttempt): Promise<SignedIn> {
  const id = newId<UserId>(attempt.request.receivedAt)
  const user = await makeAtSignIn(stores, attempt, id, (made) => begin(stores, attempt, made))
  return { user, way: 'made' }
}

async function admit(
  stores: WriteStores,
  attempt: SignInAttempt,
  { user, way, invite }: SignInMatch,
): Promise<SignedIn> {
  const { proved } = attempt
  const { orgId } = proved
  const turn = await begin(stores, attempt, user)
  if (way === 'known') await stores.identities.seen(orgId, proved, stores.now)
  else await link(turn, user, way)
  const arrived = user.status === 'pending' ? await activate(turn, user, invite) : user
  return { user: await followClaimedGroups(turn, arrived), way }
}

/** Records that the person signed in. */
async function begin(stores: WriteStores, attempt: SignInAttempt, user: User): Promise<SignInTurn> {
  const { proved, request } = attempt
  const actor: Actor = { type: 'user', id: user.id, issuer: proved.issuer }
  const { id: cause } = await stores.journal.append(proved.orgId, {
    ...{ action: 'sso.login', actor, request, outcome: { result: 'success' } },
    targets: [userTarget(user), providerTarget(proved)],
  })
  return { ...attempt, stores, cause, actor }
}

async function link(turn: SignInTurn, user: User, way: Exclude<SignInMatch['way'], 'known'>): Promise<void> {
  const { stores, proved, cause, actor, request } = turn
  const { orgId, providerId, issuer } = proved
  await stores.identities.link(orgId, proved, { providerId, way, user: user.id }, stores.now)
  await stores.journal.append(orgId, {
    ...{ action: 'sso.link', actor, request, cause, outcome: { result: 'success' } },
    targets: [userTarget(user), providerTarget(proved)],
    changes: [{ path: 'identities', new: { issuer, way } }],
  })
}

/** A person who was invited has arrived. */
async function activate(turn: SignInTurn, user: User, invite: InviteId | undefined): Promise<User> {
  const { stores, proved, cause, actor, request } = turn
  const { orgId } = proved
  if (invite !== undefined) {
    return (await arrive(stores, { orgId, actor, request }, { id: invite, user }, cause)).arrived
  }
  const after: User = { ...user, status: 'active', version: user.version + 1, updated: stores.now }
  await stores.users.update(orgId, user, after)
  await endInvites(stores, orgId, user.id)
  const { effects } = await reconcileAsked(stores, orgId, [user.id], { products: [] })
  await stores.journal.append(orgId, {
    ...{ action: 'user.activate', actor, request, cause, outcome: { result: 'success' } },
    targets: [userTarget(after)],
    changes: [{ path: 'status', old: 'pending', new: 'active' }],
    effects,
  })
  return withEffects(after, effects)
}

function providerTarget({ providerId }: ProvedPerson): RecordTarget {
  return { type: 'provider', id: providerId }
}

/** Somebody who is nobody here: what is personal of them is sealed under a key that changes every 90 days. */
function unknownTarget(stores: WriteStores, { issuer, subject, email, userName }: ProvedPerson): RecordTarget {
  const unknown = unknownPerson(stores.now)
  const display = email ?? userName
  return {
    ...{ type: 'identity', id: unknown, externalId: new Personal(unknown, `${issuer} ${subject}`) },
    ...(display === undefined ? {} : { display: new Personal(unknown, display) }),
  }
}
