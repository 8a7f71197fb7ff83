import type { ActivityReads } from './activity.ts'
import type { Access } from './access.ts'
import type { ApiKey, StoredKey } from './api-key.ts'
import type { BreakerReads } from './breaker.ts'
import type { CheckpointReads } from './checkpoint.ts'
import type { Connection, ConnectionToken, JwtTrust, StoredToken, Viewer } from './connection.ts'
import type { AttributeRef, Filter } from './filter.ts'
import type { Group, GroupRef, Member } from './group.ts'
import type { HistoryReads } from './history-ports.ts'
import type { ConnectionId, GroupId, KeyId, OrgId, RoleId, TokenId, UserId } from './ids.ts'
import type { KeptAnswer, OnceKey } from './kept-answer.ts'
import type { ChainHead } from './record.ts'
import type { OrgAttributes } from './org-attribute.ts'
import type { OrgPolicy } from './org-policy.ts'
import type { DomainReads } from './domain-claim.ts'
import type { InviteReads } from './invite.ts'
import type { OutboxReads } from './outbox.ts'
import type { CustomRole } from './role.ts'
import type { LinkReads, PasswordReads } from './local-sign-in.ts'
import type { ServiceReads, TeamReads } from './team-ports.ts'
import type { WaitingReads } from './ownership-ports.ts'
import type { AccessReads, RuleReads } from './rule-ports.ts'
import type { IdentityReads } from './sign-in.ts'
import type { PrivacyReads } from './privacy.ts'
import type { Purge } from './purge.ts'
import type { ReplayReads } from './replay-ports.ts'
import type { ProviderReads } from './sign-in-provider.ts'
import type { SealedValues } from './sealed-values.ts'
import type { ReviewReads } from './review.ts'
import type { SeatReads } from './seat-allocation.ts'
import type { SinkReads } from './sink.ts'
import type { StandingReads } from './standing-ports.ts'
import type { SessionReads } from './session.ts'
import type { User } from './user.ts'
import type { WarningReads } from './warning.ts'
import type { OrgSeed, WriteStores } from './write-ports.ts'

/** Where a row stands in a list: its sort key, null where it has none, and `ord`, which breaks ties. */
export interface PageKey {
  readonly sort: string | number | null
  readonly ord: number
}

/** A page of a list. `startIndex` is 1-based, `count` may be 0. */
export interface PageQuery {
  readonly filter: Filter | undefined
  readonly sort: { readonly by: AttributeRef; readonly descending: boolean } | undefined
  readonly startIndex: number
  readonly count: number
  readonly viewer: Viewer
  /** Goes on behind this row, by key; `startIndex` then says nothing. */
  readonly after?: PageKey
  /** The total a walk began with, which is then not counted again. */
  readonly knownTotal?: number
}

/** `total` is the number of all matches, not of the rows given. */
export interface Page<T> {
  readonly total: number
  readonly rows: readonly T[]
  /** Where the page ended, if more rows follow it. */
  readonly next: PageKey | undefined
}

/** Where a person stands in the org. */
export interface Standing {
  /** The live groups, at most 1,000, by id. */
  readonly groups: readonly GroupRef[]
  /** What the person may do: effective values, registry roles as stated. */
  readonly access: Access
  /** What they did; undefined where they never did anything. */
  readonly activity?: StandingActivity
}

/** What a person did, as far as lists show it. */
export interface StandingActivity {
  /** Epoch milliseconds. */
  readonly lastActive: number
  /** On how many days of UTC. */
  readonly daysActive: number
  readonly runs: number
  readonly reports: number
}

export interface UserReads {
  find(orgId: OrgId, id: UserId): Promise<User | undefined>
  /** Live people having the address as primary; at most two, so a caller can tell "one" from "several". */
  idsByPrimaryEmail(orgId: OrgId, email: string): Promise<readonly UserId[]>
  page(orgId: OrgId, query: PageQuery): Promise<Page<User>>
  /** Where each person stands, in one query. */
  standingOf(orgId: OrgId, people: readonly User[]): Promise<ReadonlyMap<UserId, Standing>>
  /** userName by id, for live people only (`manager.displayName`). */
  displayNames(orgId: OrgId, ids: readonly UserId[]): Promise<ReadonlyMap<UserId, string>>
}

export interface GroupReads {
  find(orgId: OrgId, id: GroupId): Promise<Group | undefined>
  page(orgId: OrgId, query: PageQuery): Promise<Page<Group>>
  /** A keyset slice of the members, ordered by id; `after` is the last id of the slice before. */
  members(orgId: OrgId, id: GroupId, after: string | undefined, limit: number): Promise<readonly Member[]>
}

/** Custom roles. */
export interface RoleReads {
  find(orgId: OrgId, id: RoleId): Promise<CustomRole | undefined>
  page(orgId: OrgId, query: PageQuery): Promise<Page<CustomRole>>
}

/** Attributes that orgs declare of their own. */
export interface AttributeReads {
  /** Those of an org, with the version they make up. */
  of(orgId: OrgId): Promise<OrgAttributes>
}

/** What authentication reads before the org is known. */
export interface CredentialReads {
  /** One read for the token and its connection: every request asks it. */
  tokenById(id: TokenId): Promise<StoredToken | undefined>
  tokenByHash(secretHash: Uint8Array): Promise<StoredToken | undefined>
  connection(orgId: OrgId, id: ConnectionId): Promise<Connection | undefined>
  /** Every trust in an issuer, over all orgs: only those of active connections. */
  trustsByIssuer(issuer: string): Promise<readonly JwtTrust[]>
}

/** Keys of the admin API. */
export interface KeyReads {
  /** One read for the key and its holder: every request of the admin API asks it. */
  byId(id: KeyId): Promise<StoredKey | undefined>
  byHash(secretHash: Uint8Array): Promise<StoredKey | undefined>
  /** Those of an org, revoked ones too, by age. */
  list(orgId: OrgId): Promise<readonly ApiKey[]>
}

/** Requests of the admin API that are to be done once. */
export interface AnswerReads {
  find(orgId: OrgId, key: OnceKey): Promise<KeptAnswer | undefined>
}

/** One team of one person. */
export interface Membership {
  readonly user: UserId
  readonly userName: string
  readonly team: GroupId
  readonly teamName: string
  /** Built-in; for a custom role the one it starts from. */
  readonly baseRole: string
  readonly roleName: string
  readonly customRole: RoleId | undefined
}

/** Which memberships of an org: all, a team's or a person's. */
export interface MembershipQuery {
  readonly team?: GroupId
  readonly user?: UserId
  /** The last of the page before. */
  readonly after?: { readonly user: UserId; readonly team: GroupId }
  readonly limit: number
}

export interface MembershipReads {
  /** By person and team. */
  page(orgId: OrgId, query: MembershipQuery): Promise<readonly Membership[]>
  /** The built-in role a person has in a team, or the one their custom role starts from. */
  baseRoleIn(orgId: OrgId, user: UserId, team: GroupId): Promise<string | undefined>
}

export interface OrgSummary {
  readonly id: OrgId
  readonly name: string
  readonly created: number
}

export interface OrgReads {
  list(): Promise<readonly OrgSummary[]>
  /** By id or by name (folded). */
  find(idOrName: string): Promise<OrgSummary | undefined>
  connections(orgId: OrgId): Promise<readonly Connection[]>
  tokens(orgId: OrgId): Promise<readonly ConnectionToken[]>
  trusts(orgId: OrgId): Promise<readonly JwtTrust[]>
  /** What the org decides for all its people. */
  policy(orgId: OrgId): Promise<OrgPolicy>
  /** How many live rows an org holds, for summaries. */
  counts(orgId: OrgId): Promise<OrgCounts>
}

export interface OrgCounts {
  readonly users: number
  readonly activeUsers: number
  readonly groups: number
  readonly teams: number
  readonly memberships: number
  readonly records: number
}

/** A stored record as read back: the exact hashed text and its place in the chain. */
export interface StoredRecord {
  readonly seq: number
  readonly epoch: number
  readonly time: number
  readonly id: string
  readonly action: string
  readonly result: string
  readonly actorType: string
  readonly actorId: string | undefined
  readonly connectionId: string | undefined
  readonly requestId: string | undefined
  readonly causeId: string | undefined
  readonly body: string
  readonly contentHash: Uint8Array
  readonly hash: Uint8Array
}

/** A record as its chain is recomputed: both hashes in lower-case hex. */
export interface LinkedRecord extends Omit<StoredRecord, 'contentHash' | 'hash'> {
  readonly contentHash: string
  readonly hash: string
}

/** The log as a check of its chain reads it. */
export interface ChainReads {
  /** Records with seq in (after, upTo], at most `limit` of them, by seq. No transaction outlives the page. */
  links(orgId: OrgId, after: number, upTo: number, limit: number): Promise<readonly LinkedRecord[]>
}

export interface RecordReads extends ChainReads {
  head(orgId: OrgId): Promise<ChainHead | undefined>
  /** Records with seq in (after, upTo], at most `limit` of them, by seq. No transaction outlives the page. */
  page(orgId: OrgId, after: number, upTo: number, limit: number): Promise<readonly StoredRecord[]>
  /** The newest `limit` records, oldest first. */
  tail(orgId: OrgId, limit: number): Promise<readonly StoredRecord[]>
  /** What stands beside the records with seq in (after, upTo], by seq and person. */
  sealedValues(orgId: OrgId, after: number, upTo: number): Promise<readonly SealedValues[]>
  /**
   * The last seq whose record is not later than a time (epoch milliseconds); 0 before the first.
   * @throws DomainError `invalid-value` for a time whose records were purged
   */
  seqAt(orgId: OrgId, time: number): Promise<number>
  /** The newest purge: the log begins at its last record. */
  purged(orgId: OrgId): Promise<Purge | undefined>
  /** The newest `limit` records of an action, newest first. */
  ofAction(orgId: OrgId, action: string, limit: number): Promise<readonly StoredRecord[]>
}

/** The half of the store that list pages, reports and checks get: it cannot change anything. */
export interface ReadStores {
  readonly users: UserReads
  readonly groups: GroupReads
  readonly teams: TeamReads
  readonly waiting: WaitingReads
  readonly warnings: WarningReads
  readonly services: ServiceReads
  readonly roles: RoleReads
  readonly rules: RuleReads
  readonly access: AccessReads
  readonly attributes: AttributeReads
  readonly credentials: CredentialReads
  readonly keys: KeyReads
  readonly sessions: SessionReads
  readonly passwords: PasswordReads
  readonly oneTimeLinks: LinkReads
  readonly answers: AnswerReads
  readonly outbox: OutboxReads
  readonly sinks: SinkReads
  readonly invites: InviteReads
  readonly domains: DomainReads
  readonly memberships: MembershipReads
  readonly orgs: OrgReads
  readonly records: RecordReads
  readonly checkpoints: CheckpointReads
  readonly history: HistoryReads
  readonly standing: StandingReads
  readonly reviews: ReviewReads
  readonly breaker: BreakerReads
  readonly seats: SeatReads
  readonly identities: IdentityReads
  readonly activity: ActivityReads
  readonly providers: ProviderReads
  readonly privacy: PrivacyReads
  readonly replay: ReplayReads
}

/** A unit of work that was queued: `value` when it ran, `durable` when its transaction is committed. */
export interface Submitted<T> {
  /** Resolves when the unit has run, before the commit. Never answer a client on it alone. */
  readonly value: Promise<T>
  /** Resolves with the value once the commit is on disk. Rejects with what the unit threw, or `unavailable`. */
  readonly durable: Promise<T>
}

/** What an already rolled-back unit may still write: the record of its refusal, in the same batch. */
export type OnRefusal = (stores: WriteStores, error: unknown) => Promise<void>

/**
 * One writer per org: units of one org run one after another on every instance, each in a savepoint of a batch that is
 * committed as a whole (group commit). Nothing but SQL may be awaited inside a unit.
 */
export interface UnitOfWork {
  submit<T>(orgId: OrgId, unit: (stores: WriteStores) => Promise<T>, onRefusal?: OnRefusal): Submitted<T>
  /**
   * Makes an org (its rows and its chain) and runs a first unit in it, all in one transaction.
   * @throws DomainError `uniqueness` when the name is taken
   */
  found<T>(org: OrgSeed, unit: (stores: WriteStores) => Promise<T>): Submitted<T>
}
