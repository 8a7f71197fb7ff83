import type { OrgRole } from './access.ts'
import type { ConnectionId, OrgId, UserId } from './ids.ts'

/** A live account as a review of exceptions looks at it. Times are epoch milliseconds. */
export interface AccountStanding {
  readonly user: UserId
  readonly userName: string
  readonly isService: boolean
  readonly isActive: boolean
  readonly orgRole: OrgRole | 'none'
  /** The connection that manages the account. */
  readonly owner: ConnectionId | undefined
  /** Whether it is linked to somebody at a sign-in provider. */
  readonly isLinked: boolean
  readonly created: number
  readonly lastSignIn: number | undefined
  readonly lastActive: number | undefined
  /** The person who answers for a service account, and whether they still are active. */
  readonly answeredBy: UserId | undefined
  readonly isAnsweredFor: boolean
}

export interface StandingReads {
  /** Live accounts by id. */
  accounts(orgId: OrgId, after: UserId | undefined, limit: number): Promise<readonly AccountStanding[]>
}
