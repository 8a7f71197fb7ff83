import { DEFAULT_MIGRATION_TABLE, type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { ArchiveRow, ArchiveTable, StoreSnapshot } from '../domain/backup.ts'

const PAGE = 1_000

/**
 * What is in no backup: what a migration writes itself, traces of requests, and what would be a way in again after it had
 * ended, so that people sign in anew and links are made anew.
 */
const LEFT_OUT = new Set(['base_permission', 'request_log', 'session', 'signin_flow', 'one_time_link'])

interface KeyedTable extends ArchiveTable {
  readonly key: readonly string[]
}

/**
 * Gives a read-only view of one instant: a transaction of its own, which keeps PostgreSQL from pruning and SQLite from
 * emptying its write-ahead log while it lasts.
 */
export async function withSnapshot<T>(
  reader: Kysely<Database>,
  dialect: Dialect,
  run: (snapshot: StoreSnapshot) => Promise<T>,
): Promise<T> {
  return reader.connection().execute(async (db) => {
    await begin(db, dialect)
    try {
      return await run(await snapshotOf(db, dialect))
    } finally {
      await sql`rollback`.execute(db)
    }
  })
}

async function begin(db: Kysely<Database>, dialect: Dialect): Promise<void> {
  if (dialect === 'sqlite') {
    await sql`begin`.execute(db)
    return
  }
  await sql`begin isolation level repeatable read read only`.execute(db)
  // Whoever writes the archive may be slower than a request may be.
  await sql`set local statement_timeout = 0`.execute(db)
  await sql`set local idle_in_transaction_session_timeout = 0`.execute(db)
}

async function snapshotOf(db: Kysely<Database>, dialect: Dialect): Promise<StoreSnapshot> {
  const { rows: ran } = await sql<{ name: string }>`
    select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(db)
  const tables = await listTables(db, dialect)
  return {
    migrations: ran.map(({ name }) => name),
    tables,
    rows: (table) =>
      pagesOf(
        db,
        tables.find(({ name }) => name === table.name)!,
      ),
  }
}

async function* pagesOf(
  db: Kysely<Database>,
  { name, columns, key }: KeyedTable,
): AsyncGenerator<readonly ArchiveRow[]> {
  const list = sql.join(columns.map((column) => sql.ref(column)))
  const order = sql.join(key.map((column) => sql.ref(column)))
  const keyAt = key.map((column) => columns.indexOf(column))
  for (let after: ArchiveRow | undefined; ;) {
    const behind = after === undefined ? sql`` : sql`where (${order}) > (${sql.join(keyAt.map((at) => after![at]))})`
    const { rows } = await sql<Readonly<Record<string, ArchiveRow[number]>>>`
      select ${list} from ${sql.table(name)} ${behind} order by ${order} limit ${PAGE}`.execute(db)
    const page = rows.map((row) => columns.map((column) => row[column] ?? null))
    if (page.length > 0) yield page
    if (page.length < PAGE) return
    after = page.at(-1)
  }
}

/** Every table with its stored columns and primary key, each behind those it refers to. */
async function listTables(db: Kysely<Database>, dialect: Dialect): Promise<readonly KeyedTable[]> {
  const all = await db.introspection.getTables()
  const made = dialect === 'sqlite' ? new Set<string>() : await generatedColumns(db)
  const parents = await references(db, dialect)
  const keys = await primaryKeys(db, dialect)
  const tables = all
    .filter(({ name, isView }) => !isView && !name.startsWith('kysely_') && !LEFT_OUT.has(name))
    .map(({ name, columns }) => {
      const stored = columns.filter((column) => !made.has(`${name}.${column.name}`))
      const blobs = stored.flatMap(({ dataType }, at) => (/^(bytea|blob)$/i.test(dataType) ? [at] : []))
      return { name, columns: stored.map((column) => column.name), blobs, key: keys.get(name) ?? [] }
    })
  return inOrder(tables, parents)
}

function inOrder(tables: readonly KeyedTable[], parents: ReadonlyMap<string, ReadonlySet<string>>): KeyedTable[] {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const ordered = new Set<KeyedTable>()
  const visit = (table: KeyedTable): void => {
    if (ordered.has(table)) return
    for (const name of parents.get(table.name) ?? []) {
      const parent = byName.get(name)
      if (parent !== undefined && parent !== table) visit(parent)
    }
    ordered.add(table)
  }
  tables.forEach(visit)
  return [...ordered]
}

async function generatedColumns(db: Kysely<Database>): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`
    select table_name || '.' || column_name as name from information_schema.columns
    where is_generated = 'ALWAYS' and table_schema = current_schema()`.execute(db)
  return new Set(rows.map(({ name }) => name))
}

async function references(db: Kysely<Database>, dialect: Dialect): Promise<Map<string, Set<string>>> {
  const { rows } = await (
    dialect === 'sqlite'
      ? sql<{ child: string; parent: string }>`
          select t.name as child, f."table" as parent from sqlite_master t, pragma_foreign_key_list(t.name) f
          where t.type = 'table'`
      : sql<{ child: string; parent: string }>`
          select child.relname as child, parent.relname as parent from pg_constraint c
          join pg_class child on child.oid = c.conrelid join pg_class parent on parent.oid = c.confrelid
          where c.contype = 'f' and c.connamespace = current_schema()::regnamespace`
  ).execute(db)
  return grouped(rows.map(({ child, parent }) => [child, parent]))
}

async function primaryKeys(db: Kysely<Database>, dialect: Dialect): Promise<Map<string, string[]>> {
  const { rows } = await (
    dialect === 'sqlite'
      ? sql<{ name: string; part: string }>`
          select t.name, c.name as part from sqlite_master t, pragma_table_info(t.name) c
          where t.type = 'table' and c.pk > 0 order by t.name, c.pk`
      : sql<{ name: string; part: string }>`
          select t.relname as name, a.attname as part from pg_index i join pg_class t on t.oid = i.indrelid
          join pg_attribute a on a.attrelid = t.oid and a.attnum = any (i.indkey)
          where i.indisprimary and t.relnamespace = current_schema()::regnamespace
          order by t.relname, array_position(i.indkey::int2[], a.attnum)`
  ).execute(db)
  const groups = grouped(rows.map(({ name, part }) => [name, part]))
  return new Map(Array.from(groups, ([name, parts]) => [name, [...parts]]))
}

function grouped(pairs: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>()
  for (const [name, value] of pairs) groups.set(name, (groups.get(name) ?? new Set()).add(value))
  return groups
}
