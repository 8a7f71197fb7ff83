type Flag = 0 | 1

/** Who may come in: connections with what they show, and keys of the admin API. Columns are as `schema.ts` says. */
export interface ConnectionTable {
  org_id: string
  id: string
  name: string
  name_key: string
  kind: string
  status: string
  may_grant_admin: Flag
  /** Space-separated, as in OAuth 2: `users groups`. */
  scopes: string
  signin_provider_id: string | null
  version: number
  created: number
}

export interface ConnectionTokenTable {
  id: string
  org_id: string
  connection_id: string
  secret_hash: Uint8Array
  origin: string
  created: number
  expires: number | null
  last_used: number | null
  revoked: number | null
}

export interface JwtTrustTable {
  org_id: string
  id: string
  connection_id: string
  issuer: string
  audience: string
  /** Canonical JSON of the pinned claims. */
  pins: string
  pin_key: string
  jwks_uri: string | null
  /** Space-separated JWA names. */
  algorithms: string
  long_lived: Flag
  created: number
}

/** A key of the admin API: of a person or service account, or of nobody (`operator`, `admin`, `auditor`). */
export interface ApiKeyTable {
  id: string
  org_id: string
  scope: string
  user_id: string | null
  name: string
  secret_hash: Uint8Array
  /** `minted` or `bootstrap`. */
  origin: string
  created: number
  expires: number | null
  last_used: number | null
  revoked: number | null
}

/** What a request that carried an idempotency key did; without an answer until that was sent. */
export interface KeptAnswerTable {
  org_id: string
  key_id: string
  idempotency_key: string
  /** SHA-256 of method, path and body. */
  request_hash: Uint8Array
  created: number
  status: number | null
  body: string | null
  /** JSON of the headers that belong to the answer. */
  headers: string | null
}

/** A token of an issuer that works once, until it would not work any more in any case. */
export interface SpentTokenTable {
  org_id: string
  /** SHA-256 of what it was for, its issuer and its `jti`. */
  token_hash: Uint8Array
  expires: number
}
