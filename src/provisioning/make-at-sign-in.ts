import { DomainError } from '../domain/errors.ts'
import type { UserId } from '../domain/ids.ts'
import type { Json } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { RequiredClaim, SignInSettings } from '../domain/org-settings.ts'
import type { ProvedPerson } from '../domain/sign-in.ts'
import type { User, UserState } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { followClaimedGroups } from './claimed-groups.ts'
import { declaredValues } from './declared-values.ts'
import { domainOf } from './match-sign-in.ts'
import { newState } from './person-draft.ts'
import { joinDefaultTeam } from './domain-team.ts'
import { reconcileAsked, reconcileNewPerson, withEffects } from './reconcile-people.ts'
import { signInRefused } from './sign-in-refusal.ts'
import type { SignInAttempt, SignInTurn } from './sign-in-turn.ts'
import { userChanges, userTarget } from './user-record.ts'

/**
 * Makes the person whose first sign-in this is, where deployment and org want that, with what the org gives to every new
 * one. The record's cause is the sign-in.
 * @param begin records the sign-in, once it is clear that the person can be made
 * @throws DomainError `forbidden` with a reason of `SIGN_IN_REFUSALS`, `seat-limit`
 */
export async function makeAtSignIn(
  stores: WriteStores,
  attempt: SignInAttempt,
  id: UserId,
  begin: (user: User) => Promise<SignInTurn>,
): Promise<User> {
  const { proved, request } = attempt
  const { orgId, providerId, issuer, kind } = proved
  const context = await stores.access.emptyContext(orgId)
  const claim = await capturing(stores, proved)
  checkWanted(attempt, context.policy, claim !== undefined)
  const user = await newUser(stores, proved, id)
  const { cause, actor, ...turn } = await begin(user)
  await stores.users.insert(orgId, user)
  await stores.count(orgId, 'user', 1)
  await stores.identities.link(orgId, proved, { providerId, way: 'made', user: id }, stores.now)
  const joined = claim === undefined ? [] : await joinDefaultTeam(stores, orgId, id, claim)
  const person = { id, status: 'active', accountType: 'USER', explicit: [], members: [] } as const
  const effects =
    joined.length === 0
      ? await reconcileNewPerson(stores, orgId, person, context)
      : (await reconcileAsked(stores, orgId, [id], { products: [] })).effects
  await stores.journal.append(orgId, {
    ...{ action: 'sso.jit', actor, request, cause, outcome: { result: 'success' } },
    targets: [userTarget(user), { type: 'provider', id: providerId }, ...joined],
    changes: [...userChanges(undefined, user), { path: 'identities', new: { issuer, way: 'made' } }],
    effects,
    steps: [{ name: 'sign-in', kind, ...(claim === undefined ? {} : { domain: claim.domain }) }],
  })
  return followClaimedGroups({ ...turn, cause, actor }, withEffects(user, effects))
}

/** The claim by which new people of the domain of a verified address join the org, where there is one. */
async function capturing(stores: WriteStores, { orgId, email, emailVerified }: ProvedPerson) {
  if (!emailVerified) return undefined
  const claim = await stores.domains.find(orgId, domainOf(email))
  return claim?.provedAt !== undefined && claim.captures ? claim : undefined
}

/** @throws DomainError `forbidden` where nobody is made, or not this one */
function checkWanted(
  { proved, provisioningDisabled }: SignInAttempt,
  { settings }: OrgPolicy,
  isCaptured: boolean,
): void {
  const { makesPeople, emailDomains, requiredClaim }: SignInSettings = settings.signIn
  if (provisioningDisabled) throw signInRefused('sign-in.provisioning-off', { by: 'deployment' })
  if (!makesPeople) throw signInRefused('sign-in.provisioning-off', { by: 'organization' })
  const domain = proved.emailVerified ? domainOf(proved.email) : ''
  if (emailDomains.length > 0 && !isCaptured && !emailDomains.includes(domain))
    throw signInRefused('sign-in.domain-not-allowed')
  if (requiredClaim !== undefined && !hasClaim(proved, requiredClaim)) {
    throw signInRefused('sign-in.claim-missing', { claims: [requiredClaim.name] })
  }
}

function hasClaim({ claims }: ProvedPerson, { name, value }: RequiredClaim): boolean {
  const said = Object.hasOwn(claims, name) ? claims[name] : undefined
  const values: readonly (Json | undefined)[] = Array.isArray(said) ? (said as readonly Json[]) : [said]
  return values.includes(value)
}

async function newUser(stores: WriteStores, proved: ProvedPerson, id: UserId): Promise<User> {
  const { orgId } = proved
  const { attributes } = stateOf(proved)
  const holder = await stores.users.nameHolder(orgId, attributes.userName)
  if (holder?.status === 'deactivated') throw signInRefused('sign-in.deactivated')
  if (holder !== undefined) throw signInRefused('sign-in.name-taken')
  return {
    id,
    ord: await stores.next(orgId, 'ord.user'),
    version: 1,
    created: stores.now,
    updated: stores.now,
    status: 'active',
    accountType: 'USER',
    // Whoever pushes them later becomes the owner.
    owner: undefined,
    externalId: undefined,
    orgRole: 'none',
    attributes: await declaredValues(stores, orgId, attributes),
  }
}

function stateOf({ userName, email, displayName, givenName, familyName, emailVerified }: ProvedPerson): UserState {
  const name = userName ?? (emailVerified ? email : undefined)
  if (name === undefined) throw signInRefused('sign-in.no-name')
  try {
    return newState({ userName: name, email, displayName, givenName, familyName })
  } catch (error) {
    if (error instanceof DomainError && error.code === 'invalid-value') throw signInRefused('sign-in.unusable-name')
    throw error
  }
}
