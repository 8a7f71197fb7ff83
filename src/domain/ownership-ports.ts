import type { ConnectionId, GroupId, OrgId, UserId } from './ids.ts'

/** A linking write that waits for an admin, or waited. */
export interface LinkItem {
  readonly connectionId: ConnectionId
  readonly connectionName: string
  readonly subjectType: 'user' | 'group'
  readonly subjectId: string
  /** userName or displayName; undefined when it was deleted meanwhile. */
  readonly subjectName: string | undefined
  readonly state: 'waiting' | 'confirmed' | 'rejected'
  readonly created: number
}

/** A person whom a connection names as admin in `roles` or `entitlements`, without the right to make one. */
export interface WithheldItem {
  readonly user: UserId
  readonly userName: string
  readonly connectionId: ConnectionId
  readonly connectionName: string
  /** `roles` or `entitlements`. */
  readonly attribute: string
  readonly state: 'waiting' | 'refused'
  readonly created: number
}

/** What waits for an admin of the org. Few: each is a person or group that somebody has to look at. */
export interface WaitingReads {
  /** Those not done, the oldest first. */
  links(orgId: OrgId): Promise<readonly LinkItem[]>
  /** Of live people, the oldest first. */
  withheldAdmins(orgId: OrgId): Promise<readonly WithheldItem[]>
}

/** Which connection would link which user or group. */
export interface LinkKey {
  readonly connectionId: ConnectionId
  readonly subjectId: string
}

/** A linking write that waits for an admin. */
export interface LinkRequest extends LinkKey {
  readonly subjectType: 'user' | 'group'
  readonly reason: string
}

export interface LinkWrites {
  state(orgId: OrgId, link: LinkKey): Promise<string | undefined>
  /** Leaves an item, or one that was done once to be decided again. */
  ask(orgId: OrgId, request: LinkRequest, at: number): Promise<void>
  /** @returns whether there was such a request that is not done */
  decide(orgId: OrgId, link: LinkKey, state: 'confirmed' | 'rejected', at: number): Promise<boolean>
  /** The link stands, whether or not it had to be asked for. */
  settle(orgId: OrgId, link: LinkKey, at: number): Promise<void>
}

/** Whose resources go to whom. */
export interface Handover {
  readonly from: ConnectionId | undefined
  /** undefined leaves them without an owner, and without the externalId of the last one. */
  readonly to: ConnectionId | undefined
  /** The one user or group; absent for all that `from` owns. */
  readonly subject?: { readonly type: 'user' | 'group'; readonly id: string }
  readonly at: number
}

export interface HandedOver {
  readonly users: readonly UserId[]
  readonly groups: readonly GroupId[]
}
