import { type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { OrgId } from '../domain/ids.ts'
import { isAmongJson, jsonRows, userOfRows } from './id-list.ts'
import { type PreparedQuery, preparedQuery } from './prepared-query.ts'

/** The rows a statement is about: JSON text of a list of lists, in the order each statement names. */
interface GivenRows {
  readonly orgId: OrgId
  readonly json: string
}

/** A statement over many rows of an org. */
export type RowsQuery = PreparedQuery<GivenRows, unknown>

const text = 'text'
const bigint = 'bigint'

/** Rows: user, team. */
export const endMemberships: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) =>
  sql`delete from team_membership where org_id = ${orgId}
    and (user_id, team_id) in ${jsonRows(dialect, json, { user_id: text, team_id: text })} ${userOfRows(dialect, json)}`.compile(
    db,
  ),
)

/** Rows: user, team, built-in role, custom role or '', kind and id of the source. */
export const setMemberships: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) => {
  const place = { user_id: text, team_id: text } as const
  const columns = { ...place, role: text, custom_role_id: text, source_kind: text, source_id: text } as const
  return sql`insert into team_membership (org_id, user_id, team_id, role, custom_role_id, source_kind, source_id)
    select cast(${orgId} as text), user_id, team_id, role, custom_role_id, source_kind, source_id
    from ${jsonRows(dialect, json, columns)} as r where true
    on conflict (org_id, user_id, team_id) do update set role = excluded.role,
      custom_role_id = excluded.custom_role_id, source_kind = excluded.source_kind, source_id = excluded.source_id`.compile(
    db,
  )
})

/** Rows: user, product. */
export const endSeats: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) =>
  sql`delete from user_seat where org_id = ${orgId}
    and (user_id, product) in ${jsonRows(dialect, json, { user_id: text, product: text })} ${userOfRows(dialect, json)}`.compile(
    db,
  ),
)

/** Rows: user, product, type wanted, type given, wanted since (epoch milliseconds), source. */
export const setSeats: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) => {
  const columns = { user_id: text, product: text, wanted: text, given: text, since: bigint, source: text } as const
  return sql`insert into user_seat (org_id, user_id, product, wanted, given, wanted_since, source)
    select cast(${orgId} as text), user_id, product, wanted, given, since, source
    from ${jsonRows(dialect, json, columns)} as r where true
    on conflict (org_id, user_id, product) do update set wanted = excluded.wanted, given = excluded.given,
      wanted_since = excluded.wanted_since, source = excluded.source`.compile(db)
})

interface GivenRole {
  readonly orgId: OrgId
  readonly role: string
  /** JSON list of user ids. */
  readonly ids: string
}

/** One org role for all the people named. */
export const setOrgRole = preparedQuery((db, { orgId, role, ids }: GivenRole, dialect) =>
  sql`update "user" set org_role = ${role}
    where org_id = ${orgId} and id ${isAmongJson(dialect, ids)}`.compile(db),
)

/** Rows: user, team. Explicit roles in teams that have lost their last path. */
export const endTeamRoles: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) =>
  sql`delete from explicit_grant where org_id = ${orgId} and kind = 'team_role'
    and (user_id, target) in ${jsonRows(dialect, json, { user_id: text, target: text })} ${userOfRows(dialect, json)}`.compile(
    db,
  ),
)

/** Rows: product, type, by how much. */
export const addToSeatCounters: RowsQuery = preparedQuery((db, { orgId, json }: GivenRows, dialect) => {
  const counted = jsonRows(dialect, json, { product: text, type: text, by: bigint })
  return sql`insert into seat_counter (org_id, product, type, used, cap)
    select cast(${orgId} as text), product, type, r.by, null from ${counted} as r where true
    on conflict (org_id, product, type) do update set used = seat_counter.used + excluded.used`.compile(db)
})

/** Periods that change at a seq of the log and a time (epoch milliseconds). */
interface GivenPeriods extends GivenRows {
  readonly seq: number
  readonly at: number
}

/** That an open period is one of the rows (user, kind, target). */
function isOpen(dialect: Dialect, { orgId, json }: GivenRows): RawBuilder<unknown> {
  return sql`org_id = ${orgId} and to_seq is null
    and (user_id, kind, target) in ${jsonRows(dialect, json, { user_id: text, kind: text, target: text })} ${userOfRows(dialect, json)}`
}

/** Takes out the open periods that began at this very seq. Rows: user, kind, target. */
export const dropPeriodsOf = preparedQuery((db, given: GivenPeriods, dialect) =>
  sql`delete from access_period where ${isOpen(dialect, given)} and from_seq = ${given.seq}`.compile(db),
)

/** Rows: user, kind, target. */
export const closePeriods = preparedQuery((db, given: GivenPeriods, dialect) =>
  sql`update access_period set to_seq = ${given.seq}, valid_to = ${given.at}
    where ${isOpen(dialect, given)}`.compile(db),
)

/** Rows: user, kind, target, value. */
export const openPeriods = preparedQuery((db, { orgId, json, seq, at }: GivenPeriods, dialect) => {
  const columns = { user_id: text, kind: text, target: text, value: text } as const
  return sql`insert into access_period
      (org_id, user_id, kind, target, value, from_seq, to_seq, valid_from, valid_to)
    select cast(${orgId} as text), user_id, kind, target, value, cast(${seq} as bigint), null, cast(${at} as bigint), null
    from ${jsonRows(dialect, json, columns)} as r where true`.compile(db)
})
