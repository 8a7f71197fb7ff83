import { performance } from 'node:perf_hooks'
import type { Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OnRefusal, Submitted, UnitOfWork } from '../domain/ports.ts'
import type { OrgSeed, WriteStores } from '../domain/write-ports.ts'
import type { ChainWriter } from './chain-writer.ts'
import { insertOrg } from './org-writes.ts'
import { isRetryable, toDomainError } from './sql-errors.ts'
import { inSavepoint, inTransaction } from './transaction.ts'
import type { WriteStoresAt } from './write-stores.ts'

/**
 * A batch takes what waits, up to this many units or this many milliseconds of work, and commits them together. On an
 * embedded store that work holds the event loop; on PostgreSQL it is a wait for the server, with the org's lock held.
 */
const MAX_UNITS = 32
const MAX_WORK_MS = { sqlite: 15, postgres: 50 } as const
const MAX_ATTEMPTS = 3

export interface UnitOfWorkOptions {
  readonly writer: Kysely<Database>
  readonly dialect: Dialect
  /** Epoch milliseconds; PostgreSQL's own clock is asked instead, since several machines may share that store. */
  readonly clock: () => number
  readonly chain: (db: Kysely<Database>, orgId: OrgId) => ChainWriter
  readonly stores: (db: Kysely<Database>, chain: ChainWriter) => WriteStoresAt
  /** Told after each commit how many units it held. */
  readonly onCommitted?: (units: number) => Promise<void>
}

/** The unit of work with what shutting down needs. */
export interface StoreUnitOfWork extends UnitOfWork {
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>
}

/** One in-process queue per org with group commit, over one transaction at a time per org. */
export function createUnitOfWork(options: UnitOfWorkOptions): StoreUnitOfWork {
  const lanes = new Map<OrgId, Lane>()

  function enqueue<T>(orgId: OrgId, request: UnitRequest): Submitted<T> {
    const lane = lanes.get(orgId) ?? new Lane(orgId, options, () => lanes.delete(orgId))
    lanes.set(orgId, lane)
    return lane.add(request)
  }

  return {
    submit: (orgId, unit, onRefusal) => enqueue(orgId, { unit, onRefusal, seed: undefined }),
    found: (org, unit) => enqueue(org.id, { unit, onRefusal: undefined, seed: org }),
    async idle() {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.drained))
    },
  }
}

interface UnitRequest {
  readonly unit: (stores: WriteStores) => Promise<unknown>
  readonly onRefusal: OnRefusal | undefined
  /** The org that this unit founds. */
  readonly seed: OrgSeed | undefined
}

interface Waiting extends UnitRequest {
  readonly value: Deferred
  readonly durable: Deferred
  attempts: number
}

/** What the units of one transaction share. */
interface Batch {
  readonly db: Kysely<Database>
  readonly chain: ChainWriter
  readonly stores: WriteStoresAt
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }

/** The queue of one org. It drains by itself and is given up when empty. */
class Lane {
  readonly #orgId: OrgId
  readonly #options: UnitOfWorkOptions
  readonly #queue: Waiting[] = []
  readonly drained: Promise<void>
  /** After a lost race this many units run one by one. */
  #alone = 0

  constructor(orgId: OrgId, options: UnitOfWorkOptions, onEmpty: () => void) {
    this.#orgId = orgId
    this.#options = options
    this.drained = this.#drain(onEmpty)
  }

  add<T>(request: UnitRequest): Submitted<T> {
    const waiting = { ...request, value: new Deferred(), durable: new Deferred(), attempts: 0 }
    this.#queue.push(waiting)
    return { value: waiting.value.promise as Promise<T>, durable: waiting.durable.promise as Promise<T> }
  }

  async #drain(onEmpty: () => void): Promise<void> {
    do await this.#runBatch()
    while (this.#queue.length > 0)
    onEmpty()
  }

  async #runBatch(): Promise<void> {
    const taken: Waiting[] = []
    const outcomes: Outcome[] = []
    try {
      const { writer, dialect } = this.#options
      await inTransaction(writer, dialect, (db) => this.#fill(db, taken, outcomes))
    } catch (error) {
      this.#giveBackOrFail(taken, error)
      return
    }
    this.#alone = Math.max(0, this.#alone - 1)
    // In a turn of their own: work, commit and the answers of a full batch together would hold the loop too long.
    await new Promise(setImmediate)
    taken.forEach(({ durable }, index) => {
      durable.settle(outcomes[index]!)
    })
    await this.#options.onCommitted?.(taken.length)
  }

  async #fill(db: Kysely<Database>, taken: Waiting[], outcomes: Outcome[]): Promise<void> {
    const seed = this.#queue[0]?.seed
    if (seed !== undefined) await insertOrg(db, seed)
    const chain = this.#options.chain(db, this.#orgId)
    const clock = (await chain.lock()) ?? this.#options.clock()
    const batch = { db, chain, stores: this.#options.stores(db, chain) }
    const started = performance.now()
    const most = this.#alone > 0 ? 1 : MAX_UNITS
    const maxMs = MAX_WORK_MS[this.#options.dialect]
    do {
      const waiting = this.#queue.shift()!
      taken.push(waiting)
      const outcome = await this.#run(batch, waiting, clock + Math.floor(performance.now() - started))
      outcomes.push(outcome)
      waiting.value.settle(outcome)
    } while (taken.length < most && this.#queue.length > 0 && performance.now() - started < maxMs)
    await chain.saveHead()
  }

  /** One unit in a savepoint: its own error touches only itself, an outage or a lost race the whole batch. */
  async #run({ db, chain, stores }: Batch, waiting: Waiting, clock: number): Promise<Outcome> {
    const now = Math.max(clock, chain.head.time)
    const attempt = (work: (stores: WriteStores) => Promise<unknown>): Promise<unknown> =>
      inSavepoint(db, chain, () => work(stores(now)))
    try {
      return { ok: true, value: await attempt(waiting.unit) }
    } catch (error) {
      if (isRetryable(error)) throw error
      const translated = toDomainError(error)
      if (translated instanceof DomainError && translated.code === 'unavailable') throw translated
      const { onRefusal } = waiting
      if (onRefusal !== undefined) await attempt((stores) => onRefusal(stores, translated))
      return { ok: false, error: translated }
    }
  }

  /** A batch that did not commit changed nothing: a lost race runs again, anything else fails all its units. */
  #giveBackOrFail(taken: readonly Waiting[], error: unknown): void {
    const retry = isRetryable(error) ? taken.filter((waiting) => ++waiting.attempts < MAX_ATTEMPTS) : []
    // When not even the transaction began, everybody who waited behind it has waited long enough.
    const failed = taken.length === 0 ? this.#queue.splice(0) : taken.filter((unit) => !retry.includes(unit))
    const outcome = { ok: false, error: toDomainError(error) } as const
    for (const { value, durable } of failed) {
      value.settle(outcome)
      durable.settle(outcome)
    }
    this.#queue.unshift(...retry)
    this.#alone = retry.length
  }
}

/** A promise that is settled from outside; Node 20 has no `Promise.withResolvers`. */
class Deferred {
  readonly promise: Promise<unknown>
  #resolve: (value: unknown) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A caller may listen to one of a unit's two promises only; the other's rejection is not an unhandled one.
    this.promise.catch(() => undefined)
  }

  settle(outcome: Outcome): void {
    if (outcome.ok) this.#resolve(outcome.value)
    else this.#reject(outcome.error)
  }
}
