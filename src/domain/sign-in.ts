import type { GroupId, OrgId, ProviderId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { User } from './user.ts'

/** The protocol a sign-in provider speaks. */
export type ProviderKind = 'oidc' | 'ldap'

/**
 * Whom a sign-in provider has proved: the outcome of one protocol run, all of whose checks passed. What is in it was
 * asserted by that provider and by nobody else.
 */
export interface ProvedPerson {
  readonly orgId: OrgId
  readonly providerId: ProviderId
  readonly kind: ProviderKind
  /** Who asserts: the `iss` of OpenID Connect, `ldap:<provider id>` of a directory. Compared exactly. */
  readonly issuer: string
  /** Who it is there, for good: `sub`, or a directory's own unchanging id of the entry. Compared exactly. */
  readonly subject: string
  /** The value that paired connections have as externalId, by the claim the provider is configured with (`sub`, `oid`). */
  readonly externalId?: string
  /** By the claim the provider is configured with, `preferred_username` by default. */
  readonly userName?: string
  readonly email?: string
  /** Whether the provider vouches that the address is this person's: nothing but a plain yes counts. */
  readonly emailVerified: boolean
  readonly displayName?: string
  readonly givenName?: string
  readonly familyName?: string
  /** The names of all teams of the person; present only where the provider is configured to decide memberships. */
  readonly groups?: readonly string[]
  /** Everything asserted, by its name there: what a required claim is looked up in. */
  readonly claims: JsonObject
}

/**
 * How a sign-in came to its person: by an identity known from before, by the paired connection that pushed them, by
 * an address that is proved on both sides, by the invitation they came with, or by being made.
 */
export type SignInWay = 'known' | 'paired' | 'email' | 'invite' | 'made'

/** A person who may have a session now. */
export interface SignedIn {
  readonly user: User
  readonly way: SignInWay
}

/** Why a sign-in that a provider proved is refused: the `reason` of the DomainError, and of the record. */
export const SIGN_IN_REFUSALS = [
  /** People are not made at sign-in, by the deployment or by the org, and nobody here is this one. */
  'sign-in.provisioning-off',
  'sign-in.deactivated',
  'sign-in.deleted',
  'sign-in.domain-not-allowed',
  'sign-in.claim-missing',
  'sign-in.no-name',
  'sign-in.unusable-name',
  /** Somebody else has the userName. */
  'sign-in.name-taken',
  /** Somebody has the address, and nothing proves that it is this one. */
  'sign-in.not-linked',
  /** An invitation is waiting for the address, and is accepted by its link. */
  'sign-in.invited',
  /** The invitation is for another address. */
  'sign-in.other-address',
] as const

export type SignInRefusal = (typeof SIGN_IN_REFUSALS)[number]

/** Of whom an identity at an issuer is, live or not. */
export interface IdentityHolder {
  readonly user: UserId
  /** Whether the person is there still; deactivated ones are. */
  readonly live: boolean
}

/** Who somebody is at an issuer. The subject itself is not kept, only its hash under a key of the deployment. */
export interface Identity {
  readonly issuer: string
  readonly providerId: ProviderId
  /** How it was first linked. */
  readonly way: Exclude<SignInWay, 'known'>
  /** Names it among those of an org: `identity_` and the keyed hash of issuer and subject, base64url. */
  readonly key: string
  readonly user: UserId
  /** Epoch milliseconds. */
  readonly linked: number
  readonly lastSignIn: number
}

/** Names a person at an issuer. */
export interface Subject {
  readonly issuer: string
  readonly subject: string
}

/** A person by the connection that owns them. */
export interface PairedPerson {
  readonly user: UserId
  readonly live: boolean
  /** Whether the connection that owns the person may make admins. */
  readonly mayGrantAdmin: boolean
}

export interface IdentityReads {
  /** Those of a person, by age. */
  list(orgId: OrgId, user: UserId): Promise<readonly Identity[]>
  /** Whose a subject is; undefined also where the person was deleted. */
  userOf(orgId: OrgId, subject: Subject): Promise<UserId | undefined>
}

export interface IdentityWrites {
  find(orgId: OrgId, subject: Subject): Promise<IdentityHolder | undefined>
  list(orgId: OrgId, user: UserId): Promise<readonly Identity[]>
  /** Gives a subject to a person, also one that a deleted person had. */
  link(orgId: OrgId, subject: Subject, link: Pick<Identity, 'providerId' | 'way' | 'user'>, at: number): Promise<void>
  /** Keeps when the subject signed in last. */
  seen(orgId: OrgId, subject: Subject, at: number): Promise<void>
  /** @returns whether it was there */
  unlink(orgId: OrgId, user: UserId, key: string): Promise<boolean>
  /** Whether the subject was ever a deleted person's. */
  isBuried(orgId: OrgId, subject: Subject): Promise<boolean>
  /**
   * The person of a connection paired with the provider that has the externalId, live or deleted.
   * A live one comes before deleted ones.
   */
  pairedByExternalId(orgId: OrgId, provider: ProviderId, externalId: string): Promise<PairedPerson | undefined>
  /** The live person of a connection paired with the provider that has the userName, in any case. */
  pairedByUserName(orgId: OrgId, provider: ProviderId, userName: string): Promise<PairedPerson | undefined>
  /** Whether a connection paired with the provider may make admins. */
  providerMayGrantAdmin(orgId: OrgId, provider: ProviderId): Promise<boolean>
  /** Live groups by name, in any case; names without a group are passed over. */
  groupsNamed(orgId: OrgId, names: readonly string[]): Promise<readonly GroupId[]>
}
