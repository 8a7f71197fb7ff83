import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { Case } from './cases.ts'
import { askInTurns, type NextIndex } from './measure.ts'
import { asked } from './postgres-stores.ts'
import type { Bench } from './start-bench.ts'

/** What one change of that name adds to the log, with all indexes, bytes. */
export interface ChangeBytes {
  readonly name: string
  readonly bytes: number
}

/** What is kept of a change beside what it changed. */
const TABLES = ['provisioning_event', 'event_target', 'event_pii', 'person_key', 'access_period']
const CHANGES = 500
/** Ordinary ones. */
const NAMES = ['put', 'patch active', 'create']

/** How much the log grows by changes of one person each. */
export async function measureChangeBytes(
  bench: Bench,
  cases: readonly Case[],
  next: NextIndex,
): Promise<readonly ChangeBytes[]> {
  const results: ChangeBytes[] = []
  for (const it of cases.filter(({ name }) => NAMES.includes(name))) {
    const before = await bytesOf(bench)
    await askInTurns([{ it, server: bench.gateway }], () => CHANGES, next)
    results.push({ name: it.name, bytes: ((await bytesOf(bench)) - before) / CHANGES })
  }
  return results
}

async function bytesOf({ postgres, env }: Bench): Promise<number> {
  if (postgres !== undefined) {
    const sizes = TABLES.map((table) => `pg_total_relation_size('${table}')`).join(' + ')
    const [row] = await asked<{ readonly bytes: string }>(postgres.gateway, `SELECT ${sizes} AS bytes`)
    return Number(row!.bytes)
  }
  const database = new Sqlite(join(env['ROLLCALL_DATA_DIR']!, 'rollcall.db'), { readonly: true })
  try {
    const list = TABLES.map((table) => `'${table}'`).join(', ')
    // Without what is free in their pages: a few changes divide pages that were built full, or divide none.
    const sizes = `SELECT sum(pgsize - unused) AS bytes FROM dbstat
      WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name IN (${list}))`
    return (database.prepare(sizes).get() as { readonly bytes: number }).bytes
  } finally {
    database.close()
  }
}
