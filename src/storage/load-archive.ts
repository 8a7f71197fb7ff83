import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { ArchiveRow, ArchiveTable, TableRow } from '../domain/backup.ts'
import { inTransaction } from './transaction.ts'

/** Rows of one statement, and the most parameters that both databases take. */
const ROWS_AT_ONCE = 500
const MOST_PARAMETERS = 30_000

/** Whether a store holds anything that a restore would overwrite. */
export async function isEmptyStore(db: Kysely<Database>): Promise<boolean> {
  const tables = await db.introspection.getTables()
  if (!tables.some(({ name }) => name === 'deployment')) return true
  const row = await db.selectFrom('deployment').select('id').limit(1).executeTakeFirst()
  const org = await db.selectFrom('org').select('id').limit(1).executeTakeFirst()
  return row === undefined && org === undefined
}

/**
 * Fills an empty store of the archive's schema, all of it or nothing.
 * @param keys rows of `person_key` of the keys file: they go before those of the store, which hold none
 */
export function loadRows(
  writer: Kysely<Database>,
  dialect: Dialect,
  keys: AsyncIterable<TableRow>,
  rows: AsyncIterable<TableRow>,
): Promise<void> {
  return inTransaction(writer, dialect, async (db) => {
    if (dialect === 'postgres') {
      await sql`set local statement_timeout = 0`.execute(db)
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(db)
    }
    await insertAll(db, keys)
    await insertAll(db, rows)
    // They may have been sent since: whoever still wants one asks for it again.
    await db
      .updateTable('outbox')
      .set({ state: 'dropped', payload: '', lease_until: null })
      .where('state', '=', 'waiting')
      .execute()
  })
}

/** Empties every table of a store whose restore failed: there was nothing before it. */
export async function clearStore(writer: Kysely<Database>, dialect: Dialect): Promise<void> {
  const tables = (await writer.introspection.getTables()).filter(
    ({ isView, name }) => !isView && name !== 'base_permission',
  )
  if (dialect === 'postgres') {
    await sql`truncate table ${sql.join(tables.map(({ name }) => sql.table(name)))}`.execute(writer)
  }
}

async function insertAll(db: Kysely<Database>, rows: AsyncIterable<TableRow>): Promise<void> {
  let table: ArchiveTable | undefined
  let waiting: ArchiveRow[] = []
  const flush = async (): Promise<void> => {
    if (table !== undefined && waiting.length > 0) await insert(db, table, waiting)
    waiting = []
  }
  for await (const { table: next, row } of rows) {
    if (next !== table) await flush()
    table = next
    waiting.push(row)
    if (waiting.length >= Math.min(ROWS_AT_ONCE, Math.floor(MOST_PARAMETERS / row.length))) await flush()
  }
  await flush()
}

async function insert(
  db: Kysely<Database>,
  { name, columns }: ArchiveTable,
  rows: readonly ArchiveRow[],
): Promise<void> {
  const list = sql.join(columns.map((column) => sql.ref(column)))
  const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`))
  const twice = name === 'person_key' ? sql`on conflict do nothing` : sql``
  await sql`insert into ${sql.table(name)} (${list}) values ${values} ${twice}`.execute(db)
}
