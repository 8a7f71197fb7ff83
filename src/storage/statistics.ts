import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'

/** Rows written since a table was last counted that are too few to matter. */
const FEW = 50

/**
 * Counts the tables that grew by more than a fifth since PostgreSQL last did. Its own daemon looks once a minute, in which
 * a first push fills an org; until then the planner takes an org for a two-hundredth of each table, and may join two of
 * them row by row. SQLite keeps no statistics here: its plans are told (see {@link file://./id-list.ts}).
 *
 * @param db not in a transaction: what holds one table is let go before the next
 * @returns the tables that were counted; only those that the gateway's role owns can be
 */
export async function refreshStatistics(db: Kysely<Database>, dialect: Dialect): Promise<readonly string[]> {
  if (dialect === 'sqlite') return []
  const { rows } = await sql<{ name: string }>`
    select s.relname as name from pg_stat_user_tables s join pg_class c on c.oid = s.relid
      where s.schemaname = current_schema() and s.n_mod_since_analyze > ${FEW} + s.n_live_tup / 5
        and pg_has_role(c.relowner, 'USAGE')
      order by s.relname`.execute(db)
  for (const { name } of rows) await sql`analyze ${sql.table(name)}`.execute(db)
  return rows.map(({ name }) => name)
}
