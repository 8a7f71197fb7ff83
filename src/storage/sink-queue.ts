import { type Kysely, type Selectable, sql } from 'kysely'
import type { SinkTable } from '../../db/delivery-schema.ts'
import type { Database } from '../../db/schema.ts'
import type { OrgId, SinkId } from '../domain/ids.ts'
import type { LogPosition, SinkLease, SinkQueue } from '../domain/sink.ts'
import { preparedQuery } from './prepared-query.ts'
import { progressColumns, toDead, toSink } from './sinks.ts'

export interface SinkQueueParts {
  readonly reader: Kysely<Database>
  readonly write: <T>(run: (db: Kysely<Database>) => Promise<T>) => Promise<T>
}

/** The sinks over all orgs, outside any unit of work: how far a receiver got is no change of an org. */
export function createSinkQueue({ reader, write }: SinkQueueParts): SinkQueue {
  return {
    async claim(owner, now, until, limit) {
      // Mostly there is none, and asking must not take the embedded store's one write lock.
      const due = await selectDue(reader, { now, limit })
      if (due.length === 0) return []
      const rows = await write(async (db) => {
        const taken: Selectable<SinkTable>[] = []
        for (const one of due) taken.push(...(await take(db, one, { owner, now, until })))
        return taken
      })
      return rows.map((row) => leaseOf(row))
    },

    async releaseAll() {
      const none = { lease_owner: null, lease_until: null }
      await write((db) => db.updateTable('sink').set(none).where('lease_owner', 'is not', null).execute())
    },

    async save(lease, { progress, dead, until }) {
      const rows = await write(async (db) => {
        const saved = await held(db, lease)
          .set({
            ...progressColumns(progress),
            ...(until === undefined ? { lease_owner: null, lease_until: null } : { lease_until: until }),
          })
          .returningAll()
          .execute()
        if (saved.length > 0 && dead !== undefined) await bury(db, lease, dead)
        return saved
      })
      const [row] = rows
      return row === undefined || until === undefined ? undefined : leaseOf(row)
    },

    async queued({ sink: { orgId, id } }, limit) {
      const rows = await ofSink(reader, orgId, id)
        .where('again', '=', 1)
        .orderBy('epoch')
        .orderBy('seq')
        .limit(limit)
        .execute()
      return rows.map(toDead)
    },

    settle: (lease, position, failed) =>
      write(async (db) => {
        if (failed !== undefined) await bury(db, lease, { position, ...failed })
        else await deadAt(db, lease, position).execute()
      }),

    async settled(lease) {
      const { orgId, id } = lease.sink
      // More may have been put in line meanwhile.
      const left = sql<0 | 1>`case when exists (select 1 from sink_dead where org_id = ${orgId} and sink_id = ${id}
        and again = 1) then 1 else 0 end`
      await write((db) => held(db, lease).set({ again: left }).execute())
    },

    ...polled(reader, write),
  }
}

function polled(
  reader: SinkQueueParts['reader'],
  write: SinkQueueParts['write'],
): Pick<SinkQueue, 'acknowledge' | 'pollState'> {
  return {
    async pollState(orgId, id) {
      const row = await reader
        .selectFrom('sink')
        .select(['epoch', 'acked_seq', 'acked_ahead'])
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const acked = { epoch: row.epoch, seq: row.acked_seq }
      return { orgId, id, acked, ahead: JSON.parse(row.acked_ahead) as readonly number[] }
    },

    async acknowledge(before, after, at, dead) {
      const { orgId, id, acked, ahead } = after
      return write(async (db) => {
        const rows = await db
          .updateTable('sink')
          .set({ epoch: acked.epoch, acked_seq: acked.seq, acked_ahead: JSON.stringify(ahead) })
          .$if(at !== undefined, (update) => update.set({ delivered_ms: at! }))
          .where('org_id', '=', orgId)
          .where('id', '=', id)
          .where('acked_seq', '=', before.acked.seq)
          .where('acked_ahead', '=', JSON.stringify(before.ahead))
          .returning('id')
          .execute()
        if (rows.length === 0) return false
        for (const letter of dead) await bury(db, { sink: { orgId, id } }, letter)
        return true
      })
    },
  }
}

interface Due {
  readonly org_id: string
  readonly id: string
}

const selectDue = preparedQuery((db, { now, limit }: { readonly now: number; readonly limit: number }) =>
  sql<Due>`select s.org_id, s.id from sink as s join org_chain as c on c.org_id = s.org_id
    where s.state = 'active' and s.kind <> 'poll' and s.next_ms <= ${now}
      and (s.lease_until is null or s.lease_until <= ${now}) and (c.seq > s.acked_seq or s.again = 1)
    order by s.next_ms limit ${limit}`.compile(db),
)

interface Claim {
  readonly owner: string
  readonly now: number
  readonly until: number
}

/** One statement that looks again, so that of two instances that ask at once only one gets it. */
async function take(
  db: Kysely<Database>,
  { org_id: orgId, id }: Due,
  { owner, now, until }: Claim,
): Promise<readonly Selectable<SinkTable>[]> {
  const { rows } = await sql<Selectable<SinkTable>>`update sink set lease_owner = ${owner}, lease_until = ${until}
    where org_id = ${orgId} and id = ${id} and state = 'active' and next_ms <= ${now}
      and (lease_until is null or lease_until <= ${now}) returning *`.execute(db)
  return rows
}

/** Only while the lease is still this instance's: another may have gone on since, or an admin paused it. */
function held(db: Kysely<Database>, { sink: { orgId, id }, owner, until }: SinkLease) {
  return db
    .updateTable('sink')
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .where('lease_until', '=', until)
}

type OfSink = { readonly sink: Pick<SinkLease['sink'], 'orgId' | 'id'> }

async function bury(
  db: Kysely<Database>,
  { sink: { orgId, id } }: OfSink,
  { position: { epoch, seq }, status, error, at }: Parameters<SinkQueue['acknowledge']>[3][number],
): Promise<void> {
  const said = { status: status ?? null, error, at_ms: at, again: 0 } as const
  await db
    .insertInto('sink_dead')
    .values({ org_id: orgId, sink_id: id, epoch, seq, ...said })
    .onConflict((conflict) => conflict.columns(['org_id', 'sink_id', 'epoch', 'seq']).doUpdateSet(said))
    .execute()
}

function ofSink(db: Kysely<Database>, orgId: OrgId, id: SinkId) {
  return db.selectFrom('sink_dead').selectAll().where('org_id', '=', orgId).where('sink_id', '=', id)
}

function deadAt(db: Kysely<Database>, { sink: { orgId, id } }: OfSink, { epoch, seq }: LogPosition) {
  return db
    .deleteFrom('sink_dead')
    .where('org_id', '=', orgId)
    .where('sink_id', '=', id)
    .where('epoch', '=', epoch)
    .where('seq', '=', seq)
}

function leaseOf(row: Selectable<SinkTable>): SinkLease {
  return { sink: toSink(row), owner: row.lease_owner!, until: row.lease_until!, again: row.again === 1 }
}
