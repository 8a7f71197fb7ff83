import { type Kysely, type Selectable, sql } from 'kysely'
import type { SinkDeadTable, SinkTable } from '../../db/delivery-schema.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, SinkId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type {
  DeadLetter,
  SinkChange,
  SinkKind,
  SinkProgress,
  SinkReads,
  SinkState,
  SinkWrites,
  StoredSink,
} from '../domain/sink.ts'

/** Receivers of the log as lists and pages read them. */
export function sinkReads(db: Kysely<Database>): SinkReads {
  return {
    list: (orgId) => listSinks(db, orgId),
    find: (orgId, id) => findSink(db, orgId, id),
    async byHash(secretHash) {
      const row = await db
        .selectFrom('sink')
        .selectAll()
        .where('secret_hash', '=', Buffer.from(secretHash))
        .executeTakeFirst()
      return row && toSink(row)
    },
    async dead(orgId, id, { before, limit }) {
      let query = db.selectFrom('sink_dead').selectAll().where('org_id', '=', orgId).where('sink_id', '=', id)
      if (before !== undefined) {
        const { epoch, seq } = before
        query = query.where(sql<boolean>`(epoch, seq) < (${epoch}, ${seq})`)
      }
      const rows = await query.orderBy('epoch', 'desc').orderBy('seq', 'desc').limit(limit).execute()
      return rows.map(toDead)
    },
    async deadCounts(orgId) {
      const rows = await db
        .selectFrom('sink_dead')
        .select(['sink_id', (eb) => eb.fn.countAll<number>().as('count')])
        .where('org_id', '=', orgId)
        .groupBy('sink_id')
        .execute()
      return new Map(rows.map((row) => [row.sink_id as SinkId, Number(row.count)]))
    },
  }
}

/** Receivers of the log as a unit of work writes them. */
export function sinkWrites(db: Kysely<Database>): SinkWrites {
  const one = (orgId: OrgId, id: SinkId) => db.updateTable('sink').where('org_id', '=', orgId).where('id', '=', id)
  return {
    list: (orgId) => listSinks(db, orgId),
    find: (orgId, id) => findSink(db, orgId, id),

    async insert(orgId, sink) {
      const { id, kind, state, created } = sink
      const fresh = { acked_ahead: '[]', again: 0, lease_owner: null, lease_until: null } as const
      await db
        .insertInto('sink')
        .values({
          org_id: orgId,
          id,
          kind,
          state,
          created,
          ...fresh,
          ...changed(sink),
          ...progressColumns(sink.progress),
        })
        .execute()
    },

    async update(orgId, id, change) {
      await one(orgId, id).set(changed(change)).execute()
    },

    async setState(orgId, id, state) {
      const rest = { next_ms: 0, attempts: 0, refusals: 0, failing_since: null, last_error: null }
      // What it failed with stays to be seen until it is tried anew.
      const tried = state === 'active' ? rest : {}
      await one(orgId, id)
        .set({ state, lease_owner: null, lease_until: null, ...tried })
        .execute()
    },

    async remove(orgId, id) {
      await db.deleteFrom('sink_dead').where('org_id', '=', orgId).where('sink_id', '=', id).execute()
      await db.deleteFrom('sink').where('org_id', '=', orgId).where('id', '=', id).execute()
    },

    async queueDead(orgId, id, position) {
      let query = db.updateTable('sink_dead').set({ again: 1 }).where('org_id', '=', orgId).where('sink_id', '=', id)
      if (position !== undefined) query = query.where('epoch', '=', position.epoch).where('seq', '=', position.seq)
      const { numUpdatedRows } = await query.executeTakeFirst()
      if (numUpdatedRows > 0n) await one(orgId, id).set({ again: 1, next_ms: 0 }).execute()
      return Number(numUpdatedRows)
    },

    noteReader: (orgId, reader, times) => noteReader(db, orgId, reader, times),
  }
}

async function noteReader(
  db: Kysely<Database>,
  orgId: OrgId,
  reader: string,
  { since, at }: { readonly since: number; readonly at: number },
): Promise<boolean> {
  const found = await db
    .selectFrom('log_reader')
    .select('read_ms')
    .where('org_id', '=', orgId)
    .where('reader', '=', reader)
    .executeTakeFirst()
  if (found !== undefined && found.read_ms > since) return false
  const read = { read_ms: at }
  await db
    .insertInto('log_reader')
    .values({ org_id: orgId, reader, ...read })
    .onConflict((conflict) => conflict.columns(['org_id', 'reader']).doUpdateSet(read))
    .execute()
  return true
}

async function listSinks(db: Kysely<Database>, orgId: OrgId): Promise<readonly StoredSink[]> {
  const rows = await db
    .selectFrom('sink')
    .selectAll()
    .where('org_id', '=', orgId)
    .orderBy('created')
    .orderBy('id')
    .execute()
  return rows.map(toSink)
}

async function findSink(db: Kysely<Database>, orgId: OrgId, id: SinkId): Promise<StoredSink | undefined> {
  const row = await db
    .selectFrom('sink')
    .selectAll()
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toSink(row)
}

function changed({ name, config, personal, secret, secretHash, version }: SinkChange) {
  return {
    ...{ name, name_key: fold(name), config: JSON.stringify(config), version },
    personal: personal ? (1 as const) : (0 as const),
    ...{ secret: secret ?? null, secret_hash: secretHash === undefined ? null : Buffer.from(secretHash) },
  }
}

/** How far a sink got, as its row holds it. */
export function progressColumns({ acked, attempts, refusals, next, failingSince, lastError, delivered }: SinkProgress) {
  return {
    ...{ epoch: acked.epoch, acked_seq: acked.seq, attempts, refusals, next_ms: next },
    ...{ failing_since: failingSince ?? null, last_error: lastError ?? null, delivered_ms: delivered ?? null },
  }
}

export function toSink(row: Selectable<SinkTable>): StoredSink {
  return {
    orgId: row.org_id as OrgId,
    id: row.id as SinkId,
    name: row.name,
    kind: row.kind as SinkKind,
    config: JSON.parse(row.config) as JsonObject,
    personal: row.personal === 1,
    state: row.state as SinkState,
    progress: {
      ...{ acked: { epoch: row.epoch, seq: row.acked_seq }, attempts: row.attempts, refusals: row.refusals },
      ...{ next: row.next_ms, failingSince: row.failing_since ?? undefined, lastError: row.last_error ?? undefined },
      delivered: row.delivered_ms ?? undefined,
    },
    ...{ version: row.version, created: row.created },
    ...{ secret: row.secret ?? undefined, secretHash: row.secret_hash ?? undefined },
  }
}

export function toDead({ epoch, seq, status, error, at_ms: at, again }: Selectable<SinkDeadTable>): DeadLetter {
  return { position: { epoch, seq }, status: status ?? undefined, error, at, again: again === 1 }
}
