import { ORG_ROLES, type OrgRole } from '../domain/access.ts'
import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import { changedSettings, settingsOf } from '../domain/org-settings.ts'
import type { Submitted } from '../domain/ports.ts'
import { isSeatType, SEAT_TYPES, type SeatType } from '../domain/seat.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { savePolicy } from './save-policy.ts'

/** What an admin wants of an org's policy; what is absent stays. */
export interface OrgSettingsChange {
  readonly defaultOrgRole?: string
  /** Product → what a new person gets, in place of all there is: its keys are the org's products. */
  readonly defaultSeats?: JsonObject
  /** Settings by their names (`breaker.mode`); null puts one back to its default. */
  readonly settings?: JsonObject
  /** Versions of `If-Match` as text, or `['*']`. */
  readonly ifMatch?: readonly string[]
}

const PRODUCT = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/
const MAX_PRODUCTS = 20

/**
 * Changes an org's defaults and settings. Whom that gives other access has it with the answer, or by a job where they
 * are many.
 * @throws DomainError `invalid-value` naming the setting, `forbidden`, `version-mismatch`, `last-admin`
 */
export function changeOrgSettings(
  provisioning: Provisioning,
  caller: Caller,
  change: OrgSettingsChange,
): Submitted<Changed<OrgPolicy>> {
  return savePolicy(provisioning, caller, {
    action: 'org.settings',
    ifMatch: change.ifMatch,
    checkRight: () => {
      requireOrgAdmin(caller)
    },
    wanted: (before) => wantedPolicy(before, change),
    touched: async (stores, _after, changes) =>
      changes.some(({ path }) => decidesAccess(path)) ? stores.access.everybody(caller.orgId) : [],
  })
}

function decidesAccess(path: string): boolean {
  return path === 'defaultOrgRole' || path === 'defaultSeats' || path.startsWith('seatTypes.')
}

/**
 * The policy that a change comes to.
 * @throws DomainError `invalid-value`
 */
export function wantedPolicy(before: OrgPolicy, change: OrgSettingsChange): OrgPolicy {
  const defaultSeats = change.defaultSeats === undefined ? before.defaultSeats : seatsOf(change.defaultSeats)
  const stored = changedSettings(before.stored, change.settings ?? {})
  return {
    ...before,
    defaultOrgRole: change.defaultOrgRole === undefined ? before.defaultOrgRole : roleOf(change.defaultOrgRole),
    defaultSeats,
    stored,
    settings: settingsOf(stored),
    licence: new Map([...before.licence].filter(([product]) => defaultSeats.has(product))),
  }
}

function roleOf(said: string): OrgRole {
  const role = ORG_ROLES.find((each) => each === said)
  if (role === undefined) throw invalid('defaultOrgRole', 'it is member or viewer')
  if (role === 'admin')
    throw invalid('defaultOrgRole', 'everybody would be an admin of the organization; use member or viewer')
  return role
}

function seatsOf(said: JsonObject): ReadonlyMap<string, SeatType> {
  const entries = Object.entries(said)
  if (!isJsonObject(said) || entries.length > MAX_PRODUCTS) {
    throw invalid('defaultSeats', `it names at most ${MAX_PRODUCTS} products, each with full, viewer or none`)
  }
  for (const [product, type] of entries) {
    if (!PRODUCT.test(product)) {
      throw invalid('defaultSeats', 'the name of a product is a letter, then letters, digits, "-" and "_", 63 at most')
    }
    if (!isSeatType(type)) throw invalid('defaultSeats', `the seat of ${product} is one of ${SEAT_TYPES.join(', ')}`)
  }
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)) as [string, SeatType][])
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `${path}: ${sentence}`, { reason: 'setting.invalid', params: { path } })
}
