import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { compareText } from '../domain/evaluate.ts'
import type { AttributeRef } from '../domain/filter.ts'
import type { PageKey, PageQuery } from '../domain/ports.ts'
import { ENTERPRISE_URN } from '../domain/schema-urns.ts'
import { columnOf, type FilterScope } from './attribute-columns.ts'
import { sortExpression } from './sort-sql.ts'

/**
 * The total order of a list: a sort key, rows without one last, then `ord`; descending is the same order backwards, so
 * that one index gives both. Without `sortBy` it is `ord` alone, in which rows made during a walk come last.
 */
export interface PageOrder {
  /** Undefined where the order is `ord` alone. */
  readonly key: RawBuilder<unknown> | undefined
  readonly ord: RawBuilder<unknown>
  readonly descending: boolean
  /** Whether rows may be without a key. */
  readonly nullable: boolean
  /** Whether an index gives the rows in this order, and so a page at any depth. */
  readonly free: boolean
  /** Whether keys are numbers out of JSON, which PostgreSQL gives as text. */
  readonly decimal: boolean
}

interface FreeSort {
  /** The attribute as `sortBy` names it. */
  readonly name: string
  /** Whether rows may be without it. */
  readonly nullable: boolean
}

const COMMON_SORTS: readonly FreeSort[] = [
  { name: 'id', nullable: false },
  { name: 'meta.created', nullable: false },
  { name: 'meta.lastModified', nullable: false },
]

/** What an index gives in order. */
const FREE: Readonly<Record<FilterScope['table'], readonly FreeSort[]>> = {
  user: [
    ...COMMON_SORTS,
    { name: 'userName', nullable: false },
    { name: 'displayName', nullable: true },
    { name: 'active', nullable: false },
    { name: `${ENTERPRISE_URN}:department`, nullable: true },
    { name: `${ENTERPRISE_URN}:employeeNumber`, nullable: true },
  ],
  scim_group: [...COMMON_SORTS, { name: 'displayName', nullable: false }],
}

/** The attributes by which any number of rows is sorted at no cost. */
export function freeSorts(table: FilterScope['table']): readonly string[] {
  return FREE[table].map(({ name }) => name)
}

function freeSort(table: FilterScope['table'], [first = '', ...more]: readonly string[]): FreeSort | undefined {
  const name = first.startsWith('urn:') ? `${first}:${more.join('.')}` : [first, ...more].join('.')
  return FREE[table].find((each) => each.name === name)
}

/** The order a page is asked for in. */
export function pageOrder(scope: FilterScope, sort: PageQuery['sort']): PageOrder {
  const ord = sql.ref(`${scope.table}.ord`)
  if (sort === undefined) {
    return { key: undefined, ord, descending: false, nullable: false, free: true, decimal: false }
  }
  const { by, descending } = sort
  const free = freeSort(scope.table, by.path)
  const decimal = (by.type === 'integer' || by.type === 'decimal') && columnOf(scope, by.path) === undefined
  return {
    key: free === undefined ? byBytes(scope, by) : sortExpression(by, scope),
    ord,
    descending,
    nullable: free?.nullable ?? true,
    free: free !== undefined,
    decimal,
  }
}

/** What is put together out of columns has the database's own collation on PostgreSQL. */
function byBytes(scope: FilterScope, by: AttributeRef): RawBuilder<unknown> {
  const key = sortExpression(by, scope)
  const kind = columnOf(scope, by.path)?.kind
  const isText = kind === 'text' || kind === 'key'
  return scope.dialect === 'postgres' && isText ? sql`(${key} collate "C")` : key
}

/** The terms of ORDER BY. @param plain hides the columns from SQLite's choice of an index, which has no statistics */
export function orderTerms({ key, ord, descending, nullable }: PageOrder, plain = false): RawBuilder<unknown> {
  const sign = plain ? sql`+` : sql``
  if (key === undefined) return sql`${sign}${ord}`
  const direction = descending ? sql`desc` : sql`asc`
  const nulls = nullable ? (descending ? sql` nulls first` : sql` nulls last`) : sql``
  return sql`${sign}${key} ${direction}${nulls}, ${sign}${ord} ${direction}`
}

/** That a row with a key stands behind another one that has one too: one place in an index of both. */
export function behindKeyed(order: PageOrder, after: PageKey): RawBuilder<SqlBool> {
  const { key, ord } = order
  if (key === undefined) return sql<SqlBool>`${ord} > ${after.ord}`
  const literal = order.decimal ? sql`cast(${after.sort} as numeric)` : sql`${after.sort}`
  const past = order.descending ? sql`<` : sql`>`
  return sql<SqlBool>`(${key}, ${ord}) ${past} (${literal}, ${after.ord})`
}

/** That a row stands behind another one. */
export function behind(order: PageOrder, after: PageKey): RawBuilder<SqlBool> {
  const { key, ord, descending, nullable } = order
  if (key === undefined || !nullable) return behindKeyed(order, after)
  const isUnkeyed = sql`${key} is null`
  if (after.sort === null) {
    return descending
      ? sql<SqlBool>`(${key} is not null or ${ord} < ${after.ord})`
      : sql<SqlBool>`(${isUnkeyed} and ${ord} > ${after.ord})`
  }
  const keyed = behindKeyed(order, after)
  return descending ? keyed : sql<SqlBool>`(${keyed} or ${isUnkeyed})`
}

/** Orders rows as SQL does. @returns negative, 0 or positive */
export function compareKeys({ descending }: Pick<PageOrder, 'descending'>, left: PageKey, right: PageKey): number {
  const difference = compareSort(left.sort, right.sort) || left.ord - right.ord
  return descending ? -difference : difference
}

function compareSort(left: PageKey['sort'], right: PageKey['sort']): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null)
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return compareText(String(left), String(right))
}

/** What every query of rows selects beside its columns. */
export interface Keyed {
  readonly ord: number
  readonly page_key: string | number | null
}

/** The column `page_key`. */
export function keyColumn({ key }: PageOrder): RawBuilder<unknown> {
  return key === undefined ? sql`null as page_key` : sql`${key} as page_key`
}

/** Where a row stands. */
export function keyOf({ decimal }: PageOrder, row: Keyed): PageKey {
  const { page_key: sort, ord } = row
  return { sort: decimal && typeof sort === 'string' ? Number(sort) : sort, ord }
}
