import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import type { BreakerBatchTable, BreakerEventTable } from '../../db/seat-schema.ts'
import type { BatchState, Removal, RemovalAct, RemovalBatch, RemovalState } from '../domain/breaker.ts'
import type { BatchId, BreakerEventId, ConnectionId, OrgId, UserId } from '../domain/ids.ts'
import { jsonRows } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** Row → domain. */
export function toBatch(row: Selectable<BreakerBatchTable>): RemovalBatch {
  return {
    id: row.id as BatchId,
    connection: row.connection_id as ConnectionId,
    mode: row.mode as RemovalBatch['mode'],
    state: row.state as BatchState,
    most: Number(row.most),
    base: Number(row.base),
    created: Number(row.created),
    decided: row.decided === null ? undefined : Number(row.decided),
  }
}

/** Row → domain. */
export function toRemoval(
  row: Pick<Selectable<BreakerEventTable>, 'id' | 'user_id' | 'act' | 'at' | 'state'>,
): Removal {
  return {
    id: row.id as BreakerEventId,
    user: row.user_id as UserId,
    act: row.act as RemovalAct,
    at: Number(row.at),
    state: row.state as RemovalState,
  }
}

/** Losses that happen now: JSON rows of id, user and place in the list from 1. */
interface GivenLosses {
  readonly orgId: OrgId
  readonly connection: ConnectionId
  readonly since: number
  readonly act: RemovalAct
  readonly at: number
  readonly json: string
}

interface CountedRow {
  readonly id: string
  readonly ord: number
  readonly recent: number
  readonly base_floor: number
  readonly batch_id: string | null
}

/**
 * Each loss is numbered behind the connection's last; with the number of the first within the window that gives how many
 * there are, by two looks into one index, however many they are.
 */
export const insertLosses = preparedQuery((db, given: GivenLosses, dialect) => {
  const { orgId, connection, since, act, at, json } = given
  const own = sql`org_id = ${orgId} and connection_id = ${connection} and ord is not null`
  const losses = jsonRows(dialect, json, { id: 'text', user_id: 'text', n: 'bigint' })
  const last = sql`(select ord, at, base_floor, batch_id from breaker_event where ${own} order by at desc, ord desc limit 1)`
  const first = sql`(select ord from breaker_event where ${own} and at > ${since} order by at, ord limit 1)`
  return sql<CountedRow>`insert into breaker_event
      (org_id, id, connection_id, user_id, act, at, ord, recent, base_floor, batch_id, state)
    select cast(${orgId} as text), r.id, cast(${connection} as text), r.user_id, cast(${act} as text),
      cast(${at} as bigint), coalesce(l.ord, 0) + r.n, coalesce(l.ord - f.ord + 1, 0) + r.n,
      case when l.at > ${since} then l.base_floor else 0 end, case when l.at > ${since} then l.batch_id end, 'done'
    from ${losses} as r left join ${last} as l on true left join ${first} as f on true where true
    returning id, ord, recent, base_floor, batch_id`.compile(db)
})
