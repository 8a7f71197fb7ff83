import type { BreakerSettings } from './org-settings.ts'
import type { BatchId, BreakerEventId, ConnectionId, OrgId, UserId } from './ids.ts'

/** What a person lost: `group` is their last team, or the role of an org admin, through a group. */
export type RemovalAct = 'deactivate' | 'delete' | 'group'

/** What connections may lose of their people before somebody looks. */
export interface RemovalLimit {
  /** So many at most. */
  readonly most: number
  /** Active people the connection had when the window opened. */
  readonly base: number
}

/** How many people may be lost within the window out of so many active ones. */
export function limitOf(base: number, { percent, floor }: BreakerSettings): number {
  return Math.max(floor, Math.floor((base * percent) / 100))
}

/** How many active people a connection must have had for so many losses to be within the limit. */
export function baseNeeded(lost: number, { percent, floor }: BreakerSettings): number {
  return lost <= floor ? 0 : Math.ceil((lost * 100) / percent)
}

/** Where a connection stands after further losses. */
export interface LossCount {
  /** The last of them. */
  readonly event: BreakerEventId
  /** Losses within the window, with these. */
  readonly recent: number
  /** Active people the connection is known to have had at least. */
  readonly baseFloor: number
  /** The batch that the losses before belong to. */
  readonly batch: BatchId | undefined
}

export type BatchState = 'open' | 'allowed' | 'rejected' | 'restored'

/** Losses of a connection that together went beyond the limit. Times are epoch milliseconds. */
export interface RemovalBatch extends RemovalLimit {
  readonly id: BatchId
  readonly connection: ConnectionId
  readonly mode: 'alert' | 'hold'
  readonly state: BatchState
  readonly created: number
  readonly decided: number | undefined
}

export type RemovalState = 'done' | 'held' | 'allowed' | 'rejected' | 'restored'

/** One loss of a batch, or one that is held. */
export interface Removal {
  readonly id: BreakerEventId
  readonly user: UserId
  readonly act: RemovalAct
  readonly at: number
  readonly state: RemovalState
}

/** A loss to be counted, or held. */
export interface NewRemoval {
  readonly id: BreakerEventId
  readonly user: UserId
}

/** Whose losses, and since when (epoch milliseconds, exclusive) they count. */
export interface LossWindow {
  readonly connection: ConnectionId
  readonly since: number
}

/** The guard against mass removals as a unit of work sees it. */
export interface BreakerWrites {
  /** Counts losses that happen now. */
  count(
    orgId: OrgId,
    window: LossWindow,
    losses: { readonly act: RemovalAct; readonly people: readonly NewRemoval[]; readonly at: number },
  ): Promise<LossCount>
  /** How many active people a connection owns, counted up to a limit. */
  owned(orgId: OrgId, connection: ConnectionId, limit: number): Promise<number>
  /** How many people were deactivated or deleted within the window. */
  ended(orgId: OrgId, window: LossWindow): Promise<number>
  /** Keeps how many active people were found, so that they are not counted again. */
  keepBase(orgId: OrgId, event: BreakerEventId, base: number): Promise<void>
  batch(orgId: OrgId, id: BatchId): Promise<RemovalBatch | undefined>
  /** The batch of a connection that holds removals and was not decided. */
  holding(orgId: OrgId, connection: ConnectionId): Promise<RemovalBatch | undefined>
  /** Makes a batch of the losses of a window. */
  openBatch(orgId: OrgId, batch: RemovalBatch, window: LossWindow): Promise<void>
  decide(orgId: OrgId, id: BatchId, state: BatchState, at: number): Promise<void>
  /** Holds a removal; one that is held already stays one. */
  hold(
    orgId: OrgId,
    batch: RemovalBatch,
    removal: NewRemoval & { readonly act: RemovalAct; readonly at: number },
  ): Promise<void>
  /** Whether an admin rejected this removal at or after `since`. */
  wasRejected(orgId: OrgId, window: LossWindow, removal: Pick<Removal, 'user' | 'act'>): Promise<boolean>
  /** Removals of a batch in one of the states, by id. */
  removals(orgId: OrgId, batch: BatchId, states: readonly RemovalState[], limit: number): Promise<readonly Removal[]>
  settle(orgId: OrgId, ids: readonly BreakerEventId[], state: RemovalState): Promise<void>
  /** The same for all of a batch that are in a state. @returns how many they were */
  settleAll(orgId: OrgId, batch: BatchId, from: RemovalState, to: RemovalState): Promise<number>
}

/** A batch with how many removals of it stand where. */
export interface BatchSummary extends RemovalBatch {
  readonly done: number
  readonly held: number
  /** Of those done, how many only lost what groups gave. */
  readonly throughGroups: number
}

/** Batches and what they hold, to look at. */
export interface BreakerReads {
  /** The newest first. */
  batches(orgId: OrgId, limit: number): Promise<readonly BatchSummary[]>
  batch(orgId: OrgId, id: BatchId): Promise<BatchSummary | undefined>
  /** Removals of a batch by id, after one. */
  removals(orgId: OrgId, id: BatchId, after: string | undefined, limit: number): Promise<readonly Removal[]>
}
