import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Page, PageQuery } from '../domain/ports.ts'
import { filterToSql } from './filter-sql.ts'
import { sortExpression } from './sort-sql.ts'

export interface PageSource {
  readonly dialect: Dialect
  readonly table: 'user' | 'scim_group'
  readonly columns: readonly string[]
  /** The org_counter with the number of live rows. */
  readonly counter: string
}

/**
 * One page of people or groups. The unfiltered total comes from a counter, the default order is `ord`, so rows made
 * during a walk come last.
 */
export async function resourcePage<T>(
  db: Kysely<Database>,
  source: PageSource,
  orgId: OrgId,
  query: PageQuery,
): Promise<Page<T>> {
  const table = sql.table(source.table)
  const where = whereOf(source, orgId, query)
  const total = query.filter === undefined ? await counted(db, source, orgId) : await matches(db, source, where)
  if (query.count === 0 || query.startIndex > total) return { total, rows: [] }
  const columns = sql.join(source.columns.map((column) => sql.ref(column)))
  const offset = query.startIndex - 1
  const tail =
    query.filter === undefined && query.sort === undefined
      ? // The offset is counted over the narrow index of `ord` alone, not over the rows.
        sql`and ord >= (select ord from ${table} where ${where} order by ord limit 1 offset ${offset})
          order by ord limit ${query.count}`
      : sql`order by ${orderOf(source, orgId, query)} limit ${query.count} offset ${offset}`
  const { rows } = await sql<T>`select ${columns} from ${table} where ${where} ${tail}`.execute(db)
  return { total, rows }
}

function whereOf(source: PageSource, orgId: OrgId, query: PageQuery): RawBuilder<unknown> {
  const live = sql`${sql.ref(`${source.table}.org_id`)} = ${orgId} and ${sql.ref(`${source.table}.deleted_at`)} is null`
  if (query.filter === undefined) return live
  const scope = { dialect: source.dialect, table: source.table, orgId, viewer: query.viewer }
  return sql`${live} and ${filterToSql(query.filter, scope)}`
}

async function counted(db: Kysely<Database>, source: PageSource, orgId: OrgId): Promise<number> {
  const row = await db
    .selectFrom('org_counter')
    .select('value')
    .where('org_id', '=', orgId)
    .where('name', '=', source.counter)
    .executeTakeFirst()
  return row?.value ?? 0
}

async function matches(db: Kysely<Database>, source: PageSource, where: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`select count(*) as n from ${sql.table(source.table)} where ${where}`.execute(db)
  return rows[0]?.n ?? 0
}

function orderOf(source: PageSource, orgId: OrgId, query: PageQuery): RawBuilder<unknown> {
  const ord = sql.ref(`${source.table}.ord`)
  if (query.sort === undefined) return sql`${ord}`
  const key = sortExpression(query.sort.by, {
    dialect: source.dialect,
    table: source.table,
    orgId,
    viewer: query.viewer,
  })
  return query.sort.descending ? sql`${key} desc nulls first, ${ord}` : sql`${key} asc nulls last, ${ord}`
}
