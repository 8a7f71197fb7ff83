import type { OrgId, UserId } from './ids.ts'

/** What the product says a person did: looked at something, recorded a run, wrote a report, or called an API. */
export const ACTIVITY_KINDS = ['view', 'run', 'report', 'api'] as const

export type ActivityKind = (typeof ACTIVITY_KINDS)[number]

/** One thing that a person did. A sign-in is seen by the gateway itself. */
export interface Deed {
  readonly orgId: OrgId
  readonly user: UserId
  readonly kind: ActivityKind | 'signIn'
  /** Epoch milliseconds. */
  readonly at: number
  /** How often, default 1. */
  readonly count?: number
}

/** How often each thing was done. */
export type DeedCounts = Readonly<Record<Deed['kind'], number>>

/** What a person did on one day of UTC, as far as one gateway saw it since it last wrote. */
export interface PersonDay {
  readonly orgId: OrgId
  readonly user: UserId
  /** Days since 1970-01-01. */
  readonly day: number
  readonly counts: DeedCounts
  /** Epoch milliseconds. */
  readonly last: number
  /** Epoch milliseconds; 0 for none. */
  readonly lastSignIn: number
}

/** What a person did in all. */
export interface PersonActivity {
  /** Epoch milliseconds. */
  readonly lastActive: number
  /** Epoch milliseconds; undefined where they never signed in here. */
  readonly lastSignIn: number | undefined
  /** On how many days of UTC they did anything. */
  readonly daysActive: number
  readonly counts: DeedCounts
}

/** Of what people are counted: each once in it. Days are of UTC, weeks begin on Monday (ISO 8601). */
export const ACTIVITY_UNITS = ['day', 'week', 'month'] as const

export type ActivityUnit = (typeof ACTIVITY_UNITS)[number]

/** How many people were active in one day, week or month. */
export interface ActiveCount {
  /** Its first day, in days since 1970-01-01. */
  readonly start: number
  readonly users: number
}

export interface ActivityReads {
  /** Of people of an org; who never did anything is left out. */
  of(orgId: OrgId, people: readonly UserId[]): Promise<ReadonlyMap<UserId, PersonActivity>>
  /** The days, weeks or months from `from` that anybody was active in, in order. */
  series(orgId: OrgId, unit: ActivityUnit, from: number): Promise<readonly ActiveCount[]>
  /** How many people did anything since then, epoch milliseconds. */
  activeSince(orgId: OrgId, since: number): Promise<number>
  /** The live people whom ids or userNames (in any case) name, by what was given; service accounts are not people. */
  named(orgId: OrgId, names: readonly string[]): Promise<ReadonlyMap<string, UserId>>
}

export const DAY_MS = 86_400_000

/** The day of UTC that an instant is on, in days since 1970-01-01. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS)
}

/** The first day of the day, week or month that a day is in. */
export function startOf(unit: ActivityUnit, day: number): number {
  if (unit === 'day') return day
  // 1970-01-01 was a Thursday, three days after a Monday.
  if (unit === 'week') return day - ((((day + 3) % 7) + 7) % 7)
  const date = new Date(day * DAY_MS)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / DAY_MS
}

/** The first day of the day, week or month after the one that begins on `start`. */
export function nextStart(unit: ActivityUnit, start: number): number {
  if (unit === 'day') return start + 1
  return startOf(unit, start + (unit === 'week' ? 7 : 31))
}
