type Flag = 0 | 1

/** Who people are elsewhere, and what they sign in with. Columns are as `schema.ts` says. */
export interface IdentityTable {
  org_id: string
  issuer: string
  /** Keyed hash of issuer and subject. */
  subject_key: string
  user_id: string
  provider_id: string
  /** `paired`, `email`, `invite` or `made`. */
  way: string
  created: number
  last_sign_in: number
}

/** Subjects that deleted people had: kept for good. */
export interface IdentityTombstoneTable {
  org_id: string
  subject_key: string
}

export interface SigninProviderTable {
  org_id: string
  id: string
  /** `oidc` or `ldap`. */
  kind: string
  name: string
  name_key: string
  enabled: Flag
  /** `made` by an admin, or from the `environment`. */
  origin: string
  /** JSON by kind; holds no secret. */
  config: string
  /** Wrapped by the master key. */
  secret: Uint8Array | null
  version: number
  created: number
  updated: number
}

/** A sign-in on its way to a provider and back; gone once it came back. */
export interface SigninFlowTable {
  /** SHA-256 of the `state` parameter. */
  state_hash: Uint8Array
  /** SHA-256 of the cookie of the browser that began. */
  browser_hash: Uint8Array
  org_id: string
  provider_id: string
  /** JSON: where to go on afterwards, and what for. */
  purpose: string
  expires: number
}
