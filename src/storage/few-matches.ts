import { type CompiledQuery, sql } from 'kysely'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import type { Filter } from '../domain/filter.ts'
import { fold } from '../domain/fold.ts'
import { columnOf, hasIndex } from './attribute-columns.ts'
import { isCustom } from './custom-sql.ts'
import { runCompiled } from './direct-run.ts'
import { type Item, items, type Listing, matchingRows, selectRows } from './listing.ts'
import { compareKeys, type Keyed, keyOf } from './page-order.ts'

/**
 * The matches of a filter that an index serves, if there are no more than `most`: one query, which most searches of an
 * identity provider are done with.
 */
export async function fewMatches<T>(listing: Listing, most: number): Promise<readonly Item<T>[] | undefined> {
  const found = await firstMatches<T>(listing, most + 1)
  // Sorted here: an ORDER BY would tempt SQLite to go through all rows in that order.
  return found.length > most ? undefined : found.toSorted((a, b) => compareKeys(listing.order, a.key, b.key))
}

function firstMatches<T>(listing: Listing, limit: number): Promise<readonly Item<T>[]> {
  const { filter, order } = listing
  const asked = filter === undefined || order.key !== undefined ? undefined : equality(filter)
  if (asked !== undefined) return keptQuery<T>(listing, asked, limit)
  return items<T>(listing, selectRows(listing, sql`${matchingRows(listing)} limit ${limit}`))
}

type Equality = Filter & { readonly kind: 'compare'; readonly value: string }

/** A filter that is nothing but a text at an attribute with an index. */
function equality(filter: Filter): Equality | undefined {
  if (filter.kind !== 'compare' || filter.op !== 'eq' || typeof filter.value !== 'string') return undefined
  // What orgs declare is of their own names and kinds: there would be no end of queries to keep.
  return hasIndex(filter.at.path, 'eq') && !isCustom(filter.at.path) ? { ...filter, value: filter.value } : undefined
}

/** What stands for the parameters while a query is compiled; none of them is changed by folding. */
const MARK = { org: '<org>', viewer: '<viewer>', value: '<value>', limit: '<limit>' } as const

/** Compiled queries by what their text depends on: as many as there are attributes with an index. */
const kept = new Map<string, CompiledQuery<Keyed>>()

async function keptQuery<T>(listing: Listing, filter: Equality, limit: number): Promise<readonly Item<T>[]> {
  const { scope, order, db } = listing
  const compiled = compiledFor(listing, filter)
  const exact = columnOf(scope, filter.at.path)?.kind === 'text'
  const values: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
    [MARK.org, scope.orgId],
    [MARK.viewer, scope.viewer.connectionId ?? ''],
    [MARK.value, exact ? filter.value : fold(filter.value)],
    [MARK.limit, limit],
  ])
  const parameters = compiled.parameters.map((each) => (values.has(each) ? values.get(each) : each))
  const rows = await runCompiled<Keyed>(db, { ...compiled, parameters })
  return rows.map((row) => ({ row: row as unknown as T, key: keyOf(order, row) }))
}

function compiledFor(listing: Listing, filter: Equality): CompiledQuery<Keyed> {
  const { dialect, table, viewer } = listing.scope
  const name = [dialect, table, viewer.kind, ...filter.at.path].join(' ')
  const known = kept.get(name)
  if (known !== undefined) return known
  const marked: Listing = {
    ...listing,
    scope: {
      ...listing.scope,
      orgId: MARK.org as OrgId,
      viewer: { kind: viewer.kind, connectionId: MARK.viewer as ConnectionId },
    },
    filter: { ...filter, value: MARK.value },
  }
  const compiled = selectRows(marked, sql`${matchingRows(marked)} limit ${MARK.limit}`).compile(listing.db)
  kept.set(name, compiled)
  return compiled
}
