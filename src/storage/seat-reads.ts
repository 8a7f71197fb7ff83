import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { UserId } from '../domain/ids.ts'
import type { CountedSeat, SeatType } from '../domain/seat.ts'
import type { SeatReads, SeatUse } from '../domain/seat-allocation.ts'
import { readPolicy } from './policy-rows.ts'

const COUNTED: readonly CountedSeat[] = ['full', 'viewer']

/** Seats in use and who waits for one, out of `v_seat_use` and the derived rows. */
export function seatReads(db: Kysely<Database>): SeatReads {
  return {
    async use(orgId) {
      const { defaultSeats, licence } = await readPolicy(db, orgId)
      const rows = await db
        .selectFrom('v_seat_use')
        .select(['product', 'type', 'used', 'reserved', 'waiting'])
        .where('org_id', '=', orgId)
        .execute()
      return [...defaultSeats.keys()].flatMap((product) =>
        COUNTED.map((type): SeatUse => {
          const row = rows.find((each) => each.product === product && each.type === type)
          const bought = licence.get(product)?.get(type)
          const [used, reserved] = [Number(row?.used ?? 0), Number(row?.reserved ?? 0)]
          const left = bought === undefined ? undefined : bought - used - reserved
          return { product, type, bought, used, reserved, left, waiting: Number(row?.waiting ?? 0) }
        }),
      )
    },

    async waiting(orgId, product, after, limit) {
      const behind = after ?? { since: -1, user: '' }
      const rows = await db
        .selectFrom('user_seat as s')
        .innerJoin('user as u', (join) => join.onRef('u.org_id', '=', 's.org_id').onRef('u.id', '=', 's.user_id'))
        .select(['s.user_id', 'u.username', 's.wanted', 's.given', 's.wanted_since'])
        .where('s.org_id', '=', orgId)
        .where('s.product', '=', product)
        .whereRef('s.given', '<>', 's.wanted')
        .where((eb) =>
          eb.or([
            eb('s.wanted_since', '>', behind.since),
            eb.and([eb('s.wanted_since', '=', behind.since), eb('s.user_id', '>', behind.user)]),
          ]),
        )
        .orderBy('s.wanted_since')
        .orderBy('s.user_id')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        user: row.user_id as UserId,
        userName: row.username,
        wanted: row.wanted as SeatType,
        given: row.given as SeatType,
        since: Number(row.wanted_since),
      }))
    },
  }
}
