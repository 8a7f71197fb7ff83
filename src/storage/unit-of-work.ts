import { performance } from 'node:perf_hooks'
import { CompiledQuery, type Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { OnRefusal, Submitted, UnitOfWork } from '../domain/ports.ts'
import type { OrgSeed, WriteStores } from '../domain/write-ports.ts'
import type { ChainWriter } from './chain-writer.ts'
import { insertOrg } from './org-writes.ts'
import { isBusy, isRetryable, toDomainError } from './sql-errors.ts'

/** A batch takes what waits, up to this many units or this many milliseconds of work, and commits them together. */
const MAX_UNITS = 32
const MAX_WORK_MS = 5
const MAX_ATTEMPTS = 3
/** How long a unit may wait for SQLite's write lock that another process holds. */
const BUSY_LIMIT_MS = 5_000

export interface UnitOfWorkOptions {
  readonly writer: Kysely<Database>
  readonly dialect: Dialect
  /** Epoch milliseconds; PostgreSQL's own clock is asked instead when several instances share the store. */
  readonly clock: () => number
  readonly chain: (db: Kysely<Database>, orgId: OrgId) => ChainWriter
  readonly stores: (db: Kysely<Database>, chain: ChainWriter, now: number) => WriteStores
}

/** The unit of work with what shutting down needs. */
export interface StoreUnitOfWork extends UnitOfWork {
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>
}

interface Waiting {
  readonly unit: (stores: WriteStores) => Promise<unknown>
  readonly onRefusal: OnRefusal | undefined
  readonly seed: OrgSeed | undefined
  attempts: number
  ran: (value: unknown) => void
  failed: (error: unknown) => void
  committed: (value: unknown) => void
  lost: (error: unknown) => void
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown }

interface Lane {
  readonly queue: Waiting[]
  running: Promise<void> | undefined
  /** After a serialisation failure the units run one by one. */
  alone: number
}

/** One in-process queue per org with group commit, over one transaction at a time per org. */
export function createUnitOfWork(options: UnitOfWorkOptions): StoreUnitOfWork {
  const lanes = new Map<OrgId, Lane>()

  function enqueue<T>(orgId: OrgId, waiting: Pick<Waiting, 'unit' | 'onRefusal' | 'seed'>): Submitted<T> {
    const value = deferred<T>()
    const durable = deferred<T>()
    // A caller may listen to one of the two only; the other's rejection is not an unhandled one.
    value.promise.catch(() => undefined)
    durable.promise.catch(() => undefined)
    const lane = lanes.get(orgId) ?? { queue: [], running: undefined, alone: 0 }
    lanes.set(orgId, lane)
    lane.queue.push({
      ...waiting,
      attempts: 0,
      ran: value.resolve as (result: unknown) => void,
      failed: value.reject,
      committed: durable.resolve as (result: unknown) => void,
      lost: durable.reject,
    })
    lane.running ??= drain(orgId, lane)
    return { value: value.promise, durable: durable.promise }
  }

  async function drain(orgId: OrgId, lane: Lane): Promise<void> {
    // Requests that this turn of the event loop still brings in join the first batch.
    await new Promise(setImmediate)
    while (lane.queue.length > 0) await runBatch(orgId, lane)
    lanes.delete(orgId)
  }

  async function runBatch(orgId: OrgId, lane: Lane): Promise<void> {
    const taken: Waiting[] = []
    const outcomes: Outcome[] = []
    try {
      await inTransaction(options.writer, options.dialect, (db) => fillBatch({ db, orgId, lane, taken, outcomes }))
    } catch (error) {
      giveBackOrFail(lane, taken, error)
      return
    }
    lane.alone = Math.max(0, lane.alone - 1)
    taken.forEach((waiting, index) => {
      const outcome = outcomes[index]!
      if (outcome.ok) waiting.committed(outcome.value)
      else waiting.lost(outcome.error)
    })
  }

  async function fillBatch(batch: {
    db: Kysely<Database>
    orgId: OrgId
    lane: Lane
    taken: Waiting[]
    outcomes: Outcome[]
  }): Promise<void> {
    const { db, orgId, lane, taken, outcomes } = batch
    const seed = lane.queue[0]?.seed
    if (seed !== undefined) await insertOrg(db, seed)
    const chain = options.chain(db, orgId)
    const clock = (await chain.lock()) ?? options.clock()
    const started = performance.now()
    const limit = lane.alone > 0 ? 1 : MAX_UNITS
    do {
      const waiting = lane.queue.shift()!
      taken.push(waiting)
      const outcome = await runUnit(db, chain, waiting, clock + Math.floor(performance.now() - started))
      outcomes.push(outcome)
      if (outcome.ok) waiting.ran(outcome.value)
      else waiting.failed(outcome.error)
    } while (taken.length < limit && lane.queue.length > 0 && performance.now() - started < MAX_WORK_MS)
    await chain.saveHead()
  }

  async function runUnit(
    db: Kysely<Database>,
    chain: ChainWriter,
    waiting: Waiting,
    clock: number,
  ): Promise<Outcome> {
    const now = Math.max(clock, chain.head.time)
    const attempt = (work: (stores: WriteStores) => Promise<unknown>): Promise<unknown> =>
      inSavepoint(db, chain, () => work(options.stores(db, chain, now)))
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
  function giveBackOrFail(lane: Lane, taken: Waiting[], error: unknown): void {
    const retry = isRetryable(error) ? taken.filter((waiting) => ++waiting.attempts < MAX_ATTEMPTS) : []
    const failed = taken.length === 0 ? lane.queue.splice(0, MAX_UNITS) : taken.filter((w) => !retry.includes(w))
    const translated = toDomainError(error)
    for (const waiting of failed) {
      waiting.failed(translated)
      waiting.lost(translated)
    }
    if (retry.length > 0) {
      lane.queue.unshift(...retry)
      lane.alone = retry.length
    }
  }

  return {
    submit: (orgId, unit, onRefusal) => enqueue(orgId, { unit, onRefusal, seed: undefined }),
    found: (org, unit) => enqueue(org.id, { unit, onRefusal: undefined, seed: org }),
    async idle() {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.running))
    },
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle! }
}

async function inSavepoint<T>(db: Kysely<Database>, chain: ChainWriter, work: () => Promise<T>): Promise<T> {
  const head = chain.head
  await execute(db, 'SAVEPOINT unit')
  try {
    const result = await work()
    await execute(db, 'RELEASE SAVEPOINT unit')
    return result
  } catch (error) {
    chain.head = head
    await execute(db, 'ROLLBACK TO SAVEPOINT unit')
    await execute(db, 'RELEASE SAVEPOINT unit')
    throw error
  }
}

/** SQLite's write lock is taken at once (a deferred one fails late) and waited for without blocking the event loop. */
async function beginBatch(db: Kysely<Database>, dialect: Dialect): Promise<void> {
  if (dialect === 'postgres') return execute(db, 'BEGIN')
  const deadline = performance.now() + BUSY_LIMIT_MS
  for (;;) {
    try {
      await execute(db, 'BEGIN IMMEDIATE')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 45))
    }
  }
}

/**
 * Runs work in a transaction of its own, outside any org's chain: for rows that are no facts (request log, last use).
 * @throws DomainError `unavailable` when the store is out; a lost race as the driver's error, which may be run again
 */
export async function inTransaction<T>(
  writer: Kysely<Database>,
  dialect: Dialect,
  work: (db: Kysely<Database>) => Promise<T>,
): Promise<T> {
  try {
    return await writer.connection().execute(async (db) => {
      await beginBatch(db, dialect)
      try {
        const result = await work(db)
        await execute(db, 'COMMIT')
        return result
      } catch (error) {
        await execute(db, 'ROLLBACK').catch(() => undefined)
        throw error
      }
    })
  } catch (error) {
    throw isRetryable(error) ? error : toDomainError(error)
  }
}

async function execute(db: Kysely<Database>, text: string): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(text))
}
