import type { GroupId, OrgId, RecordId, UserId } from './ids.ts'

/** What a person can hold over a time: an account, a role in the org, a seat of a product, a role in a team. */
export type HeldKind = 'active' | 'org_role' | 'seat' | 'team'

/** A value that a person held from one record of the log to another. Times are epoch milliseconds. */
export interface AccessPeriod {
  readonly user: UserId
  readonly kind: HeldKind
  /** Team id or product; '' for an account and a role in the org. */
  readonly target: string
  /** `active`, a built-in role or the id of a custom one, or a type of seat. */
  readonly value: string
  readonly fromSeq: number
  /** undefined while it lasts. */
  readonly toSeq: number | undefined
  readonly from: number
  readonly to: number | undefined
}

/** Whose periods: one person's, one team's, or everybody's. */
export type HistorySubject = { readonly user: UserId } | { readonly team: GroupId } | { readonly everybody: true }

/** The record that began or ended something, and who made it. */
export interface RecordOrigin {
  readonly id: RecordId
  readonly seq: number
  /** Epoch milliseconds. */
  readonly time: number
  readonly action: string
  readonly actorType: string
  readonly actorId: string | undefined
  /** The record that led to it, where it was applied later. */
  readonly causeId: RecordId | undefined
}

/** A removal that was asked for and held for an admin to decide. */
export interface StagedRemoval {
  readonly user: UserId
  readonly seq: number
  /** Epoch milliseconds. */
  readonly time: number
}

/** Access as it was: out of `access_period`, which every change keeps, and the columns of the log. */
export interface HistoryReads {
  /**
   * The last record at or before a time (epoch milliseconds); 0 before the first.
   * @throws DomainError `invalid-value` for a time whose records were purged
   */
  seqAt(orgId: OrgId, at: number): Promise<number>
  /** What was held right after a record: by person, but for a team by the record that gave it. `after` is the last row before. */
  heldAt(
    orgId: OrgId,
    seq: number,
    page: { readonly of: HistorySubject; readonly after: AccessPeriod | undefined; readonly limit: number },
  ): Promise<readonly AccessPeriod[]>
  /** Every period of a person or a team, oldest first. `after` is the last row before. */
  periods(
    orgId: OrgId,
    page: {
      readonly of: Exclude<HistorySubject, { readonly everybody: true }>
      readonly after: AccessPeriod | undefined
      readonly limit: number
    },
  ): Promise<readonly AccessPeriod[]>
  /** Every period of a seat of a product, oldest first. `after` is the last row before. */
  seatPeriods(
    orgId: OrgId,
    page: { readonly product: string; readonly after: AccessPeriod | undefined; readonly limit: number },
  ): Promise<readonly AccessPeriod[]>
  /** The period of an account that ended with each of these records, by person. */
  endedAccounts(
    orgId: OrgId,
    ended: readonly { readonly user: UserId; readonly seq: number }[],
  ): Promise<ReadonlyMap<UserId, readonly AccessPeriod[]>>
  /** Removals of these people that were held, oldest first. */
  staged(orgId: OrgId, people: readonly UserId[]): Promise<readonly StagedRemoval[]>
  /** Names by id of people, groups, custom roles, rules, connections and keys of an org, deleted ones too. */
  names(orgId: OrgId, ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** The primary e-mail addresses of people who have one, by id. */
  emails(orgId: OrgId, people: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Records by their place in the log. */
  origins(orgId: OrgId, seqs: readonly number[]): Promise<ReadonlyMap<number, RecordOrigin>>
  /** Records by id. */
  causes(orgId: OrgId, ids: readonly RecordId[]): Promise<ReadonlyMap<RecordId, RecordOrigin>>
}
