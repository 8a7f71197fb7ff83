import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { AccessPeriodTable, Database } from '../../db/schema.ts'
import type { AccessPeriod, HeldKind, HistoryReads, HistorySubject } from '../domain/history-ports.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { isAmong, jsonRows } from './id-list.ts'
import { originReads } from './origin-reads.ts'
import { seqAt } from './purge.ts'

type PeriodRow = Selectable<AccessPeriodTable>

/** Access as it was, page by page. */
export function historyReads(db: Kysely<Database>, dialect: Dialect): HistoryReads {
  return {
    ...originReads(db, dialect),

    seqAt: (orgId, at) => seqAt(db, orgId, at),

    heldAt(orgId, seq, { of, after, limit }) {
      const began = sql`from_seq <= ${seq} and (to_seq is null or to_seq > ${seq})`
      return periods(db, {
        orgId,
        where: sql`${subject(of)} ${behind(of, after)} and ${began}`,
        by: orderOf(of),
        limit,
      })
    },

    periods(orgId, { of, after, limit }) {
      const where = sql`${subject(of)} ${behindRecord(after)}`
      return periods(db, { orgId, where, by: BY_RECORD, limit })
    },

    seatPeriods(orgId, { product, after, limit }) {
      const where = sql`and kind = 'seat' and target = ${product} ${behindRecord(after)}`
      return periods(db, { orgId, where, by: BY_RECORD, limit })
    },

    async endedAccounts(orgId, ended) {
      const rows = ended.map(({ user, seq }) => [user, seq])
      const list = jsonRows(dialect, JSON.stringify(rows), { user_id: 'text', to_seq: 'bigint' })
      const where = sql`and kind = 'active' and target = '' and (user_id, to_seq) in ${list}`
      const found = await periods(db, { orgId, where, by: BY_PERSON, limit: ended.length })
      const byUser = new Map<UserId, AccessPeriod[]>()
      for (const period of found) byUser.set(period.user, [...(byUser.get(period.user) ?? []), period])
      return byUser
    },

    async names(orgId, ids) {
      const { rows } = await namesOf(dialect, orgId, ids).execute(db)
      return new Map(rows.map(({ id, name }) => [id, name]))
    },

    async emails(orgId, people) {
      if (people.length === 0) return new Map()
      const rows = await db
        .selectFrom('user_email')
        .select(['user_id', 'value'])
        .where('org_id', '=', orgId)
        .where(sql<boolean>`user_id ${isAmong(dialect, people)}`)
        .where('is_primary', '=', 1)
        .execute()
      return new Map(rows.map(({ user_id, value }) => [user_id, value]))
    },
  }
}

const BY_PERSON = sql`user_id, kind, target, from_seq`
const BY_RECORD = sql`from_seq, user_id, kind, target`

/** A team's rows come as its index has them; all others as the primary key has them. */
function orderOf(of: HistorySubject): RawBuilder<unknown> {
  return 'team' in of ? BY_RECORD : BY_PERSON
}

function subject(of: HistorySubject): RawBuilder<unknown> {
  if ('user' in of) return sql`and user_id = ${of.user}`
  return 'team' in of ? sql`and kind = 'team' and target = ${of.team}` : sql``
}

function behind(of: HistorySubject, after: AccessPeriod | undefined): RawBuilder<unknown> {
  if ('team' in of) return behindRecord(after)
  const { user, kind, target, fromSeq } = after ?? { user: '', kind: '', target: '', fromSeq: 0 }
  return sql`and (${BY_PERSON}) > (${user}, ${kind}, ${target}, ${fromSeq})`
}

function behindRecord(after: AccessPeriod | undefined): RawBuilder<unknown> {
  const { user, kind, target, fromSeq } = after ?? { user: '', kind: '', target: '', fromSeq: 0 }
  return sql`and (${BY_RECORD}) > (${fromSeq}, ${user}, ${kind}, ${target})`
}

interface PeriodQuery {
  readonly orgId: OrgId
  /** Begins with `and`. */
  readonly where: RawBuilder<unknown>
  readonly by: RawBuilder<unknown>
  readonly limit: number
}

async function periods(
  db: Kysely<Database>,
  { orgId, where, by, limit }: PeriodQuery,
): Promise<readonly AccessPeriod[]> {
  const { rows } = await sql<PeriodRow>`
    select user_id, kind, target, value, from_seq, to_seq, valid_from, valid_to from access_period
    where org_id = ${orgId} ${where} order by ${by} limit ${limit}`.execute(db)
  return rows.map((row) => ({
    user: row.user_id as UserId,
    kind: row.kind as HeldKind,
    target: row.target,
    value: row.value,
    fromSeq: row.from_seq,
    toSeq: row.to_seq ?? undefined,
    from: row.valid_from,
    to: row.valid_to ?? undefined,
  }))
}

/** Ids are unique over all tables, so who asks need not know what kind of thing each is. */
function namesOf(dialect: Dialect, orgId: OrgId, ids: readonly string[]): RawBuilder<{ id: string; name: string }> {
  const named = sql`id ${isAmong(dialect, ids)}`
  // SQLite would else find keys by their org.
  const ofOrg = dialect === 'sqlite' ? sql`+org_id` : sql`org_id`
  return sql`
    select id, username as name from "user" where org_id = ${orgId} and ${named}
    union all select id, display_name from scim_group where org_id = ${orgId} and ${named}
    union all select id, name from custom_role where org_id = ${orgId} and ${named}
    union all select id, case name when '' then match_value else name end from mapping_rule where org_id = ${orgId} and ${named}
    union all select id, name from connection where org_id = ${orgId} and ${named}
    union all select id, name from api_key where ${ofOrg} = ${orgId} and ${named}`
}
