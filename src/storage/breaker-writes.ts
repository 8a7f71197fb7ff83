import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { BreakerWrites, LossWindow } from '../domain/breaker.ts'
import type { BatchId, BreakerEventId, ConnectionId, OrgId } from '../domain/ids.ts'
import { insertLosses, toBatch, toRemoval } from './breaker-rows.ts'
import { isAmong } from './id-list.ts'

/** What connections lose of their people, and what is held of it. */
export function breakerWrites(db: Kysely<Database>, dialect: Dialect): BreakerWrites {
  return { ...losses(db), ...batches(db), ...heldRemovals(db), ...settled(db, dialect) }
}

function losses(db: Kysely<Database>): Pick<BreakerWrites, 'count' | 'owned' | 'ended' | 'keepBase'> {
  return {
    async count(orgId, { connection, since }, { act, people, at }) {
      const json = JSON.stringify(people.map(({ id, user }, index) => [id, user, index + 1]))
      const rows = await insertLosses(db, { orgId, connection, since, act, at, json })
      const last = rows.reduce((a, b) => (Number(b.ord) > Number(a.ord) ? b : a))
      return {
        event: last.id as BreakerEventId,
        recent: Number(last.recent),
        baseFloor: Number(last.base_floor),
        batch: (last.batch_id ?? undefined) as BatchId | undefined,
      }
    },

    owned: (orgId, connection, limit) => countOwned(db, orgId, connection, limit),

    async ended(orgId, window) {
      const row = await lossesOf(db, orgId, window)
        .where('act', '<>', 'group')
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
      return Number(row.n)
    },

    async keepBase(orgId, event, base) {
      await db
        .updateTable('breaker_event')
        .set({ base_floor: base })
        .where('org_id', '=', orgId)
        .where('id', '=', event)
        .execute()
    },
  }
}

function lossesOf(db: Kysely<Database>, orgId: OrgId, { connection, since }: LossWindow) {
  return db
    .selectFrom('breaker_event')
    .where('org_id', '=', orgId)
    .where('connection_id', '=', connection)
    .where('ord', 'is not', null)
    .where('at', '>', since)
}

/** Two indexes hold what a connection owns, one those with an externalId; neither is read further than the limit. */
async function countOwned(
  db: Kysely<Database>,
  orgId: OrgId,
  connection: ConnectionId,
  limit: number,
): Promise<number> {
  const owned = sql`org_id = ${orgId} and owner_connection_id = ${connection} and deleted_at is null and status = 'active'`
  const { rows } = await sql<{ n: number }>`select count(*) as n from (
      select * from (select 1 as one from "user" where ${owned} and external_id is not null limit ${limit}) as named
      union all
      select * from (select 1 as one from "user" where ${owned} and external_id is null limit ${limit}) as unnamed
    ) as people`.execute(db)
  return Math.min(Number(rows[0]?.n ?? 0), limit)
}

function batches(db: Kysely<Database>): Pick<BreakerWrites, 'batch' | 'holding' | 'openBatch' | 'decide'> {
  return {
    async batch(orgId, id) {
      const row = await db
        .selectFrom('breaker_batch')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toBatch(row)
    },

    async holding(orgId, connection) {
      const row = await db
        .selectFrom('breaker_batch')
        .selectAll()
        .where('org_id', '=', orgId)
        .where('connection_id', '=', connection)
        .where('state', '=', 'open')
        .where('mode', '=', 'hold')
        .executeTakeFirst()
      return row && toBatch(row)
    },

    async openBatch(orgId, { id, connection, mode, state, most, base, created }, window) {
      await db
        .insertInto('breaker_batch')
        .values({ org_id: orgId, id, connection_id: connection, mode, state, most, base, created, decided: null })
        .execute()
      await db
        .updateTable('breaker_event')
        .set({ batch_id: id })
        .where('org_id', '=', orgId)
        .where('connection_id', '=', window.connection)
        .where('ord', 'is not', null)
        .where('at', '>', window.since)
        .execute()
    },

    async decide(orgId, id, state, at) {
      await db
        .updateTable('breaker_batch')
        .set({ state, decided: at })
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .execute()
    },
  }
}

function heldRemovals(db: Kysely<Database>): Pick<BreakerWrites, 'hold' | 'wasRejected'> {
  return {
    async hold(orgId, batch, { id, user, act, at }) {
      const counted = { ord: null, recent: 0, base_floor: 0 }
      await db
        .insertInto('breaker_event')
        .values({
          ...{ org_id: orgId, id, connection_id: batch.connection, user_id: user, act, at },
          ...{ ...counted, batch_id: batch.id, state: 'held' },
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },

    async wasRejected(orgId, { connection, since }, { user, act }) {
      const row = await db
        .selectFrom('breaker_event as e')
        .innerJoin('breaker_batch as b', (join) =>
          join.onRef('b.org_id', '=', 'e.org_id').onRef('b.id', '=', 'e.batch_id'),
        )
        .select('e.id')
        .where('e.org_id', '=', orgId)
        .where('e.connection_id', '=', connection)
        .where('e.user_id', '=', user)
        .where('e.act', '=', act)
        .where('e.state', '=', 'rejected')
        .where('b.decided', '>', since)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function settled(db: Kysely<Database>, dialect: Dialect): Pick<BreakerWrites, 'removals' | 'settle' | 'settleAll'> {
  return {
    async removals(orgId, batch, states, limit) {
      const rows = await db
        .selectFrom('breaker_event')
        .select(['id', 'user_id', 'act', 'at', 'state'])
        .where('org_id', '=', orgId)
        .where('batch_id', '=', batch)
        .where('state', 'in', [...states])
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toRemoval)
    },

    async settle(orgId, ids, state) {
      if (ids.length === 0) return
      await db
        .updateTable('breaker_event')
        .set({ state })
        .where('org_id', '=', orgId)
        .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
        .execute()
    },

    async settleAll(orgId, batch, from, to) {
      const result = await db
        .updateTable('breaker_event')
        .set({ state: to })
        .where('org_id', '=', orgId)
        .where('batch_id', '=', batch)
        .where('state', '=', from)
        .executeTakeFirst()
      return Number(result.numUpdatedRows)
    },
  }
}
