/** Mail that waits to be sent, and what became of it. Columns are as `schema.ts` says. */
export interface OutboxTable {
  org_id: string
  id: string
  kind: string
  person_id: string | null
  /** JSON of a Mail, sealed under the master key; '' once the mail no longer waits. */
  payload: string
  /** `waiting`, `sent`, `failed` or `dropped`. */
  state: string
  attempts: number
  next_ms: number
  /** Until when one instance alone sends it. */
  lease_until: number | null
  created: number
  ended: number | null
  problem: string | null
}
