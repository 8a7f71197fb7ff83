import type { KeyWrites } from './api-key.ts'
import type { BreakerWrites } from './breaker.ts'
import type { Connection, ConnectionToken, JwtTrust } from './connection.ts'
import type { Filter } from './filter.ts'
import type { Group, MemberOrigin } from './group.ts'
import type { ConnectionId, GroupId, JobId, OrgId, RecordId, RoleId, TokenId, UserId } from './ids.ts'
import type { Desired, Grant, PersonFacts, ReconcileContext } from './reconcile.ts'
import type { HeldAccess } from './held-access.ts'
import type { Json } from './json.ts'
import type { OneTimeLinkWrites, PasswordWrites } from './local-sign-in.ts'
import type { OnceKey } from './kept-answer.ts'
import type { OrgAttribute } from './org-attribute.ts'
import type { OrgPolicy } from './org-policy.ts'
import type { DomainWrites } from './domain-claim.ts'
import type { InviteWrites } from './invite.ts'
import type { OutboxWrites } from './outbox.ts'
import type { RecordDraft } from './record.ts'
import type { RemovedAccessWrites } from './removed-access.ts'
import type { CustomRole } from './role.ts'
import type { RuleWrites } from './rule-ports.ts'
import type { ReviewWrites } from './review.ts'
import type { GivenSeat, SeatKey, SeatsLeftRow, WaitingPerson } from './seat-allocation.ts'
import type { AccountType } from './access.ts'
import type { IdentityWrites } from './sign-in.ts'
import type { PrivacyWrites } from './privacy.ts'
import type { PurgeWrites } from './purge.ts'
import type { ProviderWrites } from './sign-in-provider.ts'
import type { Handover, HandedOver, LinkWrites } from './ownership-ports.ts'
import type { SinkWrites } from './sink.ts'
import type { SessionWrites } from './session.ts'
import type { SpentTokenWrites } from './spent-token.ts'
import type { ServiceWrites } from './service-account.ts'
import type { TeamWrites } from './team-ports.ts'
import type { User, UserStatus } from './user.ts'

/** How a member value resolved: what row it names, and whether it can be a member. */
export interface ResolvedPerson {
  readonly id: UserId
  readonly status: UserStatus
  readonly accountType: AccountType
  readonly deleted: boolean
}

export interface UserWrites {
  /** A live person, read under the org's lock. */
  find(orgId: OrgId, id: UserId): Promise<User | undefined>
  /** People by id, deleted ones too. */
  resolve(orgId: OrgId, ids: readonly string[]): Promise<readonly ResolvedPerson[]>
  /** Live people having one of the addresses as primary. */
  byPrimaryEmail(orgId: OrgId, email: string): Promise<readonly UserId[]>
  /** @throws DomainError `uniqueness` when the userName, or the owner's externalId, is taken */
  insert(orgId: OrgId, user: User): Promise<void>
  /** Replaces what a client or reconcile may change. @throws DomainError `uniqueness` */
  update(orgId: OrgId, before: User, after: User): Promise<void>
  /** Soft: the row, its facts and its log stay. Groups it was listed in count one less. */
  remove(orgId: OrgId, id: UserId, at: number): Promise<void>
  /** A deleted person who was not erased, and when (epoch milliseconds) they were. */
  findDeleted(orgId: OrgId, id: UserId): Promise<{ readonly user: User; readonly at: number } | undefined>
  /** Who has the userName in any spelling of case. */
  nameHolder(orgId: OrgId, userName: string): Promise<User | undefined>
  /** Undoes `remove`. @throws DomainError `uniqueness` when a live person has the userName or externalId */
  restore(orgId: OrgId, user: User): Promise<void>
  /** +1 on the version of each person whose groups or access changed. */
  touch(orgId: OrgId, ids: readonly UserId[], at: number): Promise<void>
}

export interface GroupWrites {
  find(orgId: OrgId, id: GroupId): Promise<Group | undefined>
  /** Ids that name live groups, out of the given ones. */
  existing(orgId: OrgId, ids: readonly string[]): Promise<readonly GroupId[]>
  /** The live group holding a folded name. */
  nameHolder(orgId: OrgId, displayName: string): Promise<GroupId | undefined>
  /** A group of that name that the connection deleted at or after `since`. */
  findDeleted(orgId: OrgId, displayName: string, owner: ConnectionId, since: number): Promise<Group | undefined>
  /** @throws DomainError `uniqueness` when the name, or the owner's externalId, is taken */
  insert(orgId: OrgId, group: Group): Promise<void>
  update(orgId: OrgId, group: Group): Promise<void>
  remove(orgId: OrgId, id: GroupId, at: number): Promise<void>
  /**
   * Brings a deleted group back under its id, empty but for service accounts.
   * @returns whose facts ended by it: they had been kept for a restore
   */
  revive(orgId: OrgId, group: Group): Promise<readonly UserId[]>
  /** Whether the group has a team, live or archived. */
  hasTeam(orgId: OrgId, id: GroupId): Promise<boolean>
  insertTeam(orgId: OrgId, id: GroupId): Promise<void>
  archiveTeam(orgId: OrgId, id: GroupId, at: number | undefined): Promise<void>
}

/** One person's explicit role in one team. */
export interface TeamRoleGrant {
  readonly user: UserId
  readonly team: GroupId
}

export interface RoleWrites {
  find(orgId: OrgId, id: RoleId): Promise<CustomRole | undefined>
  /** The role of exactly that name. */
  nameHolder(orgId: OrgId, name: string): Promise<RoleId | undefined>
  count(orgId: OrgId): Promise<number>
  /** @throws DomainError `uniqueness` when the name is taken */
  insert(orgId: OrgId, role: CustomRole): Promise<void>
  /** @throws DomainError `uniqueness` when the name is taken */
  update(orgId: OrgId, role: CustomRole): Promise<void>
  remove(orgId: OrgId, id: RoleId): Promise<void>
  /** Gives every explicit grant of the role another value. @returns what was rewritten, by person and team */
  rewriteGrants(orgId: OrgId, id: RoleId, value: string): Promise<readonly TeamRoleGrant[]>
}

/** A value that was taken from a person. */
export interface ClearedValue {
  readonly user: UserId
  readonly value: Json
}

/** The attributes an org declares, and the values people have of them. Every write makes a new version of them. */
export interface AttributeWrites {
  list(orgId: OrgId): Promise<readonly OrgAttribute[]>
  /** Puts a declaration in, or in place of the one of that name in any case. */
  save(orgId: OrgId, attribute: OrgAttribute, at: number): Promise<void>
  /** Whether anybody has a value of it, deleted people included. */
  hasValues(orgId: OrgId, attribute: OrgAttribute): Promise<boolean>
  /**
   * Takes the values from about so many people, deleted ones included.
   * @returns what was taken; none when nobody has a value any more
   */
  clear(orgId: OrgId, attribute: OrgAttribute, people: number, at: number): Promise<readonly ClearedValue[]>
  /** Ends a declaration of which nobody has a value. */
  remove(orgId: OrgId, attribute: OrgAttribute): Promise<void>
}

/** People whose facts in a group changed, and by how many the listed members did. */
export interface MemberDelta {
  readonly people: readonly UserId[]
  /** Service facts are not listed. */
  readonly listed: number
}

export interface MemberFact {
  readonly origin: MemberOrigin
  readonly setBy: string | undefined
  readonly at: number
}

export interface MemberWrites {
  /** States a fact for each person; those who had it are not in the answer. */
  add(orgId: OrgId, group: GroupId, people: readonly UserId[], fact: MemberFact): Promise<MemberDelta>
  /** Ends every fact of the named people but service ones. */
  removePeople(orgId: OrgId, group: GroupId, people: readonly string[]): Promise<MemberDelta>
  /** Ends facts of the given origins for everybody not in `keep`. */
  removeOthers(
    orgId: OrgId,
    group: GroupId,
    keep: readonly UserId[],
    origins: readonly MemberOrigin[],
  ): Promise<MemberDelta>
  /** Ends the people's facts of one origin. */
  removeFacts(orgId: OrgId, group: GroupId, people: readonly UserId[], origin: MemberOrigin): Promise<MemberDelta>
  /** Listed members whose element satisfies a value-path filter (`members[…]`). */
  matching(orgId: OrgId, group: GroupId, where: Filter): Promise<readonly string[]>
  /** Every person with a fact of the group. */
  people(orgId: OrgId, group: GroupId): Promise<readonly UserId[]>
  addChildren(orgId: OrgId, group: GroupId, children: readonly GroupId[]): Promise<readonly GroupId[]>
  removeChildren(orgId: OrgId, group: GroupId, children: readonly string[]): Promise<readonly GroupId[]>
  children(orgId: OrgId, group: GroupId): Promise<readonly GroupId[]>
}

/** One derived value that changed; `null` is "nothing". */
export interface AccessChange {
  readonly user: UserId
  readonly kind: 'active' | 'org_role' | 'seat' | 'team'
  readonly target: string
  readonly old: string | null
  readonly new: string | null
}

/** What a person holds and should hold; of seats, what is left for them. */
export interface AccessTurn {
  readonly user: UserId
  readonly held: HeldAccess
  readonly desired: Desired
  readonly seats: ReadonlyMap<string, GivenSeat>
}

export interface AccessWrites {
  /** The facts of people and all that reconcile needs beside, in a constant number of queries. */
  facts(
    orgId: OrgId,
    ids: readonly UserId[],
  ): Promise<{ readonly people: readonly PersonFacts[]; readonly context: ReconcileContext }>
  /** The context for people without any fact, e.g. just made. */
  emptyContext(orgId: OrgId): Promise<ReconcileContext>
  held(orgId: OrgId, ids: readonly UserId[]): Promise<ReadonlyMap<UserId, HeldAccess>>
  /** Writes the derived rows of people. */
  write(orgId: OrgId, people: readonly AccessTurn[]): Promise<void>
  /** Everybody who is active, by id; service accounts are none. */
  everybody(orgId: OrgId): Promise<readonly UserId[]>
  /** The active admins of the org, by id. */
  admins(orgId: OrgId): Promise<readonly UserId[]>
  /** How many active admins the org has. */
  activeAdmins(orgId: OrgId): Promise<number>
  /** What is left of the seats that the licence counts. */
  seatsLeft(orgId: OrgId): Promise<readonly SeatsLeftRow[]>
  /** People who want a seat of that type or a higher one and hold a lower, the longest waiting first. */
  waiting(orgId: OrgId, key: SeatKey, limit: number): Promise<readonly WaitingPerson[]>
  /** Closes and opens access periods at a seq; counters of seats and admins follow. */
  record(orgId: OrgId, changes: readonly AccessChange[], seq: number, at: number): Promise<void>
}

/** What an explicit value is about: reconcile reads all kinds but `registry_role`, `auditor` and `break_glass`, which derive nothing. */
export interface GrantKey {
  readonly kind: Grant['kind'] | 'registry_role' | 'auditor' | 'break_glass'
  /** Product, team id or registry name; '' for org_role and flags. */
  readonly target: string
}

/** A live team under its name. */
export interface NamedTeam {
  readonly id: GroupId
  readonly name: string
  readonly archived: boolean
}

/** An admin that a connection asked for and may not grant. */
export interface WithheldAdmin {
  readonly connection: ConnectionId
  /** `roles` or `entitlements`. */
  readonly attribute: string
  readonly at: number
}

/** Values stated on one person: one row each, the last writer wins. */
export interface GrantWrites {
  /** Sets a value where the one there was is known to be another. */
  put(orgId: OrgId, user: UserId, grant: GrantKey & GrantFact): Promise<void>
  /** @returns the value there was */
  set(orgId: OrgId, user: UserId, grant: GrantKey & GrantFact): Promise<string | undefined>
  /** @returns the value there was */
  clear(orgId: OrgId, user: UserId, key: GrantKey): Promise<string | undefined>
  /**
   * Keeps that a person's `roles` or `entitlements` ask for an admin without effect, as an item for the admins.
   * @returns whether it was not kept before
   */
  withhold(orgId: OrgId, user: UserId, item: WithheldAdmin): Promise<boolean>
  /** Ends that item. @returns whether there was one */
  release(orgId: OrgId, user: UserId): Promise<boolean>
  /** Keeps that an admin refused it, so that it is not asked again while it is still stated. @returns whether it was there */
  refuse(orgId: OrgId, user: UserId): Promise<boolean>
  /** Every explicit value of a person. */
  list(orgId: OrgId, user: UserId): Promise<readonly (GrantKey & { readonly value: string })[]>
  /** The live team of that name, in any case. */
  teamNamed(orgId: OrgId, name: string): Promise<NamedTeam | undefined>
  /** Names of teams by id. */
  teamNames(orgId: OrgId, ids: readonly GroupId[]): Promise<ReadonlyMap<GroupId, string>>
}

export interface GrantFact {
  readonly value: string
  readonly setBy: string | undefined
  readonly at: number
}

export interface Job {
  readonly id: JobId
  readonly reason: string
  readonly causeId: RecordId
  readonly cursor: string
  /** The connection that caused it, if one did. */
  readonly connection?: ConnectionId
}

export interface JobWrites {
  start(orgId: OrgId, job: Job & { readonly causeSeq: number }, people: readonly UserId[], at: number): Promise<void>
  /** The oldest running job. */
  next(orgId: OrgId): Promise<Job | undefined>
  /** The next people of a job after its cursor. */
  people(orgId: OrgId, job: JobId, after: string, limit: number): Promise<readonly UserId[]>
  advance(orgId: OrgId, job: JobId, cursor: string): Promise<void>
  finish(orgId: OrgId, job: JobId): Promise<void>
}

export interface NewToken {
  readonly id: TokenId
  readonly connectionId: ConnectionId
  readonly secretHash: Uint8Array
  readonly origin: 'minted' | 'bootstrap'
  readonly expires: number | undefined
}

/** What a new org starts with. */
export interface OrgSeed {
  readonly id: OrgId
  readonly name: string
  readonly created: number
  /** Product → full | viewer | none. */
  readonly defaultSeats: Readonly<Record<string, string>>
}

export interface OrgWrites {
  /** @throws DomainError `uniqueness` when the name is taken */
  insertConnection(orgId: OrgId, connection: Connection): Promise<void>
  /** Name, rights and version. @throws DomainError `uniqueness` when the name is taken */
  updateConnection(orgId: OrgId, connection: Connection): Promise<void>
  revokeConnection(orgId: OrgId, id: ConnectionId): Promise<void>
  connection(orgId: OrgId, id: ConnectionId): Promise<Connection | undefined>
  /** The active connection of that id, or of that name in any case. */
  connectionNamed(orgId: OrgId, idOrName: string): Promise<Connection | undefined>
  tokens(orgId: OrgId, id: ConnectionId): Promise<readonly (ConnectionToken & { readonly secretHash: Uint8Array })[]>
  insertToken(orgId: OrgId, token: NewToken, at: number): Promise<void>
  revokeToken(orgId: OrgId, id: TokenId, at: number): Promise<void>
  insertTrust(orgId: OrgId, trust: JwtTrust, at: number): Promise<void>
  /** @returns what it was; undefined when the connection has none of that id */
  removeTrust(orgId: OrgId, connection: ConnectionId, id: string): Promise<JwtTrust | undefined>
  policy(orgId: OrgId): Promise<OrgPolicy>
  /** Writes defaults, settings and licence as the next version. */
  savePolicy(
    orgId: OrgId,
    policy: Pick<OrgPolicy, 'defaultOrgRole' | 'defaultSeats' | 'stored' | 'licence'>,
  ): Promise<void>
  /** What the org is called. */
  name(orgId: OrgId): Promise<string>
  /** @returns the name there was @throws DomainError `uniqueness` when the name is taken */
  rename(orgId: OrgId, name: string): Promise<string>
  /**
   * Gives what a connection owns to another: all of it, or the one user or group named, also of no owner.
   * @returns whom and which groups, by id
   * @throws DomainError `uniqueness` when the new owner has one of the externalIds already
   */
  handOver(orgId: OrgId, handover: Handover): Promise<HandedOver>
}

/** What a request that is to be done once leaves in the transaction that does it. */
export interface AnswerWrites {
  /** @returns false when a request under this key was done before */
  claim(orgId: OrgId, key: OnceKey, requestHash: Uint8Array, at: number): Promise<boolean>
}

/** The provisioning log as a unit of work sees it: append only, linked under the org's lock. */
export interface Journal {
  /** The seq the next record of this unit will have. */
  nextSeq(orgId: OrgId): number
  append(orgId: OrgId, draft: RecordDraft): Promise<{ readonly id: RecordId; readonly seq: number }>
  /** What is appended next begins a new epoch: the chain goes on from a head that others once went on from. */
  raiseEpoch(orgId: OrgId): void
}

/** The half of the store that a unit of work writes with. `now` is fixed for the unit and never before the chain's head. */
export interface WriteStores {
  readonly now: number
  /** The next value of an org's counter, e.g. `ord.user`. */
  next(orgId: OrgId, counter: string): Promise<number>
  /** Adds to a counter of the org. */
  count(orgId: OrgId, counter: string, by: number): Promise<void>
  readonly users: UserWrites
  readonly groups: GroupWrites
  readonly teams: TeamWrites
  readonly roles: RoleWrites
  readonly rules: RuleWrites
  readonly attributes: AttributeWrites
  readonly members: MemberWrites
  readonly access: AccessWrites
  readonly grants: GrantWrites
  readonly services: ServiceWrites
  readonly jobs: JobWrites
  readonly orgs: OrgWrites
  readonly links: LinkWrites
  readonly breaker: BreakerWrites
  readonly reviews: ReviewWrites
  readonly removed: RemovedAccessWrites
  readonly keys: KeyWrites
  readonly sessions: SessionWrites
  readonly spentTokens: SpentTokenWrites
  readonly passwords: PasswordWrites
  readonly oneTimeLinks: OneTimeLinkWrites
  readonly answers: AnswerWrites
  readonly identities: IdentityWrites
  readonly outbox: OutboxWrites
  readonly sinks: SinkWrites
  readonly invites: InviteWrites
  readonly domains: DomainWrites
  readonly providers: ProviderWrites
  readonly privacy: PrivacyWrites
  readonly purge: PurgeWrites
  readonly journal: Journal
}
