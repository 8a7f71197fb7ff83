import type { AccountType, OrgRole } from './access.ts'
import type { KeyId, OrgId, SessionId, UserId } from './ids.ts'
import type { UserStatus } from './user.ts'

/**
 * Whose right a key has: `operator` that of an org admin, and to make orgs; `admin` that of an org admin; `auditor` to
 * read everything and change nothing; `user` what the person or service account it belongs to may do now.
 */
export type KeyScope = 'operator' | 'admin' | 'auditor' | 'user'

/** A key of the admin API; only the SHA-256 of its text is stored. Times are epoch milliseconds. */
export interface ApiKey {
  readonly orgId: OrgId
  readonly id: KeyId
  readonly scope: KeyScope
  /** Of scope `user` only. */
  readonly user: UserId | undefined
  readonly name: string
  readonly origin: 'minted' | 'bootstrap'
  readonly created: number
  readonly expires: number | undefined
  readonly lastUsed: number | undefined
  readonly revoked: number | undefined
}

/** The account a key belongs to, as it is now. */
export interface KeyHolder {
  readonly id: UserId
  readonly accountType: AccountType
  readonly status: UserStatus
  readonly deleted: boolean
  readonly orgRole: OrgRole | 'none'
  readonly billingAdmin: boolean
  readonly auditor: boolean
  /** A service account whose team is archived: its keys rest until the team is restored. */
  readonly resting: boolean
}

/** A key as it is looked up: with the SHA-256 (32 bytes) of its text, and its holder. */
export interface StoredKey extends ApiKey {
  readonly secretHash: Uint8Array
  readonly holder: KeyHolder | undefined
}

/** What a request may do that showed a key, or came with a session. */
export interface Account {
  /** The key, or the session. */
  readonly keyId: KeyId | SessionId
  /** The person or service account; absent for keys of nobody. */
  readonly user: UserId | undefined
  readonly isService: boolean
  /** Makes orgs. */
  readonly isOperator: boolean
  readonly isOrgAdmin: boolean
  /** Reads everything of the org. */
  readonly isAuditor: boolean
  readonly isBillingAdmin: boolean
  /** Of a session: when the person last proved who they are, epoch milliseconds. */
  readonly authenticatedAt?: number
}

/** A key just made, with the SHA-256 (32 bytes) of its text. */
export type NewKey = Omit<ApiKey, 'orgId' | 'created' | 'lastUsed' | 'revoked'> & { readonly secretHash: Uint8Array }

/** Keys of the admin API. */
export interface KeyWrites {
  insert(orgId: OrgId, key: NewKey, at: number): Promise<void>
  list(orgId: OrgId): Promise<readonly ApiKey[]>
  revoke(orgId: OrgId, id: KeyId, at: number): Promise<void>
}
