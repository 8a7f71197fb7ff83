import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { ProvisioningEventTable } from '../../db/log-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { HistoryReads, RecordOrigin } from '../domain/history-ports.ts'
import type { RecordId, UserId } from '../domain/ids.ts'
import { idRows, isAmong, jsonRows } from './id-list.ts'

const COLUMNS = ['id', 'seq', 'time_ms', 'action', 'actor_type', 'actor_id', 'cause_id'] as const

type OriginRow = Pick<Selectable<ProvisioningEventTable>, (typeof COLUMNS)[number]>

/** Which records began and ended things: the columns of the log alone, bodies are not read. */
export function originReads(
  db: Kysely<Database>,
  dialect: Dialect,
): Pick<HistoryReads, 'origins' | 'causes' | 'staged'> {
  return {
    async origins(orgId, seqs) {
      const list = jsonRows(dialect, JSON.stringify(seqs.map((seq) => [seq])), { seq: 'bigint' })
      const rows = await db
        .selectFrom('provisioning_event')
        .select(COLUMNS)
        .where('org_id', '=', orgId)
        .where(sql<boolean>`seq in ${list}`)
        .execute()
      return new Map(rows.map((row) => [row.seq, toOrigin(row)]))
    },

    async causes(orgId, ids) {
      const rows = await db
        .selectFrom('provisioning_event')
        .select(COLUMNS)
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
      return new Map(rows.map((row) => [row.id as RecordId, toOrigin(row)]))
    },

    async staged(orgId, people) {
      // SQLite takes the tables of a cross join in this order; left to itself it would read the org's records first.
      const { rows } = await sql<{ user_id: string; seq: number; time_ms: number }>`
        select t.target_id as user_id, e.seq, e.time_ms
        from ${idRows(dialect, people)} as i cross join event_target t cross join provisioning_event e
        where t.org_id = ${orgId} and t.target_id = i.id and e.org_id = ${orgId} and e.seq = t.seq
          and e.result = 'staged' order by e.seq`.execute(db)
      return rows.map((row) => ({ user: row.user_id as UserId, seq: row.seq, time: row.time_ms }))
    },
  }
}

function toOrigin(row: OriginRow): RecordOrigin {
  return {
    id: row.id as RecordId,
    seq: row.seq,
    time: row.time_ms,
    action: row.action,
    actorType: row.actor_type,
    actorId: row.actor_id ?? undefined,
    causeId: (row.cause_id ?? undefined) as RecordId | undefined,
  }
}
