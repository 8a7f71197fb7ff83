import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { Submitted } from '../domain/ports.ts'
import type { CountedSeat, Licence } from '../domain/seat.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { requireOrgAdmin } from './caller-right.ts'
import type { Changed, Provisioning } from './provisioning.ts'
import { savePolicy } from './save-policy.ts'

/** What a licence changes to; products and types that it does not name stay. */
export interface LicenceChange {
  /** Product → `{ full, viewer }`, each a number of seats or null for unlimited; null for a product without any. */
  readonly seats: JsonObject
  /** Versions of `If-Match` as text, or `['*']`. */
  readonly ifMatch?: readonly string[]
}

const MOST = 1_000_000_000
const COUNTED: readonly CountedSeat[] = ['full', 'viewer']

/**
 * Says how many seats were bought. Nobody loses one: where more are in use, nothing new is given until there are fewer.
 * Seats that are new go to those who wait the longest.
 * @throws DomainError `invalid-value` naming product and type, `forbidden` but for org and billing admins, `version-mismatch`
 */
export function changeLicence(
  provisioning: Provisioning,
  caller: Caller,
  change: LicenceChange,
): Submitted<Changed<OrgPolicy>> {
  return savePolicy(provisioning, caller, {
    action: 'org.licence',
    ifMatch: change.ifMatch,
    checkRight: () => {
      if (caller.account?.isBillingAdmin !== true) requireOrgAdmin(caller)
    },
    wanted: (before) => ({ ...before, licence: wantedLicence(before, change.seats) }),
    touched: (stores, after) => whoMayGain(stores, caller.orgId, after),
  })
}

/** Of each product and type no more of those who wait than there are seats for. */
async function whoMayGain(
  stores: WriteStores,
  orgId: OrgId,
  { licence, defaultSeats }: OrgPolicy,
): Promise<readonly UserId[]> {
  const counters = await stores.access.seatsLeft(orgId)
  const people = new Set<UserId>()
  for (const product of defaultSeats.keys()) {
    for (const type of COUNTED) {
      const isCounted = licence.get(product)?.has(type) === true
      const left = counters.find((each) => each.product === product && each.type === type)?.left ?? 0
      const most = isCounted ? Math.max(0, left) : MOST
      for (const { user } of await stores.access.waiting(orgId, { product, type }, most)) people.add(user)
    }
  }
  return [...people]
}

/**
 * The licence a change comes to.
 * @throws DomainError `invalid-value`
 */
export function wantedLicence({ licence, defaultSeats }: OrgPolicy, said: JsonObject): Licence {
  const next = new Map(licence)
  for (const [product, caps] of Object.entries(said)) {
    if (!defaultSeats.has(product)) {
      const there = [...defaultSeats.keys()].join(', ')
      throw invalid(`There is no product ${JSON.stringify(product.slice(0, 80))}; the products are ${there}`)
    }
    const wanted = capsOf(product, next.get(product) ?? new Map<CountedSeat, number>(), caps ?? null)
    if (wanted.size === 0) next.delete(product)
    else next.set(product, wanted)
  }
  return new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function capsOf(
  product: string,
  before: ReadonlyMap<CountedSeat, number>,
  said: Json,
): ReadonlyMap<CountedSeat, number> {
  if (said === null) return new Map()
  if (!isJsonObject(said)) throw invalid(`The licence of ${product} is an object with full and viewer, or null`)
  const next = new Map(before)
  for (const [name, value] of Object.entries(said)) {
    const type = COUNTED.find((each) => each === name)
    if (type === undefined) {
      throw invalid(`A licence counts full and viewer seats; there is no type ${JSON.stringify(name.slice(0, 80))}`)
    }
    if (value === null || value === undefined) next.delete(type)
    else next.set(type, countOf(value, product, type))
  }
  return new Map(COUNTED.flatMap((type) => (next.has(type) ? [[type, next.get(type)!] as const] : [])))
}

function countOf(value: Json, product: string, type: CountedSeat): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST) return value as number
  throw invalid(`The ${type} seats of ${product} are a whole number from 0 to ${MOST}, or null for unlimited`)
}

function invalid(sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { reason: 'licence.invalid', params: { path: 'licence' } })
}
