import { setImmediate } from 'node:timers/promises'
import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { PageKey } from '../domain/ports.ts'
import { type Item, items, type Listing, liveRows, selectRows, type Window } from './listing.ts'
import { behindKeyed, keyColumn, type Keyed, keyOf, orderTerms } from './page-order.ts'
import { scanInOrder } from './page-scan.ts'

/** Rows passed over in one query on the way to an offset: of the index of `ord` alone, or of one that leads to rows. */
const HOP = { narrow: 50_000, wide: 5_000 } as const

/**
 * A window of all live rows in an order that an index gives: by key the same cost at any depth; an offset costs its
 * length in index entries, and other requests get their turn on the way.
 */
export async function walkRows<T>(listing: Listing, window: Window): Promise<readonly Item<T>[]> {
  if (!listing.order.nullable) return (await keyedRows<T>(listing, window)).items
  return listing.order.descending ? unkeyedFirst(listing, window) : unkeyedLast(listing, window)
}

interface Part<T> {
  readonly items: readonly Item<T>[]
  /** How much of the offset is left behind the rows of this part. */
  readonly offset: number
}

async function unkeyedLast<T>(listing: Listing, window: Window): Promise<readonly Item<T>[]> {
  if (window.after?.sort === null) return (await unkeyedRows<T>(listing, window)).items
  const keyed = await keyedRows<T>(listing, window)
  const limit = window.limit - keyed.items.length
  if (limit === 0) return keyed.items
  const rest = await unkeyedRows<T>(listing, { after: undefined, offset: keyed.offset, limit })
  return [...keyed.items, ...rest.items]
}

async function unkeyedFirst<T>(listing: Listing, window: Window): Promise<readonly Item<T>[]> {
  if (window.after !== undefined && window.after.sort !== null) return (await keyedRows<T>(listing, window)).items
  const unkeyed = await unkeyedRows<T>(listing, window)
  const limit = window.limit - unkeyed.items.length
  if (limit === 0) return unkeyed.items
  const rest = await keyedRows<T>(listing, { after: undefined, offset: unkeyed.offset, limit })
  return [...unkeyed.items, ...rest.items]
}

/** Rows without a key are in no index of theirs that is in order. */
async function unkeyedRows<T>(listing: Listing, window: Window): Promise<Part<T>> {
  const condition = sql<SqlBool>`${listing.order.key} is null`
  const { items: found, passed } = await scanInOrder<T>(listing, window, { condition, counting: false })
  return { items: found, offset: Math.max(0, window.offset - passed) }
}

async function keyedRows<T>(listing: Listing, window: Window): Promise<Part<T>> {
  const start = await hopOver(listing, window)
  if (start === undefined) return { items: [], offset: 0 }
  if (start.ended) return { items: [], offset: start.offset }
  const found = await items<T>(
    listing,
    selectRows(
      listing,
      sql`${keyedFrom(listing, start.after)} order by ${keyedOrder(listing)} limit ${window.limit} offset ${start.offset}`,
    ),
  )
  if (found.length > 0 || start.offset === 0) return { items: found, offset: 0 }
  return { items: [], offset: start.offset - (await countUpTo(listing, start.after, start.offset)) }
}

function keyedFrom(listing: Listing, after: PageKey | undefined): RawBuilder<SqlBool> {
  const { order } = listing
  const isKeyed = order.nullable && after === undefined ? sql` and ${order.key} is not null` : sql``
  const isBehind = after === undefined ? sql`` : sql` and ${behindKeyed(order, after)}`
  return sql<SqlBool>`${liveRows(listing)}${isKeyed}${isBehind}`
}

function keyedOrder({ order }: Listing): RawBuilder<unknown> {
  return orderTerms({ ...order, nullable: false })
}

interface Start {
  readonly after: PageKey | undefined
  /** What is left of the offset. */
  readonly offset: number
  /** The rows with a key end before the offset does. */
  readonly ended: boolean
}

/** Passes over an offset in hops, each from the key the last one ended at. */
async function hopOver(listing: Listing, window: Window): Promise<Start | undefined> {
  let { after, offset } = window
  if (window.limit === 0) return undefined
  const hop = listing.order.key === undefined ? HOP.narrow : HOP.wide
  while (offset > hop) {
    const end = await keyAt(listing, after, hop)
    if (end === undefined) return { after, offset: offset - (await countUpTo(listing, after, hop)), ended: true }
    after = end
    offset -= hop
    await setImmediate()
  }
  if (listing.order.key !== undefined || offset === 0) return { after, offset, ended: false }
  // The last stretch too is counted over the narrow index, not over the rows.
  const end = await keyAt(listing, after, offset)
  return end === undefined ? undefined : { after: end, offset: 0, ended: false }
}

/** Where the row stands that is `rows` behind a place. */
async function keyAt(listing: Listing, after: PageKey | undefined, rows: number): Promise<PageKey | undefined> {
  const { source, order, db } = listing
  const { rows: found } =
    await sql<Keyed>`select ${order.ord} as ord, ${keyColumn(order)} from ${sql.table(source.table)}
    where ${keyedFrom(listing, after)} order by ${keyedOrder(listing)} limit 1 offset ${rows - 1}`.execute(db)
  return found[0] && keyOf(order, found[0])
}

async function countUpTo(listing: Listing, after: PageKey | undefined, most: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from (select 1 from ${sql.table(listing.source.table)}
    where ${keyedFrom(listing, after)} limit ${most}) as some_rows`.execute(listing.db)
  return rows[0]?.n ?? 0
}
