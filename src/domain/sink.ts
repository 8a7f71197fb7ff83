import type { OrgId, SinkId } from './ids.ts'
import type { JsonObject } from './json.ts'

/**
 * How a receiver of the log is reached: signed webhooks, syslog (RFC 5424), security event tokens pushed to it (RFC
 * 8935), or polled by it (RFC 8936).
 */
export const SINK_KINDS = ['webhook', 'syslog', 'push', 'poll'] as const
export type SinkKind = (typeof SINK_KINDS)[number]

/** `suspended`: nothing arrived for days; an admin resumes it once the receiver is mended. */
export type SinkState = 'active' | 'paused' | 'suspended'

/** A place in an org's log: the record of that seq and all before it. */
export interface LogPosition {
  readonly epoch: number
  readonly seq: number
}

/** How far a receiver got, and what became of the last attempt. Times are epoch milliseconds. */
export interface SinkProgress {
  /** The last record that is done with: delivered, passed over or a dead letter. */
  readonly acked: LogPosition
  /** Failures in a row. */
  readonly attempts: number
  /** Those of them by which the receiver refused the very record. */
  readonly refusals: number
  /** Not tried before. */
  readonly next: number
  readonly failingSince: number | undefined
  /** A sentence without anything of a record in it. */
  readonly lastError: string | undefined
  readonly delivered: number | undefined
}

/** A receiver of an org's log. */
export interface Sink {
  readonly orgId: OrgId
  readonly id: SinkId
  /** One of a name in an org, in any case. */
  readonly name: string
  readonly kind: SinkKind
  /** By kind; checked when it was saved, and without any secret. */
  readonly config: JsonObject
  /** Whether names, addresses and the like are disclosed to it. */
  readonly personal: boolean
  readonly state: SinkState
  readonly progress: SinkProgress
  readonly version: number
  readonly created: number
}

/** What proves one side to the other, as it is stored. */
export interface SinkSecret {
  /** Sealed under the master key, where it must be read back. */
  readonly secret: string | undefined
  /** SHA-256, 32 bytes, where the receiver shows it to us. */
  readonly secretHash: Uint8Array | undefined
}

/** A receiver with its secret. */
export interface StoredSink extends Sink, SinkSecret {}

/** A record that a receiver would not take. */
export interface DeadLetter {
  readonly position: LogPosition
  /** What was answered; undefined where it was no HTTP. */
  readonly status: number | undefined
  readonly error: string
  readonly at: number
  /** Whether it waits to be sent again. */
  readonly again: boolean
}

/** Which dead letters of a sink: the newest first. */
export interface DeadLetterQuery {
  readonly before: LogPosition | undefined
  readonly limit: number
}

export interface SinkReads {
  /** Those of an org by age. */
  list(orgId: OrgId): Promise<readonly Sink[]>
  find(orgId: OrgId, id: SinkId): Promise<StoredSink | undefined>
  /** A polling receiver by its credential, before the org is known. */
  byHash(secretHash: Uint8Array): Promise<StoredSink | undefined>
  dead(orgId: OrgId, id: SinkId, query: DeadLetterQuery): Promise<readonly DeadLetter[]>
  /** How many dead letters each sink of an org has; those without are not among them. */
  deadCounts(orgId: OrgId): Promise<ReadonlyMap<SinkId, number>>
}

/** What admins change of a receiver. */
export type SinkChange = Pick<StoredSink, 'name' | 'config' | 'personal' | 'secret' | 'secretHash' | 'version'>

export interface SinkWrites {
  list(orgId: OrgId): Promise<readonly Sink[]>
  find(orgId: OrgId, id: SinkId): Promise<StoredSink | undefined>
  /** @throws DomainError `uniqueness` when the name is taken */
  insert(orgId: OrgId, sink: StoredSink): Promise<void>
  /** Leaves how far it got. @throws DomainError `uniqueness` when the name is taken */
  update(orgId: OrgId, id: SinkId, change: SinkChange): Promise<void>
  /** Ends its lease as well; one that is active again is tried at once. */
  setState(orgId: OrgId, id: SinkId, state: SinkState): Promise<void>
  /** With its dead letters. */
  remove(orgId: OrgId, id: SinkId): Promise<void>
  /** Puts one dead letter, or all, in line to be sent again. @returns how many */
  queueDead(orgId: OrgId, id: SinkId, position: LogPosition | undefined): Promise<number>
  /** Notes a reader of the log, unless it was noted since. @returns whether it was not */
  noteReader(orgId: OrgId, reader: string, times: { readonly since: number; readonly at: number }): Promise<boolean>
}

/** A sink that is this instance's to deliver to until `until`, epoch milliseconds. */
export interface SinkLease {
  readonly sink: StoredSink
  readonly owner: string
  readonly until: number
  /** Whether dead letters wait to be sent again. */
  readonly again: boolean
}

/** What a run of deliveries came to. */
export interface SinkOutcome {
  readonly progress: SinkProgress
  /** A record that is given up, on the way to the place of `progress`. */
  readonly dead?: Omit<DeadLetter, 'again'>
  /** Until when the lease goes on; undefined ends it. */
  readonly until: number | undefined
}

/** The sinks of every org as the courier sees them. What is claimed by one instance is not given to another. */
export interface SinkQueue {
  /**
   * Sinks that are active, due at `now`, and have something to deliver, at most `limit`; leased to an owner until
   * `until`.
   */
  claim(owner: string, now: number, until: number, limit: number): Promise<readonly SinkLease[]>
  /** Ends every lease: for a process that knows itself to be the only one that delivers. */
  releaseAll(): Promise<void>
  /** Writes down how far it got, if the lease still is the owner's. @returns the lease as it goes on, if it does */
  save(lease: SinkLease, outcome: SinkOutcome): Promise<SinkLease | undefined>
  /** Dead letters of a sink that are in line to be sent again, oldest first. */
  queued(lease: SinkLease, limit: number): Promise<readonly DeadLetter[]>
  /** Ends a dead letter that was delivered, or writes down why it is still one; with the lease. */
  settle(
    lease: SinkLease,
    position: LogPosition,
    failed: Omit<DeadLetter, 'again' | 'position'> | undefined,
  ): Promise<void>
  /** No dead letter is in line any more. */
  settled(lease: SinkLease): Promise<void>
  /**
   * Writes down what a polling receiver acknowledged.
   * @param at when, epoch milliseconds; undefined where nothing was acknowledged but passed over
   * @param dead records that it says it cannot take
   * @returns false when another instance was first: read it again
   */
  acknowledge(
    before: PollState,
    after: PollState,
    at: number | undefined,
    dead: readonly Omit<DeadLetter, 'again'>[],
  ): Promise<boolean>
  /** Where a polling receiver is. */
  pollState(orgId: OrgId, id: SinkId): Promise<PollState | undefined>
}

/** How far a polling receiver got, which may acknowledge out of order. */
export interface PollState {
  readonly orgId: OrgId
  readonly id: SinkId
  readonly acked: LogPosition
  /** Seqs beyond it, ascending. */
  readonly ahead: readonly number[]
}
