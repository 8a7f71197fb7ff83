/** Access reviews: what was held when one began, and what was decided of it. Columns are as `schema.ts` says. */
export interface AccessReviewTable {
  org_id: string
  id: string
  name: string
  /** The record of the log the snapshot was taken after, and when. */
  seq: number
  created: number
  /** `open` or `signed`. */
  state: string
  signed: number | null
  /** Hexadecimal SHA-256 over the decided items, as the record of the signing holds it. */
  digest: string | null
}

/** One value that one person held, as it stood in the snapshot. */
export interface AccessReviewItemTable {
  org_id: string
  review_id: string
  /** From 1. */
  n: number
  user_id: string
  kind: string
  target: string
  value: string
  from_seq: number
  /** Who gave it: the actor of the record that did, or of the one that led to it. */
  given_type: string | null
  given_id: string | null
  /** `keep` or `revoke`; null until it is decided. */
  decision: string | null
  reason: string | null
  decided_type: string | null
  decided_id: string | null
  decided: number | null
}
