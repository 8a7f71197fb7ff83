import { DomainError } from '../domain/errors.ts'
import type { AccessPeriod } from '../domain/history-ports.ts'
import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { rangeFacts } from './grants-report.ts'
import { type Column, pagesOf, type Report, type ReportRow } from './report.ts'
import type { AskedAt, Range } from './report-time.ts'
import type { TimeZone } from './time-zone.ts'

const MOST_DAYS = 400
const DAY_MS = 86_400_000

const COLUMNS: readonly Column[] = [
  { name: 'day', label: 'Day' },
  { name: 'product', label: 'Product' },
  { name: 'type', label: 'Type' },
  { name: 'used', label: 'In use at its end', kind: 'number' },
]

/**
 * How many seats of each product and type were in use at the end of each day of the zone; of today, now. Every period of
 * a seat is read once, whatever the number of days.
 * @throws DomainError `invalid-value` for more than 400 days
 */
export function seatUseReport(
  reads: Pick<ReadStores, 'history' | 'orgs'>,
  orgId: OrgId,
  range: Range,
  { zone }: AskedAt,
): Report {
  const days = daysOf(range, zone)
  return {
    name: 'seats',
    title: 'Seats in use over time',
    facts: rangeFacts(range),
    columns: COLUMNS,
    async *rows() {
      const { defaultSeats } = await reads.orgs.policy(orgId)
      for (const product of defaultSeats.keys()) {
        const pages = pagesOf((after: AccessPeriod | undefined, limit) =>
          reads.history.seatPeriods(orgId, { product, after, limit }),
        )
        const counts = await countsOf(pages, days)
        for (const [type, used] of counts) yield days.map(({ day }, at): ReportRow => [day, product, type, used[at]!])
      }
    },
  }
}

interface Day {
  readonly day: string
  /** Its last millisecond that is asked about. */
  readonly end: number
}

function daysOf({ from, to }: Range, zone: TimeZone): readonly Day[] {
  if (to - from > MOST_DAYS * DAY_MS) {
    throw new DomainError(
      'invalid-value',
      `At most ${MOST_DAYS} days can be asked for at once; move from nearer to to`,
      {
        params: { path: 'from' },
      },
    )
  }
  const days: Day[] = []
  for (let day = zone.dayOf(from); ;) {
    const next = new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
    const end = zone.startOf(next) - 1
    days.push({ day, end: Math.min(end, to) })
    if (end >= to) return days
    day = next
  }
}

/** Seats in use at each end, by type; what begins adds from its day on, what ends takes away from its day on. */
async function countsOf(
  pages: AsyncIterable<readonly AccessPeriod[]>,
  days: readonly Day[],
): Promise<ReadonlyMap<string, Int32Array>> {
  const ends = Float64Array.from(days, ({ end }) => end)
  const counts = new Map<string, Int32Array>(['full', 'viewer'].map((type) => [type, new Int32Array(days.length + 1)]))
  for await (const page of pages) {
    for (const { value, from, to } of page) {
      const used = counts.get(value) ?? new Int32Array(days.length + 1)
      counts.set(value, used)
      used[firstAtOrAfter(ends, from)]! += 1
      if (to !== undefined) used[firstAtOrAfter(ends, to)]! -= 1
    }
  }
  for (const used of counts.values()) for (let at = 1; at < used.length; at++) used[at]! += used[at - 1]!
  return counts
}

function firstAtOrAfter(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
