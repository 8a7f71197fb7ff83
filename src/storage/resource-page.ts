import { type Kysely, sql, type SqlBool } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Page, PageKey, PageQuery } from '../domain/ports.ts'
import { fewMatches } from './few-matches.ts'
import { isIndexed } from './filter-index.ts'
import { gatheringOf } from './filter-sql.ts'
import {
  type Found,
  items,
  type Listing,
  listingOf,
  matchingRows,
  type PageSource,
  selectRows,
  type Window,
} from './listing.ts'
import { behind, orderTerms } from './page-order.ts'
import { MAX_SORTED, scanCondition, scanInOrder, scanSorted, tooManyToSort } from './page-scan.ts'
import { countUpTo, createTotals, listName, liveTotal, type Totals } from './page-totals.ts'
import { walkRows } from './page-walk.ts'
import { createRecent, type Recent } from './recent.ts'
import { createTurns, type Turns } from './turns.ts'

/** Up to so many matches of an index are sorted and counted in one query. */
const MAX_MATCHES = 5_000

/** How many walks by index can go on by key, and for how long. */
const RESUMED = { most: 10_000, lifeMs: 600_000 } as const

/** Reads pages of people and groups. */
export interface ResourcePages {
  /**
   * One page, in a total order (RFC 7644 §3.4.2). A walk by `after` misses and repeats nobody, whatever is written
   * meanwhile; a walk by index neither, as long as its pages are of one size and follow within ten minutes.
   * @throws DomainError `too-many` for a sort that no index gives over more rows than can be sorted
   */
  page<T>(source: PageSource, orgId: OrgId, query: PageQuery): Promise<Page<T>>
}

interface Parts {
  readonly totals: Totals
  readonly turns: Turns
}

/** @param now epoch milliseconds */
export function createResourcePages(db: Kysely<Database>, dialect: Dialect, now: () => number): ResourcePages {
  const parts: Parts = { totals: createTotals(db, now), turns: createTurns() }
  const ends = createRecent<PageKey>(RESUMED.most, RESUMED.lifeMs, now)
  return {
    async page<T>(source: PageSource, orgId: OrgId, query: PageQuery): Promise<Page<T>> {
      if (query.filter?.kind === 'constant' && !query.filter.value) return { total: 0, rows: [], next: undefined }
      const listing = listingOf({ db, dialect }, source, orgId, query)
      const after = query.after ?? findEnd(ends, listing, query)
      const window: Window = {
        after,
        offset: after === undefined ? query.startIndex - 1 : 0,
        // One more than is given tells whether the list goes on.
        limit: query.count === 0 ? 0 : query.count + 1,
      }
      const page = pageOf(query, await findRows<T>(parts, listing, window, query.knownTotal))
      if (query.after === undefined && page.next !== undefined) {
        ends.put(endName(listing, query, query.startIndex + query.count), page.next)
      }
      return page
    },
  }
}

function pageOf<T>({ count }: PageQuery, { items: found, total }: Counted<T>): Page<T> {
  const given = found.slice(0, count)
  return {
    total,
    rows: given.map(({ row }) => row),
    next: found.length > count ? given.at(-1)?.key : undefined,
  }
}

/** Where the page before ended, for a walk by index that follows page by page. */
function findEnd(ends: Recent<PageKey>, listing: Listing, query: PageQuery): PageKey | undefined {
  return query.startIndex === 1 || query.count === 0 ? undefined : ends.get(endName(listing, query, query.startIndex))
}

function endName(listing: Listing, { sort, count }: PageQuery, startIndex: number): string {
  return listName(listing, sort ?? null, count, startIndex)
}

/** Rows of a window, and how many match the filter. */
interface Counted<T> extends Found<T> {
  readonly total: number
}

function findRows<T>(parts: Parts, listing: Listing, window: Window, total: number | undefined): Promise<Counted<T>> {
  if (listing.filter === undefined) return unfiltered(parts, listing, window, total)
  if (isIndexed(listing.filter)) return indexed(parts, listing, window, total)
  return scanned(parts, listing, window, total)
}

async function unfiltered<T>(
  parts: Parts,
  listing: Listing,
  window: Window,
  known: number | undefined,
): Promise<Counted<T>> {
  const total = known ?? (await liveTotal(listing))
  if (!listing.order.free) return scanned(parts, listing, window, total)
  if (window.offset > 0 && window.offset >= total) return { items: [], total }
  return { items: await walkRows<T>(listing, window), total }
}

async function indexed<T>(
  parts: Parts,
  listing: Listing,
  window: Window,
  known: number | undefined,
): Promise<Counted<T>> {
  if (await gathersMany(listing)) return scanned(parts, listing, window, known)
  if (window.after === undefined && window.offset === 0) {
    const few = await fewMatches<T>(listing, Math.max(window.limit - 1, 1))
    if (few !== undefined) return { items: few, total: few.length }
  }
  const counted = known ?? (await parts.totals.known(listing))
  // Whatever the total was: it is this look-up that says how many rows there are to be sorted now.
  const matches = await countUpTo(listing, MAX_MATCHES + 1)
  if (matches > MAX_MATCHES) return scanned(parts, listing, window, counted)
  return { items: await sortedMatches<T>(listing, window), total: known ?? matches }
}

/** Whether more ids would be gathered at once than a store should hold the process for. */
async function gathersMany({ db, filter, scope }: Listing): Promise<boolean> {
  for (const ids of filter === undefined ? [] : gatheringOf(filter, scope)) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from (
      select 1 from (${ids}) as gathered limit ${MAX_MATCHES + 1}) as some_rows`.execute(db)
    if ((rows[0]?.n ?? 0) > MAX_MATCHES) return true
  }
  return false
}

/** A window of so few matches that they can be sorted. */
async function sortedMatches<T>(listing: Listing, window: Window): Promise<Found<T>['items']> {
  const { order, scope } = listing
  if (window.limit === 0) return []
  const isBehind = window.after === undefined ? sql<SqlBool>`1 = 1` : behind(order, window.after)
  return items<T>(
    listing,
    selectRows(
      listing,
      sql`${matchingRows(listing)} and ${isBehind} order by ${orderTerms(order, scope.dialect === 'sqlite')}
        limit ${window.limit} offset ${window.offset}`,
    ),
  )
}

/** A window found by looking at every row, one such search of a connection at a time. */
function scanned<T>(parts: Parts, listing: Listing, window: Window, known: number | undefined): Promise<Counted<T>> {
  return inTurn(parts, listing, async () => {
    const total = known ?? (await parts.totals.known(listing))
    if (!listing.order.free && total !== undefined && total > MAX_SORTED) throw tooManyToSort(listing)
    if (total !== undefined && window.limit === 0) return { items: [], total }
    const condition = scanCondition(listing)
    const scan = listing.order.key === undefined ? scanInOrder<T> : scanSorted<T>
    if (total !== undefined) return { ...(await scan(listing, window, { condition, counting: false })), total }
    let found: Found<T> = { items: [], total: 0 }
    const count = await parts.totals.keep(listing, async () => {
      found = await scan(listing, window, { condition, counting: true })
      return found.total ?? 0
    })
    return { items: found.items, total: count }
  })
}

function inTurn<T>({ turns }: Parts, { scope }: Listing, run: () => Promise<T>): Promise<T> {
  return turns.take(scope.viewer.connectionId ?? scope.orgId, run)
}
