import type { HeldKind } from './history-ports.ts'
import type { GroupId, OrgId, ReviewId, UserId } from './ids.ts'

/** What a review of access is about: org admins, one team, or all that anybody holds. */
export type ReviewScope = { readonly of: 'admins' | 'everybody' } | { readonly of: 'team'; readonly team: GroupId }

/** A campaign over a snapshot of access. Times are epoch milliseconds. */
export interface Review {
  readonly id: ReviewId
  readonly name: string
  /** The record of the log that the snapshot was taken after. */
  readonly seq: number
  readonly created: number
  readonly state: 'open' | 'signed'
  readonly signed: number | undefined
  /** Hexadecimal SHA-256 over what was decided; in the record of the signing too. */
  readonly digest: string | undefined
}

export interface Reviewer {
  readonly type: string
  readonly id: string | undefined
}

export interface ReviewDecision {
  readonly decision: 'keep' | 'revoke'
  readonly reason: string
}

/** One value of one person, who gave it, and what was decided of it. */
export interface ReviewItem {
  /** From 1. */
  readonly n: number
  readonly user: UserId
  readonly kind: HeldKind
  readonly target: string
  readonly value: string
  readonly given: Reviewer | undefined
  readonly decided: (ReviewDecision & { readonly by: Reviewer; readonly at: number }) | undefined
  /** The record that has ended the value since; undefined while it is held as it was. */
  readonly endedSeq: number | undefined
}

export interface ReviewReads {
  list(orgId: OrgId): Promise<readonly Review[]>
  find(orgId: OrgId, id: ReviewId): Promise<Review | undefined>
  /** By number; `after` is the last of the page before, 0 at the beginning. */
  items(orgId: OrgId, id: ReviewId, after: number, limit: number): Promise<readonly ReviewItem[]>
}

export interface ReviewWrites extends ReviewReads {
  /** Makes a review and takes its snapshot. @returns how many items it has */
  start(orgId: OrgId, review: Pick<Review, 'id' | 'name' | 'seq' | 'created'>, scope: ReviewScope): Promise<number>
  decide(
    orgId: OrgId,
    id: ReviewId,
    item: ReviewDecision & { readonly n: number; readonly by: Reviewer; readonly at: number },
  ): Promise<void>
  sign(orgId: OrgId, id: ReviewId, signing: { readonly at: number; readonly digest: string }): Promise<void>
}
