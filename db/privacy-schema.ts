/** A person whose personal values are gone for good. Columns are as `schema.ts` says. */
export interface ErasureTable {
  org_id: string
  person_id: string
  /** The record that says so. */
  seq: number
  time_ms: number
  /** When it was written outside the database, for restores; null until then. */
  exported_ms: number | null
}

/** What may neither be erased nor purged. */
export interface LegalHoldTable {
  org_id: string
  id: string
  /** null for everybody. */
  person_id: string | null
  /** The records it is about; null for all on that side. */
  from_seq: number | null
  to_seq: number | null
  /** The records of its beginning and end. */
  placed_seq: number
  placed_ms: number
  released_seq: number | null
  released_ms: number | null
}

/** Up to which record the log of an org was purged; that record stays. */
export interface LogPurgeTable {
  org_id: string
  upto_seq: number
  /** The record that says so. */
  record_seq: number
  time_ms: number
  /** When everything before it was out; null until then. */
  done_ms: number | null
}
