import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { SEAT_TYPES, type SeatType } from '../domain/seat.ts'
import type { SeatsLeftRow, WaitingPerson } from '../domain/seat-allocation.ts'
import { preparedQuery } from './prepared-query.ts'

const selectLeft = preparedQuery((db, { orgId }: { readonly orgId: OrgId }) =>
  db
    .selectFrom('seat_counter')
    .select(['product', 'type', sql<number>`cap - used`.as('left')])
    .where('org_id', '=', orgId)
    .where('cap', 'is not', null)
    .compile(),
)

/** What is left of the seats that the licence counts: a row a product and type. */
export async function readSeatsLeft(db: Kysely<Database>, orgId: OrgId): Promise<readonly SeatsLeftRow[]> {
  const rows = await selectLeft(db, { orgId })
  return rows.map(({ product, type, left }) => ({ product, type: type as SeatType, left: Number(left) }))
}

/** A type of seat of a product, and how many of those who wait for it. */
interface GivenWait {
  readonly orgId: OrgId
  readonly product: string
  readonly type: SeatType
  readonly limit: number
}

/** Written out, so that the partial index of those who wait serves: it holds few rows, in the order they wait. */
const selectWaiting = preparedQuery((db, { orgId, product, type, limit }: GivenWait) =>
  sql<{ user_id: string; wanted_since: number }>`
    select user_id, wanted_since from user_seat
    where org_id = ${orgId} and product = ${product} and given <> wanted
      and ${rank(sql.ref('wanted'))} >= ${rank(sql`cast(${type} as text)`)}
      and ${rank(sql.ref('given'))} < ${rank(sql`cast(${type} as text)`)}
    order by wanted_since, user_id limit ${limit}`.compile(db),
)

function rank(type: ReturnType<typeof sql>): ReturnType<typeof sql> {
  const whens = SEAT_TYPES.map((each, index) => sql`when ${sql.lit(each)} then ${sql.lit(-index)}`)
  return sql`(case ${type} ${sql.join(whens, sql` `)} end)`
}

/** People who want a seat of that type or a higher one and hold a lower, the longest waiting first. */
export async function readWaiting(db: Kysely<Database>, given: GivenWait): Promise<readonly WaitingPerson[]> {
  const rows = await selectWaiting(db, given)
  return rows.map(({ user_id, wanted_since }) => ({ user: user_id as UserId, since: Number(wanted_since) }))
}
