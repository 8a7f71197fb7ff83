/** Who is signed in with a browser. Columns are as `schema.ts` says. */
export interface SessionTable {
  id: string
  org_id: string
  user_id: string
  /** SHA-256 of what the cookie holds. */
  secret_hash: Uint8Array
  /** How the person signed in: `oidc`, `ldap`, `password`, `setup`, `invite`. */
  method: string
  issuer: string | null
  subject: string | null
  /** The session at the issuer (OpenID Connect Back-Channel Logout 1.0 §2.1). */
  sid: string | null
  /** What names the session to the issuer at sign-out; it is no credential here. */
  id_token: string | null
  created: number
  last_seen: number
  /** When the person last proved who they are. */
  authenticated_at: number
  /** However much it is used, it ends then. */
  expires: number
}

/** The password of a person who may sign in without an identity provider. */
export interface LocalPasswordTable {
  org_id: string
  user_id: string
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, the last two in base64url. */
  hash: string
  changed: number
  /** Wrong passwords since the last right one. */
  failures: number
  failed_at: number | null
}

/** A link that works once: to set the gateway up, or to set a password anew. */
export interface OneTimeLinkTable {
  org_id: string
  id: string
  secret_hash: Uint8Array
  kind: string
  user_id: string | null
  created: number
  expires: number
}
