import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import {
  type ActivityReads,
  type ActivityUnit,
  type DeedCounts,
  type PersonActivity,
  type PersonDay,
  startOf,
} from '../domain/activity.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { isAmong, jsonRows } from './id-list.ts'

/** Columns of counts, by the kind of deed they count. */
const COUNTS = { signIn: 'sign_ins', view: 'views', run: 'runs', report: 'reports', api: 'calls' } as const
const KINDS = Object.keys(COUNTS) as (keyof typeof COUNTS)[]
const COUNT_COLUMNS = KINDS.map((kind) => COUNTS[kind])

const byKey = { org_id: 'text', user_id: 'text' } as const
const counted = Object.fromEntries(COUNT_COLUMNS.map((name) => [name, 'bigint' as const]))

interface SumRow {
  readonly user_id: string
  readonly last_active: number
  readonly last_sign_in: number
  readonly days_active: number
}

/** What people do, as it is read. */
export function activityReads(db: Kysely<Database>, dialect: Dialect): ActivityReads {
  return {
    async of(orgId, people) {
      const { rows } = await sql<SumRow & Record<(typeof COUNT_COLUMNS)[number], number>>`select * from user_activity
        where org_id = ${orgId} and user_id ${isAmong(dialect, people)}`.execute(db)
      return new Map(rows.map((row) => [row.user_id as UserId, toActivity(row)]))
    },
    async series(orgId, unit, from) {
      return db
        .selectFrom('active_count')
        .select(['start', 'users'])
        .where('org_id', '=', orgId)
        .where('unit', '=', unit)
        .where('start', '>=', from)
        .orderBy('start')
        .execute()
    },
    async activeSince(orgId, since) {
      const { users } = await db
        .selectFrom('user_activity')
        .select(({ fn }) => fn.countAll<number>().as('users'))
        .where('org_id', '=', orgId)
        .where('last_active', '>=', since)
        .executeTakeFirstOrThrow()
      return Number(users)
    },
    named: (orgId, names) => peopleNamed(db, dialect, orgId, names),
  }
}

function toActivity(row: SumRow & Record<(typeof COUNT_COLUMNS)[number], number>): PersonActivity {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, row[COUNTS[kind]]])) as DeedCounts
  const { last_active: lastActive, last_sign_in: lastSignIn, days_active: daysActive } = row
  return { lastActive, lastSignIn: lastSignIn === 0 ? undefined : lastSignIn, daysActive, counts }
}

async function peopleNamed(
  db: Kysely<Database>,
  dialect: Dialect,
  orgId: OrgId,
  names: readonly string[],
): Promise<ReadonlyMap<string, UserId>> {
  const folded = names.map((name) => fold(name))
  const { rows } = await sql<{ id: UserId; key: string }>`
    select id, username_key as key from "user" where org_id = ${orgId} and id ${isAmong(dialect, names)}
      and deleted_at is null and account_type = 'USER'
    union all
    select id, username_key from "user" where org_id = ${orgId} and username_key ${isAmong(dialect, folded)}
      and deleted_at is null and account_type = 'USER'`.execute(db)
  const byId = new Map(rows.map(({ id }) => [id as string, id]))
  const byName = new Map(rows.map(({ id, key }) => [key, id]))
  return new Map(
    names.flatMap((name, at) => {
      // An id always wins over a name.
      const found = byId.get(name) ?? byName.get(folded[at]!)
      return found === undefined ? [] : [[name, found] as const]
    }),
  )
}

/**
 * Adds what people did to their days and sums, in the transaction at hand. Rows are written in the order of their keys,
 * so that two instances that write the same people wait for each other instead of both for ever.
 */
export async function saveActivity(db: Kysely<Database>, dialect: Dialect, days: readonly PersonDay[]): Promise<void> {
  const sorted = [...days].sort((a, b) => compare(a.orgId, b.orgId) || compare(a.user, b.user) || a.day - b.day)
  const fresh = await insertDays(db, dialect, sorted)
  await addCounts(db, dialect, sorted)
  await addSums(db, dialect, sorted, fresh)
  await countActive(db, dialect, fresh)
}

interface Mark {
  readonly org_id: string
  readonly user_id: string
  readonly start: number
}

/** @returns the days on which these people were active for the first time */
async function insertDays(
  db: Kysely<Database>,
  dialect: Dialect,
  days: readonly PersonDay[],
): Promise<readonly Mark[]> {
  const rows = jsonRows(dialect, JSON.stringify(days.map(({ orgId, user, day }) => [orgId, user, day])), {
    ...byKey,
    day: 'bigint',
  })
  const found = await sql<Mark>`insert into activity_day (org_id, user_id, day, ${names(COUNT_COLUMNS)})
    select org_id, user_id, day, 0, 0, 0, 0, 0 from ${rows} as r where true
    on conflict (org_id, user_id, day) do nothing returning org_id, user_id, day as start`.execute(db)
  return found.rows
}

async function addCounts(db: Kysely<Database>, dialect: Dialect, days: readonly PersonDay[]): Promise<void> {
  const json = JSON.stringify(days.map((each) => [each.orgId, each.user, each.day, ...countsOf(each)]))
  const rows = jsonRows(dialect, json, { ...byKey, day: 'bigint', ...counted })
  await sql`insert into activity_day (org_id, user_id, day, ${names(COUNT_COLUMNS)})
    select org_id, user_id, day, ${names(COUNT_COLUMNS)} from ${rows} as r where true
    on conflict (org_id, user_id, day) do update set ${added('activity_day', COUNT_COLUMNS)}`.execute(db)
}

async function addSums(
  db: Kysely<Database>,
  dialect: Dialect,
  days: readonly PersonDay[],
  fresh: readonly Mark[],
): Promise<void> {
  const news = new Map<string, number>()
  for (const { org_id, user_id } of fresh) {
    const key = `${org_id} ${user_id}`
    news.set(key, (news.get(key) ?? 0) + 1)
  }
  const sums = [...grouped(days, ({ orgId, user }) => `${orgId} ${user}`)].map(([key, own]) => [
    ...[own[0]!.orgId, own[0]!.user],
    Math.max(...own.map(({ last }) => last)),
    Math.max(...own.map(({ lastSignIn }) => lastSignIn)),
    news.get(key) ?? 0,
    ...KINDS.map((kind) => own.reduce((sum, { counts }) => sum + counts[kind], 0)),
  ])
  const summed = ['days_active', ...COUNT_COLUMNS]
  const columns = {
    ...byKey,
    last_active: 'bigint',
    last_sign_in: 'bigint',
    days_active: 'bigint',
    ...counted,
  } as const
  await sql`insert into user_activity (${names(Object.keys(columns))})
    select ${names(Object.keys(columns))} from ${jsonRows(dialect, JSON.stringify(sums), columns)} as r where true
    on conflict (org_id, user_id) do update set ${added('user_activity', summed)}, ${later('last_active')},
      ${later('last_sign_in')}`.execute(db)
}

/** Counts people in the days, weeks and months that they are active in for the first time. */
async function countActive(db: Kysely<Database>, dialect: Dialect, fresh: readonly Mark[]): Promise<void> {
  if (fresh.length === 0) return
  const firsts: [ActivityUnit, readonly Mark[]][] = [['day', fresh]]
  for (const unit of ['week', 'month'] as const) firsts.push([unit, await markFirst(db, dialect, unit, fresh)])
  const counts = firsts.flatMap(([unit, marks]) =>
    [...grouped(marks, ({ org_id, start }) => `${org_id} ${start}`)].map(([, own]) => {
      return [own[0]!.org_id, unit, own[0]!.start, own.length] as const
    }),
  )
  counts.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]) || a[2] - b[2])
  const columns = { org_id: 'text', unit: 'text', start: 'bigint', users: 'bigint' } as const
  await sql`insert into active_count (org_id, unit, start, users)
    select org_id, unit, start, users from ${jsonRows(dialect, JSON.stringify(counts), columns)} as r where true
    on conflict (org_id, unit, start) do update set ${added('active_count', ['users'])}`.execute(db)
}

async function markFirst(
  db: Kysely<Database>,
  dialect: Dialect,
  unit: 'week' | 'month',
  fresh: readonly Mark[],
): Promise<readonly Mark[]> {
  const json = JSON.stringify(fresh.map(({ org_id, user_id, start }) => [org_id, user_id, startOf(unit, start)]))
  const rows = jsonRows(dialect, json, { ...byKey, start: 'bigint' })
  const found = await sql<Mark>`insert into activity_mark (org_id, user_id, unit, start)
    select org_id, user_id, ${sql.lit(unit)}, start from ${rows} as r where true
    on conflict (org_id, user_id, unit, start) do nothing returning org_id, user_id, start`.execute(db)
  return found.rows
}

function countsOf({ counts }: PersonDay): readonly number[] {
  return KINDS.map((kind) => counts[kind])
}

function names(columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(columns.map((column) => sql.id(column)))
}

function added(table: string, columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(columns.map((one) => sql`${sql.id(one)} = ${sql.id(table, one)} + ${sql.id('excluded', one)}`))
}

function later(column: string): RawBuilder<unknown> {
  const [kept, given] = [sql.id('user_activity', column), sql.id('excluded', column)]
  return sql`${sql.id(column)} = case when ${given} > ${kept} then ${given} else ${kept} end`
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function grouped<T>(list: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const one of list) {
    const key = keyOf(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return groups
}
