import { type ActiveCount, type ActivityUnit, DAY_MS, dayOf, nextStart, startOf } from '../domain/activity.ts'
import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'

/** How far back active people are shown: 30 days, 3, 6 or 12 months, or as far as anything is known. */
export const ACTIVITY_RANGES = ['30d', '3m', '6m', '12m', 'all'] as const

export type ActivityRange = (typeof ACTIVITY_RANGES)[number]

/** How many people were active, over time. */
export interface ActiveUsers {
  /** Different people who were active within the range. */
  readonly total: number
  /** One entry for each day, week or month of the range, the last one begun but not over; 0 where nobody was active. */
  readonly series: readonly ActiveCount[]
}

const MONTHS: Readonly<Record<'3m' | '6m' | '12m', number>> = { '3m': 3, '6m': 6, '12m': 12 }

/**
 * How many people of an org were active in each day, week or month of a range that ends now. A week or month that the
 * range begins within is there as a whole.
 * @param now epoch milliseconds
 */
export async function activeUsers(
  reads: Pick<ReadStores, 'activity'>,
  orgId: OrgId,
  { unit, range }: { readonly unit: ActivityUnit; readonly range: ActivityRange },
  now: number,
): Promise<ActiveUsers> {
  const today = dayOf(now)
  const first = range === 'all' ? 0 : firstDay(range, today)
  const [counts, total] = await Promise.all([
    reads.activity.series(orgId, unit, startOf(unit, first)),
    reads.activity.activeSince(orgId, first * DAY_MS),
  ])
  const from = range === 'all' ? (counts[0]?.start ?? today) : first
  return { total, series: filled(counts, unit, startOf(unit, from), today) }
}

/** 30 days are these and no more; months go back to the same date, or to the last day of a month without it. */
function firstDay(range: Exclude<ActivityRange, 'all'>, today: number): number {
  if (range === '30d') return today - 29
  const date = new Date(today * DAY_MS)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() - MONTHS[range]]
  const lastOfMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  return Date.UTC(year, month, Math.min(date.getUTCDate(), lastOfMonth)) / DAY_MS
}

function filled(counts: readonly ActiveCount[], unit: ActivityUnit, from: number, to: number): readonly ActiveCount[] {
  const users = new Map(counts.map((each) => [each.start, each.users]))
  const series: ActiveCount[] = []
  for (let start = from; start <= to; start = nextStart(unit, start)) {
    series.push({ start, users: users.get(start) ?? 0 })
  }
  return series
}

/** The first day of an entry as `2026-11-21`. */
export function shownDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}
