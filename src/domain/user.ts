import type { Access, AccessWish, AccountType, OrgRole } from './access.ts'
import type { ConnectionId, UserId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** `active` on the wire is `status <> deactivated`; a pending person was invited and has not arrived. */
export type UserStatus = 'pending' | 'active' | 'deactivated'

/**
 * The SCIM attributes of a person in canonical shape (names as in the schema, dateTimes in 24-character UTC form, no
 * nulls, no empty arrays), extensions under their URN. Left out because they live elsewhere: `id`, `meta`, `schemas`,
 * `groups`, `active`, `externalId`, `password`.
 */
export interface UserAttributes extends JsonObject {
  readonly userName: string
}

/** A person in one org. A person in two orgs is two people. Times are epoch milliseconds UTC. */
export interface User {
  readonly id: UserId
  /** Per-org counter given at creation: the default order of lists. */
  readonly ord: number
  /** +1 per effective change; `meta.version` is `W/"<version>"`. */
  readonly version: number
  readonly created: number
  readonly updated: number
  readonly status: UserStatus
  readonly accountType: AccountType
  /** The idp connection that owns the person, with its `externalId`. */
  readonly owner: ConnectionId | undefined
  readonly externalId: string | undefined
  /** Derived: `none` unless active. */
  readonly orgRole: OrgRole | 'none'
  readonly attributes: UserAttributes
}

/** What a client may write of a person: the state a PUT or PATCH is computed on. */
export interface UserState {
  readonly attributes: UserAttributes
  readonly active: boolean
  readonly externalId: string | undefined
  /** What the person may do, where the change asked to know it. */
  readonly access?: Access
  /** In a state that is wanted: explicit values to set or clear, in order. */
  readonly wishes?: readonly AccessWish[]
}

export interface EmailValue extends JsonObject {
  readonly value?: string
  readonly type?: string
  readonly display?: string
  readonly primary?: boolean
}

/** The e-mails of a person in order; empty where none. */
export function emailsOf(attributes: UserAttributes): readonly EmailValue[] {
  const emails = attributes['emails']
  return Array.isArray(emails) ? (emails as readonly EmailValue[]) : []
}

/** The address marked primary, if any. */
export function primaryEmail(attributes: UserAttributes): string | undefined {
  return emailsOf(attributes).find((email) => email.primary === true)?.value
}
