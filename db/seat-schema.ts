/** What people hold of a product: the type wanted for them, and the one the licence had left. */
export interface UserSeatTable {
  org_id: string
  user_id: string
  product: string
  wanted: string
  given: string
  wanted_since: number
  source: string
}

export interface SeatCounterTable {
  org_id: string
  product: string
  type: string
  used: number
  cap: number | null
}

/** A loss that a connection brought about, or one that is held for an admin to decide. */
export interface BreakerEventTable {
  org_id: string
  id: string
  connection_id: string
  user_id: string
  /** `deactivate`, `delete` or `group`. */
  act: string
  at: number
  /** Grows by one with each loss of the connection; null for one that did not happen (yet). */
  ord: number | null
  /** Losses of the connection within the window, with this one. */
  recent: number
  /** Active people the connection is known to have had at least when the losses were last held against them. */
  base_floor: number
  batch_id: string | null
  /** `done`, `held`, `allowed`, `rejected` or `restored`. */
  state: string
}

/** Losses of a connection that together went beyond the limit. */
export interface BreakerBatchTable {
  org_id: string
  id: string
  connection_id: string
  /** `alert` or `hold`. */
  mode: string
  /** `open`, `allowed`, `rejected` or `restored`. */
  state: string
  /** How many could be lost, and how many active people the connection had. */
  most: number
  base: number
  created: number
  decided: number | null
}

/** The view of seats in use, a row a product and counted type. */
export interface SeatUseView {
  org_id: string
  product: string
  type: string
  /** null where the licence states no number. */
  bought: number | null
  used: number
  /** Held by invited people who have not arrived. */
  reserved: number
  /** Negative while more are in use than were bought; null where the licence states no number. */
  seats_left: number | null
  waiting: number
}

/** What a person had when deactivation ended it for good. */
export interface RemovedAccessTable {
  org_id: string
  user_id: string
  /** JSON: `members` (group, origin, who set it, when) and `grants` (kind, target, value, who set it, when). */
  facts: string
  at: number
}
