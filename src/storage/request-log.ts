import { setImmediate } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'
import { jsonRows } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** One finished request of the SCIM surface. No personal value: the route is a template. */
export interface LoggedRequest {
  readonly orgId: OrgId
  readonly time: number
  readonly requestId: string
  readonly connectionId: string | undefined
  readonly method: string
  readonly route: string
  readonly status: number
  readonly scimType: string | undefined
  readonly latencyUs: number
}

const MAX_AGE_MS = 72 * 3_600_000
const MAX_ROWS = 100_000
/** More than this waiting to be written are dropped, oldest first: the request log never holds up a request. */
const MAX_WAITING = 10_000
/** Rows written, or removed, before other requests get their turn. */
const STEP = 500
/** For how long the number of an org's rows is reckoned with before they are counted anew: other instances write too. */
const COUNTED_MS = 600_000

/** The sizes, for tests. */
export interface RequestLogLimits {
  readonly maxRows?: number
}

/** Every single request, unchained and capped at 72 hours and about 100,000 rows an org; written in batches. */
export interface RequestLog {
  add(request: LoggedRequest): void
  /** Writes what waits and removes what is over the caps. @throws when the store is out; what waits is kept */
  flush(now: number): Promise<void>
}

/** Runs work on the writing connection when no transaction is open on it. */
type Write = <T>(work: (db: Kysely<Database>) => Promise<T>) => Promise<T>

export function createRequestLog(write: Write, { maxRows = MAX_ROWS }: RequestLogLimits = {}): RequestLog {
  const counts = new Map<OrgId, Count>()
  let waiting: LoggedRequest[] = []

  async function writeAll(rows: LoggedRequest[]): Promise<void> {
    while (rows.length > 0) {
      const slice = rows.slice(0, STEP)
      await write((db) => insertRows(db, { json: JSON.stringify(slice.map(toRow)) }))
      rows.splice(0, STEP)
      for (const { orgId } of slice) {
        const count = counts.get(orgId)
        if (count !== undefined) count.rows += 1
      }
      await setImmediate()
    }
  }

  async function trim(orgId: OrgId, now: number): Promise<void> {
    const known = counts.get(orgId)
    const count =
      known !== undefined && now - known.at < COUNTED_MS
        ? known
        : { rows: await write((db) => countRows(db, orgId)), at: now }
    counts.set(orgId, count)
    let removed: number
    do {
      const surplus = Math.min(STEP, Math.max(0, count.rows - maxRows))
      removed = await write((db) => removeOldest(db, orgId, { before: now - MAX_AGE_MS, surplus }))
      count.rows -= removed
      await setImmediate()
    } while (removed >= STEP)
  }

  return {
    add(request) {
      waiting.push(request)
      if (waiting.length > MAX_WAITING) waiting.shift()
    },
    async flush(now) {
      const rows = waiting
      waiting = []
      const orgs = new Set(rows.map((row) => row.orgId))
      try {
        await writeAll(rows)
      } catch (error) {
        waiting = [...rows, ...waiting].slice(-MAX_WAITING)
        throw error
      }
      for (const orgId of orgs) await trim(orgId, now)
    },
  }
}

interface Count {
  rows: number
  /** When they were counted. */
  readonly at: number
}

const COLUMNS = {
  org_id: 'text',
  time_ms: 'bigint',
  request_id: 'text',
  connection_id: 'text',
  method: 'text',
  route: 'text',
  status: 'bigint',
  scim_type: 'text',
  latency_us: 'bigint',
} as const

const insertRows = preparedQuery((db, { json }: { readonly json: string }, dialect) => {
  const names = sql.join(Object.keys(COLUMNS).map((name) => sql.id(name)))
  return sql`insert into request_log (${names}) select ${names} from ${jsonRows(dialect, json, COLUMNS)} as r`.compile(
    db,
  )
})

/** The values of a row in the order of its columns. */
function toRow(request: LoggedRequest): readonly (string | number | null)[] {
  const { orgId, time, requestId, connectionId = null, method, route, status, scimType = null, latencyUs } = request
  return [orgId, time, requestId, connectionId, method, route, status, scimType, latencyUs]
}

async function countRows(db: Kysely<Database>, orgId: OrgId): Promise<number> {
  const { n } = await db
    .selectFrom('request_log')
    .select((eb) => eb.fn.countAll<number | string>().as('n'))
    .where('org_id', '=', orgId)
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** At most one step of those that are too old, and of those that are too many. @returns how many are gone */
async function removeOldest(
  db: Kysely<Database>,
  orgId: OrgId,
  { before, surplus }: { readonly before: number; readonly surplus: number },
): Promise<number> {
  const ofOrg = (limit: number) =>
    db.selectFrom('request_log').select('id').where('org_id', '=', orgId).orderBy('id').limit(limit)
  const old = db.selectFrom('request_log').select('id').where('org_id', '=', orgId).where('time_ms', '<', before)
  const byAge = await db.deleteFrom('request_log').where('id', 'in', old.limit(STEP)).executeTakeFirst()
  const byNumber =
    surplus === 0 ? undefined : await db.deleteFrom('request_log').where('id', 'in', ofOrg(surplus)).executeTakeFirst()
  return Number(byAge.numDeletedRows) + Number(byNumber?.numDeletedRows ?? 0)
}
