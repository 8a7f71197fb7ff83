import type { AccessPeriod } from './history-ports.ts'
import type { OrgId, UserId } from './ids.ts'
import type { SealedValues } from './sealed-values.ts'
import type { User } from './user.ts'

/** Seqs of records: (after, upTo]. */
export interface SeqRange {
  readonly after: number
  readonly upTo: number
}

export interface ReplayCounts {
  readonly begun: number
  readonly ended: number
  readonly targets: number
}

/** The row of a person, live or deleted. */
export interface KeptPerson {
  readonly user: User
  /** Where people are looked up that is not what their attributes say. */
  readonly stray: StrayKey | undefined
}

/** A column of a person's row, or a table beside it. */
export interface StrayKey {
  readonly table: 'user' | 'user_email'
  readonly column: string | undefined
}

/** A place in what is sealed of people: by person, then by record. */
export interface SealedPlace {
  readonly person: string
  readonly seq: number
}

/** What a record says, by its place. */
export interface RecordText {
  readonly seq: number
  readonly id: string
  readonly body: string
}

/** What stands beside the log and can be made of it anew. */
export interface ReplayReads {
  /** Which records of a range are found under some ids. */
  targets(
    orgId: OrgId,
    ids: readonly string[],
    range: SeqRange,
  ): Promise<readonly { readonly seq: number; readonly id: string }[]>
  /** Periods of people that begin or end within a range. */
  edges(orgId: OrgId, people: readonly UserId[], range: SeqRange): Promise<readonly AccessPeriod[]>
  /** How many periods begin and how many end within a range, and under how many ids its records are found in all. */
  count(orgId: OrgId, range: SeqRange): Promise<ReplayCounts>
  /** Who was erased. */
  erased(orgId: OrgId): Promise<ReadonlySet<string>>
  /** Tables whose rows are not what the open periods say: what people hold today. */
  strayTables(orgId: OrgId): Promise<readonly string[]>
  /** People by id, live and deleted, with service accounts. */
  people(orgId: OrgId, after: string, limit: number): Promise<readonly KeptPerson[]>
  /** What is sealed of people by person and record; of those up to an id, or of all that follow. */
  sealedOf(orgId: OrgId, after: SealedPlace, upTo: string | undefined, limit: number): Promise<readonly SealedValues[]>
  /** The records of some places, in no order. */
  texts(orgId: OrgId, seqs: readonly number[]): Promise<readonly RecordText[]>
}
