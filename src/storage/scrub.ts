import { setTimeout as pause } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { ScrubReport } from '../domain/privacy.ts'
import type { SqliteConnections } from './sqlite.ts'

/** How long is waited for readers of an embedded store to end. */
const WAIT_MS = 5_000
const RETRY_MS = 50

/** The tables that hold what people are called, on PostgreSQL, where freed pages keep their bytes. */
const NAMED_TABLES = [
  ...['user', 'user_email', 'user_attr', 'event_pii', 'person_key', 'session', 'api_key', 'outbox', 'kept_answer'],
  ...['invite', 'access_review_item', 'local_password'],
] as const

/**
 * Freed bytes of the file are overwritten as they are freed (`secure_delete`); what is left are old pages in the
 * write-ahead log.
 */
export async function scrubSqlite({ truncateLog }: Pick<SqliteConnections, 'truncateLog'>): Promise<ScrubReport> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await pause(RETRY_MS)) {
    if (truncateLog()) return { reached: 'files' }
  }
  return { reached: 'waiting' }
}

/** Dead rows keep their bytes until their table is rewritten; the server's own write-ahead log goes by its retention. */
export async function scrubPostgres(writer: Kysely<Database>, full: boolean): Promise<ScrubReport> {
  if (!full) return { reached: 'rows' }
  await writer.connection().execute(async (db) => {
    await sql`set statement_timeout = 0`.execute(db)
    try {
      for (const table of NAMED_TABLES) await sql`vacuum (full) ${sql.table(table)}`.execute(db)
    } finally {
      await sql`reset statement_timeout`.execute(db)
    }
  })
  return { reached: 'files' }
}
