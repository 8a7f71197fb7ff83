import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'

/** Runs a statement at once and gives its rows. @throws the driver's error */
export type DirectRun = (query: CompiledQuery) => readonly unknown[]

/**
 * Writes a statement to the server behind those before it, without waiting for their answers. The server runs them in
 * this order; each that follows a failed one in a transaction fails as well.
 */
export type PipelinedRun = (query: CompiledQuery) => Promise<readonly unknown[]>

const runs = new WeakMap<Kysely<Database>, DirectRun>()
const transactionRuns = new WeakMap<Kysely<Database>, DirectRun>()
const pipelines = new WeakMap<Kysely<Database>, Pipeline>()

interface Pipeline {
  readonly run: PipelinedRun
  /** Statements that were sent and not waited for. */
  sent: Promise<unknown>[]
}

/**
 * Lets statements of `db` run at once instead of through Kysely's chain of promises, which for a look-up by key takes
 * longer than SQLite does. Only for a handle that stands for one connection nobody else writes on.
 */
export function runDirectly(db: Kysely<Database>, run: DirectRun): void {
  runs.set(db, run)
}

/** The same for the handles of transactions on the one connection of `writer`, which holds one transaction at a time. */
export function runTransactionsDirectly(writer: Kysely<Database>, run: DirectRun): void {
  transactionRuns.set(writer, run)
}

/** Tells of `db` that it is the handle of a transaction on `writer`. */
export function holdsTransaction(db: Kysely<Database>, writer: Kysely<Database>): void {
  const run = transactionRuns.get(writer)
  if (run !== undefined) runs.set(db, run)
}

/** Lets statements of `db`, the handle of a transaction on PostgreSQL, follow one another without a round trip each. */
export function runInPipeline(db: Kysely<Database>, run: PipelinedRun): void {
  pipelines.set(db, { run, sent: [] })
}

/** Runs a compiled query, at once where that can be. */
export async function runCompiled<Row>(db: Kysely<Database>, query: CompiledQuery<Row>): Promise<readonly Row[]> {
  const run = runs.get(db) ?? pipelines.get(db)?.run
  return run === undefined ? (await db.executeQuery<Row>(query)).rows : ((await run(query)) as readonly Row[])
}

/**
 * Runs a statement whose answer nobody needs: on PostgreSQL it is only sent, and what becomes of it is known by
 * {@link settled}, which everything sent waits for before its transaction commits.
 */
export async function sendCompiled(db: Kysely<Database>, query: CompiledQuery): Promise<void> {
  const pipeline = pipelines.get(db)
  if (pipeline === undefined) return void (await runCompiled(db, query))
  const sent = pipeline.run(query)
  // Heard of in `settled`; until then it is no unhandled rejection.
  sent.catch(() => undefined)
  pipeline.sent.push(sent)
}

/** Waits for what was sent. @throws the first error of it */
export async function settled(db: Kysely<Database>): Promise<void> {
  const pipeline = pipelines.get(db)
  if (pipeline === undefined || pipeline.sent.length === 0) return
  const { sent } = pipeline
  pipeline.sent = []
  await Promise.all(sent)
}

/** How statements of `db` run at once; undefined where they cannot (PostgreSQL). */
export function directRunOf(db: Kysely<Database>): DirectRun | undefined {
  return runs.get(db)
}
