import { DomainError } from '../domain/errors.ts'
import type { TimeZone } from './time-zone.ts'

const DAY = /^\d{4}-\d\d-\d\d$/
const INSTANT = /^(\d{4}-\d\d-\d\d)[Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$/
const DAY_MS = 86_400_000

/** The clock a question is asked by. */
export interface AskedAt {
  readonly zone: TimeZone
  /** Epoch milliseconds. */
  readonly now: number
}

/** The time a report is about, both ends included; epoch milliseconds. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * An instant a report is asked about, epoch milliseconds: RFC 3339 with an offset, or a day, which means its last moment
 * in the zone; of today, now.
 * @param name of the parameter, for the refusal
 * @throws DomainError `invalid-value` for what is no date or lies in the future
 */
export function instantOf(name: string, text: string | undefined, { zone, now }: AskedAt): number {
  if (text === undefined) return now
  const isDay = DAY.test(text)
  const at = isDay ? lastMoment(name, text, zone) : parsed(name, text)
  if (isDay && at > now && zone.startOf(text) <= now) return now
  if (at > now) throw refused(name, `${name} lies in the future; the log says what was, not what will be`)
  return at
}

/**
 * The range a report is asked about. A day as `from` means its first moment, as `to` its last. Without `from` it begins
 * 30 days before its end.
 * @throws DomainError `invalid-value` for what is no date, and for a range turned round
 */
export function rangeOf(
  asked: { readonly from?: string | undefined; readonly to?: string | undefined },
  clock: AskedAt,
): Range {
  const to = instantOf('to', asked.to, clock)
  const from = asked.from === undefined ? to - 30 * DAY_MS : firstMoment('from', asked.from, clock.zone)
  if (from <= to) return { from, to }
  throw refused('from', 'from lies after to; exchange them')
}

function firstMoment(name: string, text: string, zone: TimeZone): number {
  return DAY.test(text) ? zone.startOf(realDay(name, text)) : parsed(name, text)
}

function lastMoment(name: string, day: string, zone: TimeZone): number {
  const next = new Date(Date.parse(`${realDay(name, day)}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)
  return zone.startOf(next) - 1
}

function parsed(name: string, text: string): number {
  const day = INSTANT.exec(text)?.[1]
  const at = day === undefined ? Number.NaN : Date.parse(text)
  if (day === undefined || Number.isNaN(at)) {
    throw refused(name, `${name} is no date; say e.g. 2026-03-01, or 2026-03-01T09:00:00Z with an offset`)
  }
  realDay(name, day)
  return at
}

/** Engines take 30 February for 2 March. */
function realDay(name: string, day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(day)) return day
  throw refused(name, `${name} is no date: there is no ${day}`)
}

function refused(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}
