import { performance } from 'node:perf_hooks'
import { CompiledQuery, type Kysely } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { ChainWriter } from './chain-writer.ts'
import { directRunOf, holdsTransaction, runInPipeline, sendCompiled, settled } from './direct-run.ts'
import { isBusy, isRetryable, storeUnavailable, toDomainError } from './sql-errors.ts'

/**
 * How long a transaction may wait for SQLite's write lock that another process holds, counted from when it was asked
 * for: those that wait for each other do not add up.
 */
const BUSY_LIMIT_MS = 4_000

/**
 * Runs work in one transaction on a connection of the writing pool.
 * @throws DomainError `unavailable` when the store is out; a lost race as the driver's error, which may be run again
 */
export async function inTransaction<T>(
  writer: Kysely<Database>,
  dialect: Dialect,
  work: (db: Kysely<Database>) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + BUSY_LIMIT_MS
  try {
    return await writer.connection().execute(async (db) => {
      if (dialect === 'postgres') await pipeline(db)
      else {
        // Nothing else in a transaction on an embedded store waits. Answers go out between those of one org and of
        // several, which take turns on the connection, and requests that this turn still brings in join the batch.
        await new Promise(setImmediate)
        holdsTransaction(db, writer)
      }
      await begin(db, dialect, deadline)
      try {
        const result = await work(db)
        await settled(db)
        await execute(db, 'COMMIT')
        return result
      } catch (error) {
        const first = await firstFailure(db, error)
        // A connection that is lost has nothing to roll back; the first error is the one that counts.
        await execute(db, 'ROLLBACK').catch(() => undefined)
        throw first
      }
    })
  } catch (error) {
    throw isRetryable(error) ? error : toDomainError(error)
  }
}

/**
 * Kysely lets one statement at a time through to the connection of a handle. The driver's own connection takes them as
 * they come, in their order.
 */
async function pipeline(db: Kysely<Database>): Promise<void> {
  await db.getExecutor().provideConnection((connection) => {
    runInPipeline(db, async (query) => (await connection.executeQuery(query)).rows)
    return Promise.resolve()
  })
}

/** What was sent before a statement that failed, and not waited for, may be why it did. */
async function firstFailure(db: Kysely<Database>, error: unknown): Promise<unknown> {
  try {
    await settled(db)
    return error
  } catch (earlier) {
    return earlier
  }
}

/**
 * Runs work in a savepoint. When it throws, nothing of it stays, and the chain's head is where it was. Savepoints have
 * names of their own: one that an earlier unit's failure kept from being made must not be taken for that unit's.
 */
export async function inSavepoint<T>(db: Kysely<Database>, chain: ChainWriter, work: () => Promise<T>): Promise<T> {
  const head = chain.head
  const name = chain.nextSavepoint()
  await send(db, `SAVEPOINT ${name}`)
  try {
    const result = await work()
    await send(db, `RELEASE SAVEPOINT ${name}`)
    return result
  } catch (error) {
    chain.head = head
    const first = await firstFailure(db, error)
    await rollBackUnit(db, name)
    throw first
  }
}

/** @throws DomainError `unavailable` when what the unit wrote cannot be taken back alone: the whole batch has to go */
async function rollBackUnit(db: Kysely<Database>, name: string): Promise<void> {
  try {
    await execute(db, `ROLLBACK TO SAVEPOINT ${name}`)
    await execute(db, `RELEASE SAVEPOINT ${name}`)
  } catch (error) {
    throw isRetryable(error) ? error : storeUnavailable(error)
  }
}

/** SQLite's write lock is taken at once (a deferred one fails late) and waited for without blocking the event loop. */
async function begin(db: Kysely<Database>, dialect: Dialect, deadline: number): Promise<void> {
  if (dialect === 'postgres') return send(db, 'BEGIN')
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

async function execute(db: Kysely<Database>, text: string): Promise<void> {
  const query = CompiledQuery.raw(text)
  const run = directRunOf(db)
  if (run === undefined) await db.executeQuery(query)
  else run(query)
}

/** The same for what can only fail with the connection, and is not worth a wait of its own. */
async function send(db: Kysely<Database>, text: string): Promise<void> {
  const query = CompiledQuery.raw(text)
  const run = directRunOf(db)
  if (run === undefined) await sendCompiled(db, query)
  else run(query)
}
