import { type Kysely, type RawBuilder, sql, type SqlBool } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { Filter } from '../domain/filter.ts'
import type { OrgId } from '../domain/ids.ts'
import type { PageKey, PageQuery } from '../domain/ports.ts'
import type { FilterScope } from './attribute-columns.ts'
import { runCompiled } from './direct-run.ts'
import { filterToSql } from './filter-sql.ts'
import { keyColumn, keyOf, type Keyed, type PageOrder, pageOrder } from './page-order.ts'

export interface PageSource {
  readonly table: 'user' | 'scim_group'
  readonly columns: readonly string[]
  /** The org_counter with the number of live rows. */
  readonly counter: string
  /** The index of live rows by `ord`. */
  readonly ordIndex: string
}

/** A list request made ready for SQL. */
export interface Listing {
  readonly db: Kysely<Database>
  readonly source: PageSource
  readonly scope: FilterScope
  /** Undefined for everybody. */
  readonly filter: Filter | undefined
  readonly order: PageOrder
}

/** Which rows of a listing are wanted: `limit` of them, `offset` behind `after` or the beginning. */
export interface Window {
  readonly after: PageKey | undefined
  readonly offset: number
  readonly limit: number
}

/** A row with its place in the list. */
export interface Item<T> {
  readonly row: T
  readonly key: PageKey
}

/** Rows of a window, and how many match the filter, where that came to light on the way. */
export interface Found<T> {
  readonly items: readonly Item<T>[]
  readonly total: number | undefined
}

/**
 * A list request made ready.
 * @param db where from, with its dialect
 */
export function listingOf(
  { db, dialect }: { readonly db: Kysely<Database>; readonly dialect: Dialect },
  source: PageSource,
  orgId: OrgId,
  query: Pick<PageQuery, 'filter' | 'sort' | 'viewer'>,
): Listing {
  const scope = { dialect, table: source.table, orgId, viewer: query.viewer }
  const { filter } = query
  const everybody = filter?.kind === 'constant' && filter.value
  return { db, source, scope, filter: everybody ? undefined : filter, order: pageOrder(scope, query.sort) }
}

/** The rows of the org that are not deleted. */
export function liveRows({ source, scope }: Pick<Listing, 'source' | 'scope'>): RawBuilder<SqlBool> {
  const { table } = source
  return sql<SqlBool>`${sql.ref(`${table}.org_id`)} = ${scope.orgId} and ${sql.ref(`${table}.deleted_at`)} is null`
}

/** The live rows that match the filter. */
export function matchingRows(listing: Listing): RawBuilder<SqlBool> {
  const { filter, scope } = listing
  if (filter === undefined) return liveRows(listing)
  return sql<SqlBool>`${liveRows(listing)} and ${filterToSql(filter, scope)}`
}

/** `select columns, page_key from table where` a condition, and what follows it. */
export function selectRows(listing: Listing, tail: RawBuilder<unknown>): RawBuilder<Keyed> {
  const { source, order } = listing
  const columns = sql.join(source.columns.map((column) => sql.ref(column)))
  return sql<Keyed>`select ${columns}, ${keyColumn(order)} from ${sql.table(source.table)} where ${tail}`
}

/** Runs a query of {@link selectRows}. */
export async function items<T>(listing: Listing, query: RawBuilder<Keyed>): Promise<readonly Item<T>[]> {
  const rows = await runCompiled(listing.db, query.compile(listing.db))
  return rows.map((row) => ({ row: row as unknown as T, key: keyOf(listing.order, row) }))
}
