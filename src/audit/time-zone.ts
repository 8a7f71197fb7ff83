import { DomainError } from '../domain/errors.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Offsets change at full quarters of an hour alone. */
const QUARTER_MS = 900_000
const MOST_KEPT = 4_096

/** A time zone of the IANA database, for showing times that are stored in UTC. */
export interface TimeZone {
  readonly name: string
  /** RFC 3339 with milliseconds and the zone's offset at that time. @param at epoch milliseconds */
  text(at: number): string
  /** The first instant of a day of the zone's calendar, `YYYY-MM-DD`, epoch milliseconds. */
  startOf(day: string): number
  /** The day of the zone's calendar an instant falls on, `YYYY-MM-DD`. */
  dayOf(at: number): string
}

/**
 * @param name as the IANA database has it, e.g. `Europe/Berlin`, or `UTC`
 * @throws DomainError `invalid-value` for a zone that is not known
 */
export function timeZone(name: string): TimeZone {
  const offsetAt = offsetsOf(name)
  const local = (at: number): string => new Date(at + offsetAt(at) * MINUTE_MS).toISOString()
  return {
    name,
    text: (at) => `${local(at).slice(0, -1)}${offsetText(offsetAt(at))}`,
    dayOf: (at) => local(at).slice(0, 10),
    startOf(day) {
      const midnight = Date.parse(`${day}T00:00:00.000Z`)
      const candidates = [midnight - DAY_MS, midnight + DAY_MS].map((near) => midnight - offsetAt(near) * MINUTE_MS)
      const valid = candidates.filter((at) => at + offsetAt(at) * MINUTE_MS === midnight)
      // Where the clock skips midnight, the old offset leads to the very moment it does.
      return valid.length === 0 ? candidates[0]! : Math.min(...valid)
    },
  }
}

/** The offset of a zone from UTC at an instant, in minutes. */
function offsetsOf(name: string): (at: number) => number {
  const format = formatOf(name)
  if (name === 'UTC') return () => 0
  const kept = new Map<number, number>()
  return (at) => {
    const quarter = Math.floor(at / QUARTER_MS)
    const known = kept.get(quarter)
    if (known !== undefined) return known
    if (kept.size >= MOST_KEPT) kept.clear()
    const parts = format.formatToParts(at)
    const text = parts.find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
    const [, sign = '+', hours = '0', minutes = '0'] = /^GMT([+-])(\d\d):(\d\d)/.exec(text) ?? []
    const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
    kept.set(quarter, offset)
    return offset
  }
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    // An offset is no zone: it says nothing of summer time.
    if (!/^[A-Za-z][\w+\-/]{0,63}$/.test(name)) throw new RangeError('no name')
    return new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch {
    throw new DomainError('invalid-value', 'tz is no time zone of the IANA database; say e.g. Europe/Berlin or UTC', {
      params: { path: 'tz' },
    })
  }
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const size = Math.abs(minutes)
  const [hours, rest] = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0'))
  return `${minutes < 0 ? '-' : '+'}${hours}:${rest}`
}
