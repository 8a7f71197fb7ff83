import type { OrgId, UserId } from './ids.ts'

/** Records of an org's log that were, or are being, taken out of the store: all before `upTo`, which stays. */
export interface Purge {
  readonly upTo: number
  /** The record that says so. */
  readonly seq: number
  /** Epoch milliseconds. */
  readonly at: number
  /** Whether everything is out; what was begun and cut off is gone on with. */
  readonly done: boolean
}

/** How far the taking out got: a table, and the last key looked at in it. */
export interface PurgeStep {
  readonly table: 'records' | 'targets' | 'periods'
  readonly after: readonly (string | number)[]
}

/** Purging within a unit of work. */
export interface PurgeWrites {
  /** The newest. */
  last(orgId: OrgId): Promise<Purge | undefined>
  begin(orgId: OrgId, purge: Purge): Promise<void>
  /** Whether a record of (after, upTo] is found under a person's id. */
  speaksOf(orgId: OrgId, person: UserId, range: { readonly after: number; readonly upTo: number }): Promise<boolean>
  /**
   * Takes out a batch of what stands before a seq: records with what is beside them, the ids they are found by, and
   * periods that ended at or before it.
   * @returns where to go on; undefined when nothing is left
   */
  drop(orgId: OrgId, upTo: number, step: PurgeStep): Promise<PurgeStep | undefined>
  end(orgId: OrgId, upTo: number, at: number): Promise<void>
}
