import { CompiledQuery, type Kysely, type Selectable } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { ProvisioningEventTable } from '../../db/log-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { SealedValues } from '../domain/sealed-values.ts'
import { runCompiled } from './direct-run.ts'
import { lastPurge, seqAt } from './purge.ts'
import { type LinkRow, linksSql, toLinkedRecord } from './link-rows.ts'

/** The provisioning log, page by page. */
export function recordReads(db: Kysely<Database>, dialect: Dialect): RecordReads {
  const linksText = linksSql(dialect)
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

    async links(orgId, after, upTo, limit) {
      const rows = await runCompiled<object>(db, CompiledQuery.raw(linksText, [orgId, after, upTo, limit]))
      return rows.map((row) => toLinkedRecord(Object.values(row) as unknown as LinkRow))
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

    sealedValues: (orgId, after, upTo) => sealedValues(db, { orgId, after, upTo }),

    seqAt: (orgId, time) => seqAt(db, orgId, time),
    purged: (orgId) => lastPurge(db, orgId),

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

async function sealedValues(
  db: Kysely<Database>,
  { orgId, after, upTo }: { readonly orgId: OrgId; readonly after: number; readonly upTo: number },
): Promise<readonly SealedValues[]> {
  const rows = await db
    .selectFrom('event_pii as p')
    .leftJoin('person_key as k', (join) =>
      join.onRef('k.org_id', '=', 'p.org_id').onRef('k.person_id', '=', 'p.person_id'),
    )
    .select(['p.seq', 'p.person_id', 'p.nonce', 'p.ciphertext', 'k.kek_id', 'k.wrapped'])
    .where('p.org_id', '=', orgId)
    .where('p.seq', '>', after)
    .where('p.seq', '<=', upTo)
    .orderBy('p.seq')
    .orderBy('p.person_id')
    .execute()
  return rows.map(({ seq, person_id: person, nonce, ciphertext, kek_id: kekId, wrapped }) => ({
    ...{ seq, person: person as UserId, nonce, ciphertext },
    key: { kekId: kekId ?? undefined, wrapped: wrapped ?? undefined },
  }))
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
