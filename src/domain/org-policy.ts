import type { OrgRole } from './access.ts'
import { equalJson, type Json } from './json.ts'
import { effectiveSettings, type OrgSettings, settingsOf, type SettingValues } from './org-settings.ts'
import type { RecordChange } from './record.ts'
import type { CountedSeat, Licence, SeatType } from './seat.ts'

/** What an org decides for all its people: defaults, settings and the licence. */
export interface OrgPolicy {
  readonly defaultOrgRole: OrgRole
  /** Product → what a new person gets. Its keys are the org's products. */
  readonly defaultSeats: ReadonlyMap<string, SeatType>
  readonly settings: OrgSettings
  /** The settings the org has set, by name; those at their default are absent. */
  readonly stored: SettingValues
  readonly licence: Licence
  /** +1 with each change of defaults, settings or licence, for `If-Match`. */
  readonly version: number
  /** A number nobody used before with each change of rules or custom roles; 1 until the first. */
  readonly rulesVersion: number
}

/** A policy as it is stored; the three texts are JSON. */
export interface StoredPolicy {
  readonly defaultOrgRole: string
  readonly defaultSeats: string
  readonly settings: string
  readonly licence: string
  readonly version: number
  readonly rulesVersion: number
}

/** Reading a policy again is what every create and PATCH does: what was parsed is kept, by its text. */
const MAX_KEPT = 1_000
const seatsByText = new Map<string, OrgPolicy['defaultSeats']>()
const licenceByText = new Map<string, Licence>()
const settingsByText = new Map<string, Pick<OrgPolicy, 'settings' | 'stored'>>()

/** The policy of stored texts. */
export function policyOf(stored: StoredPolicy): OrgPolicy {
  return {
    defaultOrgRole: stored.defaultOrgRole as OrgRole,
    defaultSeats: kept(seatsByText, stored.defaultSeats, seatsOf),
    ...kept(settingsByText, stored.settings, readSettings),
    licence: kept(licenceByText, stored.licence, licenceOf),
    version: stored.version,
    rulesVersion: stored.rulesVersion,
  }
}

/** A licence as JSON: product → type → number of seats. */
export function licenceText(licence: Licence): string {
  return JSON.stringify(
    Object.fromEntries(Array.from(licence, ([product, caps]) => [product, Object.fromEntries(caps)] as const)),
  )
}

function seatsOf(text: string): OrgPolicy['defaultSeats'] {
  return new Map(Object.entries(JSON.parse(text) as Record<string, SeatType>))
}

function readSettings(text: string): Pick<OrgPolicy, 'settings' | 'stored'> {
  const stored = JSON.parse(text) as SettingValues
  return { stored, settings: settingsOf(stored) }
}

function licenceOf(text: string): Licence {
  const products = Object.entries(JSON.parse(text) as Record<string, Record<CountedSeat, number>>)
  return new Map(products.map(([product, caps]) => [product, new Map(Object.entries(caps) as [CountedSeat, number][])]))
}

function kept<T>(map: Map<string, T>, text: string, parse: (text: string) => T): T {
  const found = map.get(text)
  if (found !== undefined) return found
  if (map.size >= MAX_KEPT) map.clear()
  const parsed = parse(text)
  map.set(text, parsed)
  return parsed
}

/** What differs between two policies, one entry a value, in clear. */
export function policyChanges(before: OrgPolicy, after: OrgPolicy): readonly RecordChange[] {
  const [old, now] = [valuesOf(before), valuesOf(after)]
  return Object.keys(now)
    .filter((path) => !equalJson(old[path], now[path]))
    .map((path) => ({ path, old: old[path] ?? null, new: now[path] ?? null }))
}

/** Names of products are values here: keys of a record are fixed names. */
function valuesOf({ defaultOrgRole, defaultSeats, stored, licence }: OrgPolicy): Readonly<Record<string, Json>> {
  return {
    defaultOrgRole,
    defaultSeats: Array.from(defaultSeats, ([product, type]) => ({ product, type })),
    ...effectiveSettings(stored),
    licence: Array.from(licence, ([product, caps]) => ({ product, ...Object.fromEntries(caps) })),
  }
}
