import type { ValueOpener } from '../audit/opened-values.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { SinkLease, SinkProgress, SinkQueue, StoredSink } from '../domain/sink.ts'
import type { Carried, Carrier, CarryFailure } from './carrier.ts'
import { isWanted } from './sink-config.ts'

/** Sinks this instance delivers to at once. */
const AT_ONCE = 8
/** Longer than one batch can take, so that no other instance sends what is still on its way. */
const LEASE_MS = 20_000
const PAGE = 200
/** How often what arrived is written down: so much may arrive twice after a kill. */
const SAVE_MS = 500
/** Attempts at a record that its receiver refuses. */
const MOST_REFUSALS = 5
const LONGEST_WAIT_MS = 3_600_000
const SUSPEND_AFTER_MS = 3 * 86_400_000
const EVERY_MS = 250
const FIRST_WAIT_MS = 2_000

export interface CourierParts {
  readonly queue: SinkQueue
  readonly records: RecordReads
  readonly values: ValueOpener
  /** @throws Error where the secret of a sink does not open */
  readonly carrierOf: (sink: StoredSink) => Carrier
  /** Notes once a day that a sink reads the log; before anything is given out. */
  readonly noteRead: (sink: StoredSink) => Promise<void>
  /** Ends deliveries until an admin resumes them, and says so in the log. */
  readonly suspend: (sink: StoredSink, why: string) => Promise<void>
  /** Name of this instance in leases. */
  readonly owner: string
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Told of failures of ours: receivers' stand with their sink. */
  readonly onProblem: (message: string, error: unknown) => void
  /** The first wait after a failure, doubled each time; 2,000 ms if absent. */
  readonly firstWaitMs?: number
}

/** Carries the log to its receivers. */
export interface Courier {
  /** Begins with every sink that is due; resolves once they are claimed. */
  round(): Promise<void>
  /** Resolves when nothing is on its way. */
  idle(): Promise<void>
  /** Begins no more, and cuts off what still is on its way after so many milliseconds. */
  stop(waitMs?: number): Promise<void>
}

/** Starts delivering; the timer does not keep the process alive. */
export function startCourier(parts: CourierParts): Courier {
  const courier = createCourier(parts)
  const timer = setInterval(() => void courier.round(), EVERY_MS)
  timer.unref()
  return {
    ...courier,
    stop(waitMs) {
      clearInterval(timer)
      return courier.stop(waitMs)
    },
  }
}

/** The courier without a clock of its own: `round` is called from outside. */
export function createCourier(parts: CourierParts): Courier {
  const running = new Set<Promise<void>>()
  const stopping = new AbortController()
  let claiming: Promise<void> | undefined
  let stopped = false

  async function claim(): Promise<void> {
    const free = AT_ONCE - running.size
    if (stopped || free === 0) return
    const now = parts.now()
    for (const lease of await parts.queue.claim(parts.owner, now, now + LEASE_MS, free)) {
      // The lease stays after a failure of ours, so that it is not tried again at once.
      const run = new Run(parts, lease, stopping.signal, () => stopped).deliver().catch((error: unknown) => {
        parts.onProblem('a receiver of the log was not served; it is tried again', error)
      })
      running.add(run)
      void run.finally(() => running.delete(run))
    }
  }

  return {
    round() {
      claiming ??= claim()
        .catch((error: unknown) => {
          parts.onProblem('the receivers of the log could not be looked up', error)
        })
        .finally(() => {
          claiming = undefined
        })
      return claiming
    },
    async idle() {
      await claiming
      await Promise.all(running)
    },
    async stop(waitMs = 3_000) {
      stopped = true
      const timer = setTimeout(() => {
        stopping.abort()
      }, waitMs)
      await claiming
      await Promise.all(running)
      clearTimeout(timer)
    },
  }
}

/** One turn of one sink: from its place on to the head, or to the first failure. */
class Run {
  readonly #parts: CourierParts
  readonly #signal: AbortSignal
  readonly #isStopped: () => boolean
  #carrier: Carrier
  #lease: SinkLease | undefined
  #progress: SinkProgress
  #savedAt: number

  constructor(parts: CourierParts, lease: SinkLease, signal: AbortSignal, isStopped: () => boolean) {
    this.#parts = parts
    this.#signal = signal
    this.#isStopped = isStopped
    this.#carrier = parts.carrierOf(lease.sink)
    this.#lease = lease
    this.#progress = lease.sink.progress
    this.#savedAt = parts.now()
  }

  get #sink(): StoredSink {
    return this.#lease!.sink
  }

  async deliver(): Promise<void> {
    await this.#parts.noteRead(this.#sink)
    if (this.#lease?.again === true) await this.#sendAgain(this.#lease)
    while (this.#lease !== undefined) {
      const page = this.#isStopped() ? [] : await this.#nextPage()
      if (page.length === 0) {
        await this.#save(false)
        return
      }
      await this.#deliverPage(page)
    }
  }

  async #nextPage(): Promise<readonly StoredRecord[]> {
    const { records } = this.#parts
    const { orgId } = this.#sink
    const head = await records.head(orgId)
    const { seq } = this.#progress.acked
    return head === undefined || head.seq <= seq ? [] : records.page(orgId, seq, head.seq, PAGE)
  }

  async #deliverPage(page: readonly StoredRecord[]): Promise<void> {
    await this.#noteGap(page[0]!)
    const { most } = this.#carrier
    const wanted = await this.#carried(page.filter((record) => isWanted(this.#sink, record)))
    for (let at = 0; at < wanted.length && this.#lease !== undefined;) {
      if (this.#isStopped()) return this.#save(false)
      const batch = wanted.slice(at, at + most)
      const { arrived, failure } = await this.#carrier.carry(batch, this.#signal)
      if (arrived > 0) this.#arrivedAt(batch[arrived - 1]!.record)
      at += arrived
      if (failure === undefined) {
        if (this.#parts.now() - this.#savedAt >= SAVE_MS) await this.#save(true)
      } else if (await this.#failed(failure, wanted[at]!.record)) at += 1
    }
    if (this.#lease === undefined) return
    // What nobody asked for is passed over.
    this.#moveTo(page.at(-1)!)
    await this.#save(true)
  }

  /** What was purged before it was delivered is lost to the receiver; that it is must be seen. */
  async #noteGap({ epoch, seq: first }: StoredRecord): Promise<void> {
    const { seq } = this.#progress.acked
    if (seq === 0 || first === seq + 1) return
    const error = `The records ${seq + 1} to ${first - 1} were purged before they were delivered`
    const dead = { position: { epoch, seq: first - 1 }, status: undefined, error, at: this.#parts.now() }
    this.#moveTo({ epoch, seq: first - 1 })
    await this.#save(true, dead)
  }

  async #carried(records: readonly StoredRecord[]): Promise<readonly Carried[]> {
    const { orgId, personal } = this.#sink
    const opened = personal && records.length > 0 ? await this.#parts.values.open(orgId, records) : undefined
    return records.map((record) => ({ record, pii: opened?.get(record.seq) ?? [] }))
  }

  #moveTo({ epoch, seq }: Pick<StoredRecord, 'epoch' | 'seq'>): void {
    this.#progress = { ...this.#progress, acked: { epoch, seq } }
  }

  #arrivedAt(record: StoredRecord): void {
    this.#moveTo(record)
    const healthy = { attempts: 0, refusals: 0, next: 0, failingSince: undefined, lastError: undefined }
    this.#progress = { ...this.#progress, ...healthy, delivered: this.#parts.now() }
  }

  /** @returns whether the record is given up, so that the next is to follow */
  async #failed({ kind, status, error, retryAfterMs }: CarryFailure, record: StoredRecord): Promise<boolean> {
    const now = this.#parts.now()
    const { attempts, refusals, failingSince } = this.#progress
    const refused = kind === 'refused' ? refusals + 1 : refusals
    if (refused >= MOST_REFUSALS) {
      const { epoch, seq } = record
      this.#arrivedAt(record)
      this.#progress = { ...this.#progress, delivered: this.#sink.progress.delivered, lastError: error }
      await this.#save(true, { position: { epoch, seq }, status, error, at: now })
      return true
    }
    const wait = Math.min((this.#parts.firstWaitMs ?? FIRST_WAIT_MS) * 2 ** Math.min(attempts, 20), LONGEST_WAIT_MS)
    const asked = Math.min(retryAfterMs ?? 0, LONGEST_WAIT_MS)
    const since = failingSince ?? now
    const facts = { attempts: attempts + 1, refusals: refused, next: now + Math.max(wait, asked), lastError: error }
    this.#progress = { ...this.#progress, ...facts, failingSince: since }
    // A gateway that stops cut it off itself.
    if (!this.#signal.aborted && now - since >= SUSPEND_AFTER_MS) await this.#suspend(error)
    else await this.#save(false)
    return false
  }

  async #suspend(error: string): Promise<void> {
    const sink = this.#sink
    await this.#save(true)
    if (this.#lease === undefined) return
    this.#lease = undefined
    await this.#parts.suspend(sink, error)
  }

  async #save(goesOn: boolean, dead?: Parameters<SinkQueue['save']>[1]['dead']): Promise<void> {
    if (this.#lease === undefined) return
    const now = this.#parts.now()
    const { version } = this.#sink
    this.#savedAt = now
    this.#lease = await this.#parts.queue.save(this.#lease, {
      ...{ progress: this.#progress, until: goesOn ? now + LEASE_MS : undefined },
      ...(dead === undefined ? {} : { dead }),
    })
    if (this.#lease === undefined || this.#lease.sink.version === version) return
    // Its address or its secret may be another now.
    this.#carrier = this.#parts.carrierOf(this.#sink)
  }

  /** What was given up and is to be sent once more, ahead of what is new; what fails again stays as it is. */
  async #sendAgain(lease: SinkLease): Promise<void> {
    const { queue, records, now } = this.#parts
    for (const { position } of await queue.queued(lease, PAGE)) {
      if (this.#isStopped() || this.#lease === undefined) return
      const found = await records.page(this.#sink.orgId, position.seq - 1, position.seq, 1)
      const [carried] = await this.#carried(found)
      const gone = { kind: 'refused', status: undefined, error: 'The record is no longer in the log' } as const
      const failure = carried === undefined ? gone : (await this.#carrier.carry([carried], this.#signal)).failure
      const failed = failure && { status: failure.status, error: failure.error, at: now() }
      await queue.settle(this.#lease, position, failed)
      await this.#save(true)
    }
    if (this.#lease !== undefined) await queue.settled(this.#lease)
  }
}
