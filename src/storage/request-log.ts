import type { Insertable, Kysely } from 'kysely'
import type { RequestLogTable } from '../../db/log-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId } from '../domain/ids.ts'

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
const MAX_ROWS_PER_INSERT = 500

/** Every single request, unchained and capped at 72 hours and 100,000 rows an org; written in batches. */
export interface RequestLog {
  add(request: LoggedRequest): void
  /** Writes what waits and removes what is over the caps. @throws when the store is out; what waits is kept */
  flush(now: number): Promise<void>
}

/** @param write runs work on the writing connection when no transaction is open on it */
export function createRequestLog(write: <T>(work: (db: Kysely<Database>) => Promise<T>) => Promise<T>): RequestLog {
  let waiting: LoggedRequest[] = []
  return {
    add(request) {
      waiting.push(request)
      if (waiting.length > MAX_WAITING) waiting.shift()
    },
    async flush(now) {
      const rows = waiting
      waiting = []
      if (rows.length === 0) return
      const orgs = new Set(rows.map((row) => row.orgId))
      try {
        await write(async (db) => {
          for (let start = 0; start < rows.length; start += MAX_ROWS_PER_INSERT) {
            const slice = rows.slice(start, start + MAX_ROWS_PER_INSERT)
            await db.insertInto('request_log').values(slice.map(toRow)).execute()
          }
          for (const orgId of orgs) await trim(db, orgId, now)
        })
      } catch (error) {
        waiting = [...rows, ...waiting].slice(-MAX_WAITING)
        throw error
      }
    },
  }
}

function toRow(request: LoggedRequest): Insertable<RequestLogTable> {
  return {
    org_id: request.orgId,
    time_ms: request.time,
    request_id: request.requestId,
    connection_id: request.connectionId ?? null,
    method: request.method,
    route: request.route,
    status: request.status,
    scim_type: request.scimType ?? null,
    latency_us: request.latencyUs,
  }
}

async function trim(db: Kysely<Database>, orgId: OrgId, now: number): Promise<void> {
  await db
    .deleteFrom('request_log')
    .where('org_id', '=', orgId)
    .where('time_ms', '<', now - MAX_AGE_MS)
    .execute()
  const last = await db
    .selectFrom('request_log')
    .select('id')
    .where('org_id', '=', orgId)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(MAX_ROWS)
    .executeTakeFirst()
  if (last !== undefined) {
    await db.deleteFrom('request_log').where('org_id', '=', orgId).where('id', '<=', last.id).execute()
  }
}
