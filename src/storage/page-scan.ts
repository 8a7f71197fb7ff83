import { setImmediate } from 'node:timers/promises'
import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { DomainError } from '../domain/errors.ts'
import type { Filter } from '../domain/filter.ts'
import type { PageKey } from '../domain/ports.ts'
import { isNumberAmong } from './id-list.ts'
import { filterToSql } from './filter-sql.ts'
import { type Item, items, type Listing, liveRows, selectRows, type Window } from './listing.ts'
import { compareKeys, freeSorts, keyColumn, type Keyed, keyOf, orderTerms } from './page-order.ts'

/** Rows looked at in one query, at most and at least. */
const SLICE = { most: 2_000, least: 50 } as const

/** A slice that took longer than `long` is halved the next time, one shorter than `short` doubled; milliseconds. */
const PACE = { short: 4, long: 12 } as const

/** How many terms a full slice is made for. */
const TERMS = 4

/** Rows read by their place in one query. */
const CHUNK = 1_000

/** The most rows that are sorted without an index. */
export const MAX_SORTED = 50_000

/** The condition of a listing for a scan, where the rows lead and the rest is looked up for each. */
export function scanCondition({ filter, scope }: Listing): RawBuilder<SqlBool> {
  return filter === undefined ? sql<SqlBool>`1 = 1` : filterToSql(filter, { ...scope, rowsLead: true })
}

interface Slice {
  /** Which rows are in it. */
  readonly rows: RawBuilder<SqlBool>
  /** The highest `ord`; undefined for the last slice. */
  readonly end: number | undefined
}

/**
 * The live rows by `ord` in slices, each a query of its own, with a turn of the event loop between any two: SQLite
 * holds the loop while it runs.
 */
async function* slices(listing: Listing, from: number | undefined): AsyncGenerator<Slice> {
  let size = Math.max(SLICE.least, Math.floor(SLICE.most / Math.ceil(termsOf(listing.filter) / TERMS)))
  const { ord } = listing.order
  let after = from
  for (;;) {
    const begin = after === undefined ? sql`` : sql` and ${ord} > ${after}`
    const started = performance.now()
    const end = await endOf(listing, begin, size)
    const upTo = end === undefined ? sql`` : sql` and ${ord} <= ${end}`
    yield { rows: sql<SqlBool>`${liveRows(listing)}${begin}${upTo}`, end }
    if (end === undefined) return
    // PostgreSQL works elsewhere: the loop is free meanwhile, and a short slice is but a round trip more.
    if (listing.scope.dialect === 'sqlite') size = paced(size, performance.now() - started)
    after = end
    await setImmediate()
  }
}

function paced(size: number, took: number): number {
  if (took > PACE.long) return Math.max(SLICE.least, size >> 1)
  return took < PACE.short ? Math.min(SLICE.most, size << 1) : size
}

async function endOf(listing: Listing, begin: RawBuilder<unknown>, size: number): Promise<number | undefined> {
  const { rows } = await sql<{ ord: number }>`select ${listing.order.ord} as ord from ${rowsByOrd(listing)}
    where ${liveRows(listing)}${begin} order by ${listing.order.ord} limit 1 offset ${size - 1}`.execute(listing.db)
  return rows[0]?.ord
}

/** Without statistics SQLite would take the index of a filter, which leads to far more rows than a slice has. */
function rowsByOrd({ source, scope }: Listing): RawBuilder<unknown> {
  const table = sql.table(source.table)
  return scope.dialect === 'sqlite' ? sql`${table} indexed by ${sql.ref(source.ordIndex)}` : table
}

function termsOf(filter: Filter | undefined): number {
  switch (filter?.kind) {
    case undefined:
      return 1
    case 'and':
    case 'or':
      return filter.terms.reduce((sum, term) => sum + termsOf(term), 0)
    case 'not':
      return termsOf(filter.term)
    case 'some':
      return termsOf(filter.where)
    default:
      return 1
  }
}

export interface ScanOptions {
  readonly condition: RawBuilder<SqlBool>
  /** Whether to go through all rows and count, or only as far as the window needs. */
  readonly counting: boolean
}

export interface Scanned<T> {
  readonly items: readonly Item<T>[]
  /** Matches seen behind `after`: all there are, if the rows ended before the window was full. */
  readonly passed: number
  /** All matches, if they were counted. */
  readonly total: number | undefined
}

/** A window in the order of `ord` of the rows that satisfy a condition no index serves. */
export async function scanInOrder<T>(listing: Listing, window: Window, options: ScanOptions): Promise<Scanned<T>> {
  const { after, offset, limit } = window
  const { condition, counting } = options
  const ords: number[] = []
  let passed = 0
  let total = 0
  const isFull = (): boolean => ords.length >= limit && !counting
  if (isFull()) return { items: [], passed, total: undefined }
  for await (const { rows: inSlice } of slices(listing, counting ? undefined : after?.ord)) {
    const { rows } = await sql<{ ord: number }>`select ${listing.order.ord} as ord from ${rowsByOrd(listing)}
      where ${inSlice} and ${condition} order by ${listing.order.ord}`.execute(listing.db)
    total += rows.length
    for (const { ord } of rows) {
      if (after !== undefined && ord <= after.ord) continue
      if (passed >= offset && ords.length < limit) ords.push(ord)
      passed += 1
    }
    if (isFull()) break
  }
  const keys = ords.map((ord) => ({ sort: null, ord }))
  return { items: await readRows(listing, keys), passed, total: counting ? total : undefined }
}

/**
 * A window in the order of a sort key, of the rows that satisfy a condition no index serves: each slice is sorted by
 * itself and only the best are kept.
 * @throws DomainError `too-many` above {@link MAX_SORTED}
 */
export async function scanSorted<T>(listing: Listing, window: Window, options: ScanOptions): Promise<Scanned<T>> {
  const { order, db, scope } = listing
  const { after, offset, limit } = window
  if (offset + limit > MAX_SORTED) throw tooDeep()
  const wanted = offset + limit
  let best: readonly PageKey[] = []
  let total = 0
  for await (const { rows: inSlice } of slices(listing, undefined)) {
    const { rows } = await sql<Keyed>`select ${order.ord} as ord, ${keyColumn(order)} from ${rowsByOrd(listing)}
      where ${inSlice} and ${options.condition} order by ${orderTerms(order, scope.dialect === 'sqlite')}`.execute(db)
    total += rows.length
    if (!order.free && total > MAX_SORTED) throw tooManyToSort(listing)
    const keys = rows.map((row) => keyOf(order, row))
    const further = after === undefined ? keys : keys.filter((key) => compareKeys(order, key, after) > 0)
    best = merge(best, further, wanted, (left, right) => compareKeys(order, left, right))
  }
  return { items: await readRows(listing, best.slice(offset)), passed: total, total }
}

function merge<T>(left: readonly T[], right: readonly T[], most: number, compare: (a: T, b: T) => number): T[] {
  const merged: T[] = []
  let [l, r] = [0, 0]
  while (merged.length < most && (l < left.length || r < right.length)) {
    const [a, b] = [left[l], right[r]]
    if (b === undefined || (a !== undefined && compare(a, b) <= 0)) {
      if (a !== undefined) merged.push(a)
      l += 1
    } else {
      merged.push(b)
      r += 1
    }
  }
  return merged
}

/** The rows at some places, in their order. One that was deleted meanwhile is left out. */
async function readRows<T>(listing: Listing, keys: readonly PageKey[]): Promise<readonly Item<T>[]> {
  const found = new Map<number, T>()
  for (let at = 0; at < keys.length; at += CHUNK) {
    if (at > 0) await setImmediate()
    const ords = keys.slice(at, at + CHUNK).map(({ ord }) => ord)
    const query = selectRows(
      listing,
      sql`${liveRows(listing)} and ${listing.order.ord} ${isNumberAmong(listing.scope.dialect, ords)}`,
    )
    for (const { row, key } of await items<T>(listing, query)) found.set(key.ord, row)
  }
  return keys.flatMap((key) => {
    const row = found.get(key.ord)
    return row === undefined ? [] : [{ row, key }]
  })
}

function tooDeep(): DomainError {
  const message = `No page of a sorted list begins behind ${MAX_SORTED}; walk by cursor, or narrow the filter.`
  return new DomainError('too-many', message)
}

/** @param listing sorted by what no index gives */
export function tooManyToSort({ scope }: Listing): DomainError {
  const message =
    `More than ${MAX_SORTED} resources match, too many to sort by this attribute; narrow the filter, or sort by ` +
    `${freeSorts(scope.table).join(', ')}, which any number is sorted by.`
  return new DomainError('too-many', message)
}
