/** An invitation, open or over. Columns are as `schema.ts` says. */
export interface InviteTable {
  org_id: string
  id: string
  user_id: string
  /** SHA-256 of what stands in the link. */
  token_hash: Uint8Array
  /** The address it was sent to, folded; '' once it is over. */
  email_key: string
  /** `pending`, `accepted`, `ended` (the person came another way), `revoked` or `expired`. */
  state: string
  invited_by: string | null
  created: number
  /** When it was last sent, or its link shown. */
  sent: number
  expires: number
  ended: number | null
}

/** A domain that an org says is its own. */
export interface DomainClaimTable {
  org_id: string
  domain_key: string
  /** What the DNS must show. */
  challenge: string
  /** 1 where new people of the domain join the org by signing in. */
  captures: 0 | 1
  /** The team they join as well. */
  team_id: string | null
  created: number
  /** When it was first seen; null while it is not proved. */
  proved_at: number | null
  checked: number | null
  /** When it is looked at next. */
  next_ms: number
  /** Since when a proved one was not seen any more. */
  failing_since: number | null
}
