import type { OrgId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** Of something that may neither be erased nor purged. */
export type HoldId = string & { readonly __id: 'hold' }

/** What a record names in place of an erased value, and lists in place of an erased person's name. */
export const ERASED_NAME = '(erased)'

/** A legal hold: while it stands, nothing of what it is about is erased or purged. Times are epoch milliseconds. */
export interface LegalHold {
  readonly id: HoldId
  /** undefined for everybody of the org. */
  readonly person: UserId | undefined
  /** First and last record that it is about; undefined where it has no end on that side. */
  readonly fromSeq: number | undefined
  readonly toSeq: number | undefined
  /** The record that placed it, and when. */
  readonly placedSeq: number
  readonly placed: number
  /** The same of its end; undefined while it stands. */
  readonly releasedSeq: number | undefined
  readonly released: number | undefined
}

/** A person who was erased, the record that says so, and when (epoch milliseconds). */
export interface Erasure {
  readonly orgId: OrgId
  readonly person: UserId
  readonly seq: number
  readonly at: number
}

/** How many rows of one table were emptied of a person. */
export interface ErasedRows {
  readonly table: string
  readonly rows: number
}

export interface PrivacyReads {
  /** What the rows of a person hold, by table, without secrets. */
  held(orgId: OrgId, person: UserId): Promise<Readonly<Record<string, readonly JsonObject[]>>>
  /** Holds of an org, newest first; released ones too where `all` is set. */
  holds(orgId: OrgId, all: boolean): Promise<readonly LegalHold[]>
  erasure(orgId: OrgId, person: UserId): Promise<Erasure | undefined>
  /** Everybody who was erased, over all orgs, by org and person. `after` is the last of the page before. */
  erasures(after: Pick<Erasure, 'orgId' | 'person'> | undefined, limit: number): Promise<readonly Erasure[]>
  /** Ids of those who are nobody here, of whom something is kept. */
  unknownPeople(orgId: OrgId): Promise<readonly UserId[]>
  /** Those not yet written outside the store, oldest first. */
  erasuresWaiting(limit: number): Promise<readonly Erasure[]>
}

/** Erasing and what forbids it, within a unit of work. */
export interface PrivacyWrites {
  /** Holds that stand and are about a person, or about everybody. */
  holdsOf(orgId: OrgId, person: UserId): Promise<readonly LegalHold[]>
  /** Every hold that stands. */
  standing(orgId: OrgId): Promise<readonly LegalHold[]>
  find(orgId: OrgId, id: HoldId): Promise<LegalHold | undefined>
  place(orgId: OrgId, hold: LegalHold): Promise<void>
  release(orgId: OrgId, id: HoldId, end: { readonly seq: number; readonly at: number }): Promise<void>
  erasure(orgId: OrgId, person: UserId): Promise<Erasure | undefined>
  /**
   * Empties every table of a person's values: those of the state, those beside records, and the key that opened them.
   * @returns what was emptied, without tables that held nothing
   */
  erase(erasure: Erasure): Promise<readonly ErasedRows[]>
  /** Empties only what stands beside records, with its key: of those who are nobody here there is nothing else. */
  eraseSealed(erasure: Erasure): Promise<readonly ErasedRows[]>
}

/** How far the erasing of rows got in the store's own files. */
export interface ScrubReport {
  /**
   * - `files`: no byte is left in the database file and its write-ahead log
   * - `rows`: rows, dumps and exports hold nothing; freed pages do until the server reuses them
   * - `waiting`: something else reads the database; its write-ahead log keeps old pages until that ends
   */
  readonly reached: 'files' | 'rows' | 'waiting'
}

/** What is done once the erasure is committed, and how far it got. */
export interface ErasureReach extends ScrubReport {
  /** Whether a file outside the store is told, so that a backup that is put back is erased again. */
  readonly outside: boolean
}
