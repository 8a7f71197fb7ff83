import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Purge, PurgeStep, PurgeWrites } from '../domain/purge.ts'

/** Rows looked at in one transaction: requests wait no longer than for one. */
const BATCH = 250

/** The newest purge of an org. */
export async function lastPurge(db: Kysely<Database>, orgId: OrgId): Promise<Purge | undefined> {
  const row = await db
    .selectFrom('log_purge')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('upto_seq', '>', 0)
    .orderBy('upto_seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { upTo: row.upto_seq, seq: row.record_seq, at: row.time_ms, done: row.done_ms !== null }
}

/**
 * The last seq whose record is not later than a time (epoch milliseconds); 0 before the first.
 * @throws DomainError `invalid-value` for a time whose records were purged
 */
export async function seqAt(db: Kysely<Database>, orgId: OrgId, time: number): Promise<number> {
  const row = await db
    .selectFrom('provisioning_event')
    .select('seq')
    .where('org_id', '=', orgId)
    .where('time_ms', '<=', time)
    .orderBy('time_ms', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const seq = row?.seq ?? 0
  const purge = await lastPurge(db, orgId)
  if (purge === undefined || seq >= purge.upTo) return seq
  throw new DomainError(
    'invalid-value',
    `The log before record ${purge.upTo} was purged on ${new Date(purge.at).toISOString()}: ask for a later time, or look into the evidence pack that was made of it`,
    { reason: 'log.purged', params: { upTo: purge.upTo } },
  )
}

export function purgeWrites(db: Kysely<Database>): PurgeWrites {
  return {
    last: (orgId) => lastPurge(db, orgId),

    async begin(orgId, { upTo, seq, at }) {
      const values = { org_id: orgId, upto_seq: upTo, record_seq: seq, time_ms: at, done_ms: null }
      await db.insertInto('log_purge').values(values).execute()
    },

    async speaksOf(orgId, person, { after, upTo }) {
      // Who did something is no target of it; what is sealed of somebody may stand where neither names them.
      const within = sql`org_id = ${orgId} and seq > ${after} and seq <= ${upTo}`
      const { rows } = await sql<{ seq: number }>`
        select seq from event_target where ${within} and target_id = ${person}
        union all select seq from provisioning_event where ${within} and actor_id = ${person}
        union all select seq from event_pii where ${within} and person_id = ${person}
        limit 1`.execute(db)
      return rows.length > 0
    },

    async drop(orgId, upTo, step) {
      if (step.table === 'records') return dropRecords(db, orgId, upTo)
      if (step.table === 'targets') {
        const after = await dropBatch(db, { ...TARGETS, orgId, after: step.after, gone: sql`seq < ${upTo}` })
        return after === undefined ? { table: 'periods', after: ['', '', '', 0] } : { table: 'targets', after }
      }
      const after = await dropBatch(db, { ...PERIODS, orgId, after: step.after, gone: sql`to_seq <= ${upTo}` })
      if (after !== undefined) return { table: 'periods', after }
      // Those outside the store stay; what is signed from here on names the last one that is kept.
      await db.deleteFrom('checkpoint').where('org_id', '=', orgId).where('seq', '<', upTo).execute()
      return undefined
    },

    async end(orgId, upTo, at) {
      const done = db.updateTable('log_purge').set({ done_ms: at })
      await done.where('org_id', '=', orgId).where('upto_seq', '=', upTo).execute()
    },
  }
}

async function dropRecords(db: Kysely<Database>, orgId: OrgId, upTo: number): Promise<PurgeStep> {
  const first = await db
    .selectFrom('provisioning_event')
    .select('seq')
    .where('org_id', '=', orgId)
    .where('seq', '<', upTo)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  if (first === undefined) return { table: 'targets', after: ['', 0] }
  const before = Math.min(first.seq + BATCH, upTo)
  for (const table of ['event_pii', 'provisioning_event'] as const) {
    await db.deleteFrom(table).where('org_id', '=', orgId).where('seq', '<', before).execute()
  }
  return { table: 'records', after: [before] }
}

interface Batch {
  readonly orgId: OrgId
  readonly table: string
  /** The primary key behind the org: no index has the seq first, so the table is walked through. */
  readonly key: RawBuilder<unknown>
  readonly columns: readonly string[]
  readonly after: readonly (string | number)[]
  readonly gone: RawBuilder<unknown>
}

const TARGETS = { table: 'event_target', key: sql`target_id, seq`, columns: ['target_id', 'seq'] }
const PERIODS = {
  table: 'access_period',
  key: sql`user_id, kind, target, from_seq`,
  columns: ['user_id', 'kind', 'target', 'from_seq'],
}

/** @returns the last key looked at; undefined when there is none behind it */
async function dropBatch(
  db: Kysely<Database>,
  { orgId, table, key, columns, after, gone }: Batch,
): Promise<readonly (string | number)[] | undefined> {
  const from = sql`org_id = ${orgId} and (${key}) > (${sql.join(after)})`
  const { rows } = await sql<Record<string, string | number>>`
    select ${key} from ${sql.table(table)} where ${from} order by ${key} limit 1 offset ${BATCH - 1}`.execute(db)
  const last = rows[0] && columns.map((column) => rows[0]![column]!)
  const to = last === undefined ? sql`` : sql`and (${key}) <= (${sql.join(last)})`
  await sql`delete from ${sql.table(table)} where ${from} ${to} and ${gone}`.execute(db)
  return last
}
