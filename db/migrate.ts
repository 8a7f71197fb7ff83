import type { Kysely } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, Migrator, sql } from 'kysely'
import type { Dialect } from './dialect.ts'
import { migrations } from './migrations/index.ts'
import type { Database } from './schema.ts'

export interface MigrationState {
  readonly name: string
  /** When it was run; undefined while it is pending. */
  readonly executedAt: Date | undefined
}

function migrator(db: Kysely<Database>, dialect: Dialect): Migrator {
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations(dialect)) } })
}

/** All known migrations, in order, with when each was run on this store. */
export async function migrationStatus(db: Kysely<Database>, dialect: Dialect): Promise<readonly MigrationState[]> {
  const found = await migrator(db, dialect).getMigrations()
  return found.map(({ name, executedAt }) => ({ name, executedAt }))
}

/** The migrations run on this store that this version does not know: a newer one was here. */
export async function unknownMigrations(db: Kysely<Database>, dialect: Dialect): Promise<readonly MigrationState[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return []
  const known = new Set(Object.keys(migrations(dialect)))
  const { rows } = await sql<{ name: string; timestamp: string }>`
    select name, timestamp from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(db)
  return rows
    .filter(({ name }) => !known.has(name))
    .map(({ name, timestamp }) => ({ name, executedAt: new Date(timestamp) }))
}

/** How long a caller waits for another process that migrates the same embedded file. */
const WAIT_MS = 5_000
const RETRY_MS = 25

/**
 * Brings the store to the newest schema, one transaction over all pending migrations; two callers wait for each other.
 * @returns the names that were run now
 * @throws the first failing migration's error; nothing of the batch stays
 */
export async function migrate(db: Kysely<Database>, dialect: Dialect): Promise<readonly string[]> {
  if (dialect === 'postgres') return runPending(db, dialect)
  // Kysely runs migrations of SQLite in no transaction and under no lock, though SQLite has both.
  return db.connection().execute(async (connection) => {
    await beginImmediate(connection)
    try {
      const ran = await runPending(connection, dialect)
      await sql`commit`.execute(connection)
      return ran
    } catch (error) {
      await sql`rollback`.execute(connection)
      throw error
    }
  })
}

/** Brings an empty store to the schema that a version before this one had. @throws the first failing migration's error */
export async function migrateTo(db: Kysely<Database>, dialect: Dialect, name: string): Promise<void> {
  await runPending(db, dialect, name)
}

async function runPending(db: Kysely<Database>, dialect: Dialect, upTo?: string): Promise<readonly string[]> {
  const all = migrator(db, dialect)
  const { error, results } = await (upTo === undefined ? all.migrateToLatest() : all.migrateTo(upTo))
  if (error !== undefined) throw error instanceof Error ? error : new Error('migration failed', { cause: error })
  return (results ?? []).filter((result) => result.status === 'Success').map((result) => result.migrationName)
}

async function beginImmediate(connection: Kysely<Database>): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; ;) {
    try {
      await sql`begin immediate`.execute(connection)
      return
    } catch (error) {
      const busy = String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
      if (!busy || Date.now() > deadline) throw error
    }
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY_MS)
    })
  }
}
