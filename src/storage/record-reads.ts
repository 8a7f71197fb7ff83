import type { Kysely, Selectable } from 'kysely'
import type { ProvisioningEventTable } from '../../db/log-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'

/** The provisioning log, page by page. */
export function recordReads(db: Kysely<Database>): RecordReads {
  return {
    async head(orgId) {
      const row = await db.selectFrom('org_chain').selectAll().where('org_id', '=', orgId).executeTakeFirst()
      return row && { epoch: row.epoch, seq: row.seq, time: row.time_ms, hash: row.hash }
    },

    async page(orgId, after, upTo, limit) {
      const rows = await db
        .selectFrom('provisioning_event')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('seq', '>', after)
        .where('seq', '<=', upTo)
        .orderBy('seq')
        .limit(limit)
        .execute()
      return rows.map(toRecord)
    },

    async tail(orgId, limit) {
      const rows = await db
        .selectFrom('provisioning_event')
        .selectAll()
        .where('org_id', '=', orgId)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toRecord).reverse()
    },

    async ofAction(orgId, action, limit) {
      const rows = await db
        .selectFrom('provisioning_event')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('action', '=', action)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toRecord)
    },
  }
}

function toRecord(row: Selectable<ProvisioningEventTable>): StoredRecord {
  return {
    seq: row.seq,
    epoch: row.epoch,
    time: row.time_ms,
    id: row.id,
    action: row.action,
    result: row.result,
    actorType: row.actor_type,
    actorId: row.actor_id ?? undefined,
    connectionId: row.connection_id ?? undefined,
    requestId: row.request_id ?? undefined,
    causeId: row.cause_id ?? undefined,
    body: row.body,
    contentHash: row.content_hash,
    hash: row.hash,
  }
}
