import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import type { HeldKind } from '../domain/history-ports.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { ReplayReads } from '../domain/replay-ports.ts'
import { isAmong } from './id-list.ts'
import { peopleReads } from './replay-people-reads.ts'

export function replayReads(db: Kysely<Database>, dialect: Dialect): ReplayReads {
  return {
    ...peopleReads(db, dialect),

    async targets(orgId, ids, { after, upTo }) {
      const rows = await db
        .selectFrom('event_target')
        .select(['seq', 'target_id as id'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`target_id ${isAmong(dialect, ids)}`)
        .where('seq', '>', after)
        .where('seq', '<=', upTo)
        .execute()
      return rows
    },

    async edges(orgId, people, { after, upTo }) {
      const rows = await db
        .selectFrom('access_period')
        .selectAll()
        .where('org_id', '=', orgId)
        .where(sql<boolean>`user_id ${isAmong(dialect, people)}`)
        .where((eb) =>
          eb.or([
            eb.and([eb('from_seq', '>', after), eb('from_seq', '<=', upTo)]),
            eb.and([eb('to_seq', '>', after), eb('to_seq', '<=', upTo)]),
          ]),
        )
        .execute()
      return rows.map((row) => ({
        ...{ user: row.user_id as UserId, kind: row.kind as HeldKind, target: row.target, value: row.value },
        ...{
          fromSeq: row.from_seq,
          toSeq: row.to_seq ?? undefined,
          from: row.valid_from,
          to: row.valid_to ?? undefined,
        },
      }))
    },

    async count(orgId, { after, upTo }) {
      const { rows } = await sql<{ begun: number; ended: number; targets: number }>`
        select count(case when from_seq > ${after} and from_seq <= ${upTo} then 1 end) as begun,
          count(case when to_seq > ${after} and to_seq <= ${upTo} then 1 end) as ended,
          (select count(*) from event_target where org_id = ${orgId} and seq > ${after} and seq <= ${upTo}) as targets
        from access_period where org_id = ${orgId}`.execute(db)
      const { begun, ended, targets } = rows[0]!
      return { begun: Number(begun), ended: Number(ended), targets: Number(targets) }
    },

    async erased(orgId) {
      const rows = await db.selectFrom('erasure').select('person_id').where('org_id', '=', orgId).execute()
      return new Set(rows.map(({ person_id: person }) => person))
    },

    async strayTables(orgId) {
      const stray: string[] = []
      for (const [table, [kinds, live]] of Object.entries(LIVE)) {
        const { rows } = await differing(orgId, kinds, live(orgId)).execute(db)
        if (Number(rows[0]?.n) > 0) stray.push(table)
      }
      return stray
    },
  }
}

/** Which kinds of periods each table is about, and what people hold by it in their form. */
const LIVE: Readonly<
  Record<string, readonly [kinds: readonly HeldKind[], rows: (orgId: OrgId) => RawBuilder<unknown>]>
> = {
  user: [
    ['active', 'org_role'],
    (orgId) => sql`
    select id as user_id, 'active' as kind, '' as target, 'active' as value from "user"
      where org_id = ${orgId} and deleted_at is null and status = 'active'
    union all select id, 'org_role', '', org_role from "user"
      where org_id = ${orgId} and deleted_at is null and status = 'active' and org_role <> 'none'`,
  ],
  team_membership: [
    ['team'],
    (orgId) => sql`
    select user_id, 'team' as kind, team_id as target, coalesce(nullif(custom_role_id, ''), role) as value
    from team_membership where org_id = ${orgId}`,
  ],
  user_seat: [
    ['seat'],
    (orgId) => sql`
    select user_id, 'seat' as kind, product as target, given as value from user_seat
    where org_id = ${orgId} and given <> 'none'`,
  ],
}

/** Rows on one side alone, counted in one statement: what is written meanwhile is on both sides or on none. */
function differing(orgId: OrgId, kinds: readonly HeldKind[], live: RawBuilder<unknown>): RawBuilder<{ n: number }> {
  return sql<{ n: number }>`
    with live as (${live}), held as (
      select user_id, kind, target, value from access_period
      where org_id = ${orgId} and to_seq is null and kind in (${sql.join(kinds)}))
    select (select count(*) from (select * from live except select * from held) a)
      + (select count(*) from (select * from held except select * from live) b) as n`
}
