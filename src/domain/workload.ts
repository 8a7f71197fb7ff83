import type { KeyHolder } from './api-key.ts'
import type { OrgId, UserId } from './ids.ts'

/** A program as the platform it runs on names it: what the JWTs say that it is given there (RFC 7523 §3). */
export interface WorkloadIdentity {
  /** The `iss`, exactly. */
  readonly issuer: string
  /** The `sub`, exactly. */
  readonly subject: string
}

/** Whether two are one; no identity is one with no identity. */
export function sameIdentity(one: WorkloadIdentity | undefined, other: WorkloadIdentity | undefined): boolean {
  return one?.issuer === other?.issuer && one?.subject === other?.subject
}

/** A service account that a JWT names by its issuer and subject. */
export interface WorkloadAccount {
  readonly orgId: OrgId
  readonly orgName: string
  readonly user: UserId
}

/** A service account as its access tokens ask for it: as it is now. */
export interface WorkloadHolder {
  readonly holder: KeyHolder
  readonly identity: WorkloadIdentity | undefined
}

/** What an org says of the issuers that its programs get their JWTs from. */
export interface WorkloadSettings {
  /** Issuers whose JWTs are exchanged. */
  readonly issuers: readonly string[]
  /** Whether a JWT may be exchanged more than once, as where several processes share one file of it. */
  readonly reusableTokens: boolean
}
