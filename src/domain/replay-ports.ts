import type { AccessPeriod } from './history-ports.ts'
import type { OrgId, UserId } from './ids.ts'

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
}
