import { DomainError } from '../domain/errors.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { OrgPolicy } from '../domain/org-policy.ts'
import type { Desired } from '../domain/reconcile.ts'
import type { SeatType } from '../domain/seat.ts'
import {
  allocate,
  type GivenSeat,
  type HeldSeat,
  type SeatKey,
  type SeatTurn,
  type WaitingPerson,
} from '../domain/seat-allocation.ts'
import type { HeldAccess } from '../domain/held-access.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** A person whose seats are to be given. */
export interface SeatDemand {
  readonly user: UserId
  readonly held: HeldAccess
  readonly desired: Desired
}

export interface GivenSeats {
  readonly byUser: ReadonlyMap<UserId, ReadonlyMap<string, GivenSeat>>
  /** Counted seats that came back, and that others may be waiting for. */
  readonly freed: readonly SeatKey[]
}

export interface SeatRequest {
  readonly orgId: OrgId
  readonly policy: OrgPolicy
  readonly people: readonly SeatDemand[]
  /** Present where the request itself asks for the seats, rather than a group, a rule or a job. */
  readonly asked: AskedSeats | undefined
}

/** What a request asks of seats: whatever is newly wanted by it, and in any case those of the products that it names. */
export interface AskedSeats {
  readonly products: readonly string[]
}

/**
 * What each person gets of the seats that are wanted for them. Without a licence that is what they want, and nothing is
 * asked.
 * @throws DomainError `seat-limit` when the request asks for a seat that is not left, and the org refuses such
 */
export async function allocateSeats(stores: WriteStores, request: SeatRequest): Promise<GivenSeats> {
  const { orgId, policy, people, asked } = request
  const nobodyCounts = { byUser: givenTo(people, (turn) => wantedSeat(turn, stores.now)), freed: [] }
  if (policy.licence.size === 0) return nobodyCounts
  const turns = people.flatMap((person) => turnsOf(person, policy))
  const products = productsInQuestion(policy, turns)
  if (products.length === 0) return nobodyCounts
  const seats = await seatsLeft(stores, orgId, turns, products)
  const counted = turns.filter(({ product }) => policy.licence.has(product))
  const { given, freed } = allocate(counted, seats, stores.now)
  const bySeat = new Map(counted.map((turn, index) => [`${turn.user} ${turn.product}`, given[index]!] as const))
  if (asked !== undefined && policy.settings.seatPolicy === 'refuse') {
    const wantedNow = counted.filter(
      ({ held, wanted, product }) => held?.wanted !== wanted || asked.products.includes(product),
    )
    for (const turn of wantedNow)
      checkGiven(policy, (key) => seats.left(key), turn, bySeat.get(`${turn.user} ${turn.product}`)!)
  }
  const seatOf = (turn: SeatTurn) => bySeat.get(`${turn.user} ${turn.product}`) ?? wantedSeat(turn, stores.now)
  return { byUser: givenTo(people, seatOf), freed }
}

/** Also products the person is to hold nothing of any more: their seats come back. */
function turnsOf({ user, held, desired }: SeatDemand, policy: OrgPolicy): readonly SeatTurn[] {
  const products = new Set([...held.seats.keys(), ...desired.seats.keys()])
  const allowed = desired.orgRole === 'none' ? undefined : policy.settings.seatTypes[desired.orgRole]
  return [...products].map((product) => ({
    ...{ user, product, wanted: desired.seats.get(product)?.type ?? 'none' },
    allowed: allowed ?? policy.settings.seatTypes.member,
    held: heldSeat(held.seats.get(product)),
  }))
}

function heldSeat(seat: { readonly wanted: string; readonly given: string; readonly since: number } | undefined) {
  return seat && { wanted: seat.wanted as SeatType, given: seat.given as SeatType, since: seat.since }
}

/** Licensed products of which somebody holds other than is wanted. */
function productsInQuestion({ licence }: OrgPolicy, turns: readonly SeatTurn[]): readonly string[] {
  const moving = turns.filter(({ wanted, held }) => (held?.given ?? 'none') !== wanted)
  return [...new Set(moving.map(({ product }) => product).filter((product) => licence.has(product)))]
}

async function seatsLeft(
  stores: WriteStores,
  orgId: OrgId,
  turns: readonly SeatTurn[],
  products: readonly string[],
): Promise<{ left(key: SeatKey): number | undefined; waiting(key: SeatKey): readonly WaitingPerson[] }> {
  const counters = await stores.access.seatsLeft(orgId)
  const own = new Set(turns.map(({ user }) => user))
  const waiting = new Map<string, readonly WaitingPerson[]>()
  for (const { product, type, left } of counters) {
    // Where nothing is left, what a turn gives back is another's only if that one waits longer: then too it is asked.
    if (!products.includes(product)) continue
    const most = Math.max(0, left) + turns.length
    const people = await stores.access.waiting(orgId, { product, type }, most)
    waiting.set(
      `${product} ${type}`,
      people.filter(({ user }) => !own.has(user)),
    )
  }
  return {
    left: ({ product, type }) => counters.find((each) => each.product === product && each.type === type)?.left,
    waiting: ({ product, type }) => waiting.get(`${product} ${type}`) ?? [],
  }
}

function wantedSeat({ wanted, held }: SeatTurn, at: number): HeldSeat {
  return { wanted, given: wanted, since: held?.wanted === wanted ? held.since : at }
}

function givenTo(people: readonly SeatDemand[], seatOf: (turn: SeatTurn) => HeldSeat): GivenSeats['byUser'] {
  return new Map(
    people.map(({ user, held, desired }) => [
      user,
      new Map(
        Array.from(desired.seats, ([product, { type, by }]) => {
          const turn = { user, product, wanted: type, allowed: [], held: heldSeat(held.seats.get(product)) }
          return [product, { ...seatOf(turn), by }] as const
        }),
      ),
    ]),
  )
}

function checkGiven(
  { licence }: OrgPolicy,
  left: (key: SeatKey) => number | undefined,
  { product, wanted }: SeatTurn,
  { given }: HeldSeat,
): void {
  if (given === wanted || wanted === 'none') return
  const bought = licence.get(product)?.get(wanted) ?? 0
  const taken = bought - (left({ product, type: wanted }) ?? 0)
  throw new DomainError(
    'seat-limit',
    `Seat limit reached: ${taken} of ${bought} ${wanted} seats of ${product} are taken`,
    { reason: 'seat.limit', params: { product, type: wanted, taken, bought } },
  )
}

/** Who waits the longest for seats that came back: no more people than there are seats left. */
export async function nextInLine(
  stores: WriteStores,
  orgId: OrgId,
  freed: readonly SeatKey[],
): Promise<readonly UserId[]> {
  const counters = await stores.access.seatsLeft(orgId)
  const next = new Set<UserId>()
  for (const { product, type, left } of counters) {
    if (left <= 0 || !freed.some((each) => each.product === product && each.type === type)) continue
    for (const { user } of await stores.access.waiting(orgId, { product, type }, left)) next.add(user)
  }
  return [...next]
}
