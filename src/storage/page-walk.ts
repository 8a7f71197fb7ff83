import { setImmediate } from 'node:timers/promises'
import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { PageKey } from '../domain/ports.ts'
import { type Item, items, type Listing, liveRows, selectRows, type Window } from './listing.ts'
import { behindKeyed, keyColumn, type Keyed, keyOf, orderTerms } from './page-order.ts'

/** Rows passed over in one query on the way to an offset: of the index of `ord` alone, or of one that leads to rows. */
const HOP = { narrow: 50_000, wide: 5_000 } as const

/** Rows that have a sort key, or rows that have none: the same index gives both, each in order. */
type Having = 'key' | 'no-key'

/**
 * A window of all live rows in an order that an index gives: by key the same cost at any depth; an offset costs its
 * length in index entries, and other requests get their turn on the way.
 */
export async function walkRows<T>(listing: Listing, window: Window): Promise<readonly Item<T>[]> {
  const { nullable, descending } = listing.order
  if (!nullable) return (await partOf<T>(listing, 'key', window)).items
  const parts: readonly Having[] = descending ? ['no-key', 'key'] : ['key', 'no-key']
  const { after } = window
  const begun: Having = after?.sort === null ? 'no-key' : 'key'
  const left = after === undefined ? parts : parts.slice(parts.indexOf(begun))
  const found: Item<T>[] = []
  let { offset } = window
  for (const having of left) {
    const limit = window.limit - found.length
    if (limit === 0) break
    const part = await partOf<T>(listing, having, { after: having === begun ? after : undefined, offset, limit })
    found.push(...part.items)
    offset = part.offset
  }
  return found
}

interface Part<T> {
  readonly items: readonly Item<T>[]
  /** How much of the offset is left behind the rows of this part. */
  readonly offset: number
}

async function partOf<T>(listing: Listing, having: Having, window: Window): Promise<Part<T>> {
  const walk: Walk = { listing, having }
  const start = await hopOver(walk, window)
  if (start === undefined) return { items: [], offset: 0 }
  if (start.ended) return { items: [], offset: start.offset }
  const found = await items<T>(
    listing,
    selectRows(
      listing,
      sql`${rowsFrom(walk, start.after)} order by ${orderOf(listing)} limit ${window.limit} offset ${start.offset}`,
    ),
  )
  if (found.length > 0 || start.offset === 0) return { items: found, offset: 0 }
  return { items: [], offset: start.offset - (await countUpTo(walk, start.after, start.offset)) }
}

interface Walk {
  readonly listing: Listing
  readonly having: Having
}

function rowsFrom({ listing, having }: Walk, after: PageKey | undefined): RawBuilder<SqlBool> {
  const { order } = listing
  if (having === 'no-key') {
    const past = order.descending ? sql`<` : sql`>`
    const isBehind = after === undefined ? sql`` : sql` and ${order.ord} ${past} ${after.ord}`
    return sql<SqlBool>`${liveRows(listing)} and ${order.key} is null${isBehind}`
  }
  const isKeyed = order.nullable && after === undefined ? sql` and ${order.key} is not null` : sql``
  const isBehind = after === undefined ? sql`` : sql` and ${behindKeyed(order, after)}`
  return sql<SqlBool>`${liveRows(listing)}${isKeyed}${isBehind}`
}

/** The key stands there also where it is null: PostgreSQL finds the index by it. */
function orderOf({ order }: Listing): RawBuilder<unknown> {
  return orderTerms({ ...order, nullable: false })
}

interface Start {
  readonly after: PageKey | undefined
  /** What is left of the offset. */
  readonly offset: number
  /** The rows of the part end before the offset does. */
  readonly ended: boolean
}

/** Passes over an offset in hops, each from the key the last one ended at. */
async function hopOver(walk: Walk, window: Window): Promise<Start | undefined> {
  let { after, offset } = window
  if (window.limit === 0) return undefined
  const { key } = walk.listing.order
  const hop = key === undefined ? HOP.narrow : HOP.wide
  while (offset > hop) {
    const end = await keyAt(walk, after, hop)
    if (end === undefined) return { after, offset: offset - (await countUpTo(walk, after, hop)), ended: true }
    after = end
    offset -= hop
    await setImmediate()
  }
  if (key !== undefined || offset === 0) return { after, offset, ended: false }
  // The last stretch too is counted over the narrow index, not over the rows.
  const end = await keyAt(walk, after, offset)
  return end === undefined ? undefined : { after: end, offset: 0, ended: false }
}

/** Where the row stands that is `rows` behind a place. */
async function keyAt(walk: Walk, after: PageKey | undefined, rows: number): Promise<PageKey | undefined> {
  const { source, order, db } = walk.listing
  const { rows: found } =
    await sql<Keyed>`select ${order.ord} as ord, ${keyColumn(order)} from ${sql.table(source.table)}
    where ${rowsFrom(walk, after)} order by ${orderOf(walk.listing)} limit 1 offset ${rows - 1}`.execute(db)
  return found[0] && keyOf(order, found[0])
}

async function countUpTo(walk: Walk, after: PageKey | undefined, most: number): Promise<number> {
  const { source, db } = walk.listing
  const { rows } = await sql<{ n: number }>`select count(*) as n from (select 1 from ${sql.table(source.table)}
    where ${rowsFrom(walk, after)} limit ${most}) as some_rows`.execute(db)
  return rows[0]?.n ?? 0
}
