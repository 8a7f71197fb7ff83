import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import { type Listing, matchingRows } from './listing.ts'
import { preparedQuery } from './prepared-query.ts'
import { createRecent } from './recent.ts'

/** How many totals are kept. */
const MOST = 1_000

/** Any time will do: a total stands as long as the log of its org does not grow. */
const LIFE_MS = 3_600_000

/** The numbers of matches of filters that were counted. */
export interface Totals {
  /** The total, if nothing in the org has changed since it was counted. */
  known(listing: Listing): Promise<number | undefined>
  /** Counts by `count`, and keeps the total unless something changed meanwhile. */
  keep(listing: Listing, count: () => Promise<number>): Promise<number>
}

/** What tells one list from another, whatever its page: org, type, viewer and filter. */
export function listName({ source, scope, filter }: Listing, ...more: readonly unknown[]): string {
  const { orgId, viewer } = scope
  const text = JSON.stringify([orgId, source.table, viewer.kind, viewer.connectionId ?? null, filter ?? null, ...more])
  return createHash('sha256').update(text).digest('base64')
}

export function createTotals(db: Kysely<Database>, now: () => number): Totals {
  const totals = createRecent<{ readonly seq: number; readonly total: number }>(MOST, LIFE_MS, now)
  return {
    async known(listing) {
      const entry = totals.get(listName(listing))
      if (entry === undefined) return undefined
      return entry.seq === (await headOf(db, listing.scope.orgId)) ? entry.total : undefined
    },
    async keep(listing, count) {
      const { orgId } = listing.scope
      const seq = await headOf(db, orgId)
      const total = await count()
      // Whatever changes a row extends the log of its org in the same transaction.
      if (seq === (await headOf(db, orgId))) totals.put(listName(listing), { seq, total })
      return total
    },
  }
}

async function headOf(db: Kysely<Database>, orgId: OrgId): Promise<number> {
  const row = await db.selectFrom('org_chain').select('seq').where('org_id', '=', orgId).executeTakeFirst()
  return row?.seq ?? 0
}

/** How many live rows there are. */
export async function liveTotal({ db, source, scope }: Listing): Promise<number> {
  const [row] = await selectCounter(db, { orgId: scope.orgId, counter: source.counter })
  return row?.value ?? 0
}

const selectCounter = preparedQuery((db, { orgId, counter }: { readonly orgId: OrgId; readonly counter: string }) =>
  db.selectFrom('org_counter').select('value').where('org_id', '=', orgId).where('name', '=', counter).compile(),
)

/** How many rows match, counted up to `most`. */
export async function countUpTo(listing: Listing, most: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from (select 1 from ${sql.table(listing.source.table)}
    where ${matchingRows(listing)} limit ${most}) as some_rows`.execute(listing.db)
  return rows[0]?.n ?? 0
}
