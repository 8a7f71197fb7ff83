import { type Kysely, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { CheckpointTable } from '../../db/log-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { Checkpoint, CheckpointReads, CheckpointWrites } from '../domain/checkpoint.ts'
import type { OrgId } from '../domain/ids.ts'
import { inTransaction } from './transaction.ts'

/** One number for all instances on a PostgreSQL database: `rollcall` in ASCII. */
const WRITER_LOCK = sql.lit('8245920807461154924')

interface MovedRow {
  readonly org_id: string
  readonly epoch: number
  readonly seq: number
  readonly time_ms: number
  readonly hash: Uint8Array
  readonly last_epoch: number | null
  readonly last_seq: number | null
  readonly last_time: number | null
}

export function checkpointReads(db: Kysely<Database>): CheckpointReads {
  return {
    async all(orgId) {
      const rows = await ofOrg(db, orgId).orderBy('epoch').orderBy('seq').orderBy('time_ms').execute()
      return rows.map(toCheckpoint)
    },

    async last(orgId) {
      return lastOf(db, orgId)
    },

    async moved() {
      // In a branch that a restore left behind, a seq may be higher than the one a new epoch began with.
      const { rows } = await sql<MovedRow>`
        select c.org_id, c.epoch, c.seq, c.time_ms, c.hash, k.epoch as last_epoch, k.seq as last_seq,
          k.time_ms as last_time
        from org_chain c
        left join checkpoint k on k.org_id = c.org_id and k.epoch = (
            select max(x.epoch) from checkpoint x where x.org_id = c.org_id)
          and k.seq = (select max(y.seq) from checkpoint y where y.org_id = c.org_id and y.epoch = k.epoch)
        where c.seq > 0 and (k.seq is null or k.seq <> c.seq or k.epoch <> c.epoch)
        order by c.org_id, k.time_ms desc`.execute(db)
      const first = new Map<string, MovedRow>()
      // A checkpoint signed by an old and a new key stands there twice.
      for (const row of rows) if (!first.has(row.org_id)) first.set(row.org_id, row)
      return Array.from(first.values(), (row) => ({
        orgId: row.org_id as OrgId,
        head: { epoch: row.epoch, seq: row.seq, time: row.time_ms, hash: row.hash },
        last: row.last_seq === null ? undefined : { epoch: row.last_epoch!, seq: row.last_seq, time: row.last_time! },
      }))
    },

    async signedLastByOthers(keyId) {
      const { rows } = await sql<{ org_id: string }>`
        select distinct org_id from checkpoint where key_id <> ${keyId}`.execute(db)
      const newest = await Promise.all(rows.map(({ org_id: orgId }) => lastOf(db, orgId as OrgId)))
      return newest.filter((checkpoint) => checkpoint !== undefined && checkpoint.keyId !== keyId) as Checkpoint[]
    },

    async waiting(limit) {
      const rows = await db
        .selectFrom('checkpoint')
        .selectAll()
        .where('exported_ms', 'is', null)
        .orderBy('time_ms')
        .orderBy('org_id')
        .orderBy('epoch')
        .orderBy('seq')
        .limit(limit)
        .execute()
      return rows.map(toCheckpoint)
    },
  }
}

export function checkpointWrites(writer: Kysely<Database>, dialect: Dialect): CheckpointWrites {
  return {
    add: (orgId, make) =>
      inTransaction(writer, dialect, async (db) => {
        if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${WRITER_LOCK}::bigint)`.execute(db)
        const added: Checkpoint[] = []
        for (const checkpoint of make(await lastOf(db, orgId))) {
          const { numInsertedOrUpdatedRows } = await db
            .insertInto('checkpoint')
            .values(toRow(checkpoint))
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirst()
          if (Number(numInsertedOrUpdatedRows) === 1) added.push(checkpoint)
        }
        return added
      }),

    markExported: (checkpoints, at) =>
      inTransaction(writer, dialect, async (db) => {
        for (const { orgId, epoch, seq, keyId } of checkpoints) {
          await db
            .updateTable('checkpoint')
            .set({ exported_ms: at })
            .where('org_id', '=', orgId)
            .where('epoch', '=', epoch)
            .where('seq', '=', seq)
            .where('key_id', '=', keyId)
            .execute()
        }
      }),
  }
}

function ofOrg(db: Kysely<Database>, orgId: OrgId) {
  return db.selectFrom('checkpoint').selectAll().where('org_id', '=', orgId)
}

async function lastOf(db: Kysely<Database>, orgId: OrgId): Promise<Checkpoint | undefined> {
  const newest = ofOrg(db, orgId).orderBy('epoch', 'desc').orderBy('seq', 'desc').orderBy('time_ms', 'desc').limit(1)
  const row = await newest.executeTakeFirst()
  return row && toCheckpoint(row)
}

function toCheckpoint(row: Selectable<CheckpointTable>): Checkpoint {
  return {
    orgId: row.org_id as OrgId,
    ...{ epoch: row.epoch, seq: row.seq, time: row.time_ms, keyId: row.key_id, publicKey: row.public_key },
    ...{ body: row.body, signature: row.signature },
  }
}

function toRow({ orgId, epoch, seq, time, keyId, publicKey, body, signature }: Checkpoint): CheckpointTable {
  return {
    ...{ org_id: orgId, epoch, seq, time_ms: time, key_id: keyId, public_key: publicKey, body, signature },
    exported_ms: null,
  }
}
