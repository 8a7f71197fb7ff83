import type { Filter } from './filter.ts'
import type { ConnectionId, GroupId, UserId } from './ids.ts'

/** A SCIM Group as the identity provider pushed it. Every team is a group with the same id. */
export interface Group {
  readonly id: GroupId
  readonly ord: number
  readonly version: number
  readonly created: number
  readonly updated: number
  readonly displayName: string
  readonly owner: ConnectionId | undefined
  readonly externalId: string | undefined
  readonly markedProtected: boolean
  /** Live people with at least one listed fact, plus nested groups. */
  readonly memberCount: number
}

/** Who stated that a person is in a group. A second origin is a second fact, so each can end by itself. */
export type MemberOrigin = 'scim' | 'manual' | 'invite' | 'domain' | 'claim' | 'service'

/** One row of `Group.members`: a person (every origin, deactivated ones too) or a nested group. */
export interface Member {
  readonly type: 'User' | 'Group'
  readonly id: UserId | GroupId
  readonly display: string
}

/** A group a person is in, as `User.groups` shows it. */
export interface GroupRef {
  readonly id: GroupId
  readonly display: string
  readonly type: 'direct' | 'indirect'
}

/** A member as a client names it: an id of a user or group, or a person's primary e-mail address. */
export interface MemberInput {
  readonly value: string
}

/** One step over the members of a group (RFC 7644 §3.5.2), applied in order without ever loading the group. */
export type MemberStep =
  | { readonly do: 'add'; readonly members: readonly MemberInput[] }
  | { readonly do: 'remove'; readonly members: readonly MemberInput[] }
  | { readonly do: 'removeWhere'; readonly where: Filter }
  | { readonly do: 'removeAll' }
  | { readonly do: 'set'; readonly members: readonly MemberInput[] }

/** What a PUT or PATCH asks of a group. An absent key changes nothing; `externalId: null` clears. */
export interface GroupPlan {
  readonly displayName?: string
  readonly externalId?: string | null
  readonly steps: readonly MemberStep[]
  /** Names of unknown keys that were dropped, for the record. */
  readonly ignored?: readonly string[]
}

/** A group to be made. */
export interface GroupDraft {
  readonly displayName: string
  readonly externalId: string | undefined
  readonly members: readonly MemberInput[]
  readonly ignored?: readonly string[]
}

/** The most members one request may name (DESIGN budgets); more is 413. */
export const MAX_MEMBERS_PER_REQUEST = 20_000
