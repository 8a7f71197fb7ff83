import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { type DirectRun, runDirectly, runTransactionsDirectly } from './direct-run.ts'
import { listening, type QueryListener } from './query-listener.ts'
import { type PreparingDatabase, withStatementCache } from './statement-cache.ts'

/** The embedded store: one connection that writes, and one that can only read and so never waits for the writer. */
export interface SqliteConnections {
  readonly writer: Kysely<Database>
  readonly reader: Kysely<Database>
  /** Another number once another connection, of this or any process, has committed. */
  readonly dataVersion: () => number
  /** Copies the write-ahead log into the file, as far as readers allow. @throws the driver's error */
  readonly checkpoint: () => void
  /** Copies all of the write-ahead log into the file and empties it. @returns false while a reader is in the way */
  readonly truncateLog: () => boolean
  /** Fast consistency check of the whole file; the problems found, empty when sound. */
  quickCheck(): readonly string[]
  close(): Promise<void>
}

/** The waiting inside SQLite: it blocks the event loop, so it is short and the unit of work retries asynchronously. */
const BUSY_TIMEOUT_MS = 20
/** Opening may wait longer: nothing is served yet, and a new file changes to WAL under an exclusive lock. */
const OPEN_TIMEOUT_MS = 5_000
/**
 * What each of the two connections keeps of the file, KiB. The system keeps the file too; more here is memory taken
 * twice: 16 MiB each, as SQLite's own default has it, answered no request faster at 10,000 people.
 */
const CACHE_KIB = 4_000
/** Pages in the write-ahead log at which a commit copies them into the file itself. */
const AUTOCHECKPOINT_PAGES = 4_000

/**
 * Opens (and makes) the database file.
 * @throws Error when a pragma that durability rests on did not take
 */
export function openSqlite(file: string, onQuery?: QueryListener): SqliteConnections {
  mkdirSync(dirname(file), { recursive: true })
  const writing = openFile(file, { readonly: false })
  // The gateway does it between its batches; this is for what is written beside them.
  writing.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`)
  const reading = openFile(file, { readonly: true })
  const [forWriting, forReading] = [withStatementCache(writing), withStatementCache(reading)]
  const [writer, reader] = [kyselyOver(forWriting, onQuery), kyselyOver(forReading, onQuery)]
  runTransactionsDirectly(writer, directRun(writing, onQuery))
  runDirectly(reader, directRun(reading, onQuery))
  const dataVersion = reading.prepare('PRAGMA data_version').pluck()
  return {
    writer,
    reader,
    dataVersion: () => dataVersion.get() as number,
    checkpoint: () => {
      writing.pragma('wal_checkpoint(PASSIVE)')
    },
    truncateLog: () => {
      const [result] = writing.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[]
      return result?.busy === 0
    },
    quickCheck: () => quickCheck(writing),
    close() {
      reading.close()
      writing.pragma('wal_checkpoint(TRUNCATE)')
      writing.close()
      return Promise.resolve()
    },
  }
}

function openFile(file: string, options: { readonly: boolean }): Sqlite.Database {
  const database = new Sqlite(file, { ...options, timeout: OPEN_TIMEOUT_MS })
  if (!options.readonly) database.pragma('journal_mode = WAL')
  // better-sqlite3 is compiled with NORMAL as its default in WAL mode, which loses the last commits at a power cut.
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  database.pragma('secure_delete = ON')
  database.pragma('trusted_schema = OFF')
  assertPragmas(database)
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`)
  database.pragma(`cache_size = -${CACHE_KIB}`)
  return database
}

/** Asserted on every open: a silent fallback here would be a lost acknowledged write later. */
function assertPragmas(database: Sqlite.Database): void {
  const wanted = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1, secure_delete: 1 }
  for (const [pragma, value] of Object.entries(wanted)) {
    const got: unknown = database.pragma(pragma, { simple: true })
    if (got !== value) throw new Error(`SQLite ${pragma} is ${String(got)} where ${value} is needed`)
  }
}

function quickCheck(database: Sqlite.Database): readonly string[] {
  const rows = database.pragma('quick_check(10)') as readonly { quick_check: string }[]
  return rows.map((row) => row.quick_check).filter((line) => line !== 'ok')
}

function kyselyOver(database: PreparingDatabase, onQuery: QueryListener | undefined): Kysely<Database> {
  return new Kysely<Database>({ dialect: new SqliteDialect({ database }), ...listening(onQuery) })
}

/**
 * Rows are taken as lists and made into objects here: the driver sets each column of an object by name through the
 * engine, which for a wide row takes longer than SQLite does to find it.
 */
function directRun(database: Sqlite.Database, onQuery: QueryListener | undefined): DirectRun {
  const statements = withStatementCache(database)
  const columns = new WeakMap<Sqlite.Statement, readonly string[]>()
  return (query) => {
    const statement = statements.prepare(query.sql)
    const rows = statement.reader ? readRows(statement, query.parameters, columns) : []
    if (!statement.reader) statement.run(query.parameters)
    onQuery?.(query)
    return rows
  }
}

function readRows(
  statement: Sqlite.Statement,
  parameters: readonly unknown[],
  columns: WeakMap<Sqlite.Statement, readonly string[]>,
): readonly unknown[] {
  const rows = statement.raw().all(parameters) as unknown[][]
  let names = columns.get(statement)
  // Another process that migrates the store can add to what `*` stands for.
  if (names === undefined || (rows[0] !== undefined && rows[0].length !== names.length)) {
    names = statement.columns().map(({ name }) => name)
    columns.set(statement, names)
  }
  return rows.map((values) => toRow(names, values))
}

function toRow(names: readonly string[], values: readonly unknown[]): Readonly<Record<string, unknown>> {
  const row: Record<string, unknown> = {}
  for (let at = 0; at < names.length; at++) row[names[at]!] = values[at]
  return row
}
