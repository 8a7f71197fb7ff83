import type { CompiledQuery, Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'

/** Runs a statement at once and gives its rows. @throws the driver's error */
export type DirectRun = (query: CompiledQuery) => readonly unknown[]

const runs = new WeakMap<Kysely<Database>, DirectRun>()
const transactionRuns = new WeakMap<Kysely<Database>, DirectRun>()

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

/** Runs a compiled query, at once where that can be. */
export async function runCompiled<Row>(db: Kysely<Database>, query: CompiledQuery<Row>): Promise<readonly Row[]> {
  const run = runs.get(db)
  return run === undefined ? (await db.executeQuery<Row>(query)).rows : (run(query) as readonly Row[])
}

/** How statements of `db` run at once; undefined where they cannot (PostgreSQL). */
export function directRunOf(db: Kysely<Database>): DirectRun | undefined {
  return runs.get(db)
}
