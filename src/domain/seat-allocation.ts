import type { OrgId, UserId } from './ids.ts'
import type { Source } from './reconcile.ts'
import { type CountedSeat, SEAT_TYPES, type SeatType, typesUpTo } from './seat.ts'

/** What a person holds of a product, and since when (epoch milliseconds) they want it. */
export interface HeldSeat {
  readonly wanted: SeatType
  readonly given: SeatType
  readonly since: number
}

/** What a person holds of a product: the type wanted, the type given, and since when (epoch milliseconds) it is wanted. */
export interface StoredSeat {
  readonly wanted: string
  readonly given: string
  readonly since: number
  readonly source: string
}

/** What a person is to hold of a product, and what wants it. */
export interface GivenSeat extends HeldSeat {
  readonly by: Source
}

/** Seats that the licence counts and nobody holds; negative where more are in use than were bought. */
export interface SeatsLeftRow {
  readonly product: string
  readonly type: SeatType
  readonly left: number
}

/** A person and a product: what is wanted, and what is held so far. */
export interface SeatTurn {
  readonly user: UserId
  readonly product: string
  readonly wanted: SeatType
  /** Types that the person's org role may hold. */
  readonly allowed: readonly SeatType[]
  /** undefined where the person holds nothing of the product and waits for nothing. */
  readonly held: HeldSeat | undefined
}

/** Somebody who has less than is wanted for them. */
export interface WaitingPerson {
  readonly user: UserId
  readonly since: number
}

/** A type of seat of a product. */
export interface SeatKey {
  readonly product: string
  readonly type: SeatType
}

/** The seats that are not taken. */
export interface SeatsLeft {
  /** How many seats are left; undefined where the licence states no number, negative where more are in use. */
  left(key: SeatKey): number | undefined
  /** Others who wait for such a seat, the longest first; as many as there are seats left at least. */
  waiting(key: SeatKey): readonly WaitingPerson[]
}

/** How many seats of a product and type there are. */
export interface SeatUse {
  readonly product: string
  readonly type: CountedSeat
  /** undefined where the licence states no number. */
  readonly bought: number | undefined
  /** Held by people who are active. */
  readonly used: number
  /** Held by invited people who have not arrived. */
  readonly reserved: number
  /** Not taken; negative while more are in use than were bought; undefined where the licence states no number. */
  readonly left: number | undefined
  /** People who want one and have less. */
  readonly waiting: number
}

/** Somebody who waits for a seat. Times are epoch milliseconds. */
export interface WaitingForSeat {
  readonly user: UserId
  readonly userName: string
  readonly wanted: SeatType
  readonly given: SeatType
  readonly since: number
}

/** Seats to look at. */
export interface SeatReads {
  /** Every product of the org with its counted types. */
  use(orgId: OrgId): Promise<readonly SeatUse[]>
  /** Who waits for more of a product than they have, the longest first, after one of them. */
  waiting(
    orgId: OrgId,
    product: string,
    after: WaitingPerson | undefined,
    limit: number,
  ): Promise<readonly WaitingForSeat[]>
}

export interface Allocation {
  /** What each turn comes to, in the order of the turns. */
  readonly given: readonly HeldSeat[]
  /** What was given back and nobody of the turns took. */
  readonly freed: readonly SeatKey[]
}

/**
 * Gives seats to people. First everything that is no longer wanted comes back; then those who want more than they hold
 * get it, the longest waiting first and behind others who wait longer; who cannot have the wanted type gets the next
 * lower that is free. Nobody loses a seat that is wanted, also where more are in use than were bought.
 */
export function allocate(turns: readonly SeatTurn[], seats: SeatsLeft, at: number): Allocation {
  const stock = new Stock(seats)
  const given = turns.map(({ wanted, held }): HeldSeat => ({
    wanted,
    given: held?.given ?? 'none',
    since: held?.wanted === wanted ? held.since : at,
  }))
  turns.forEach(({ product, wanted }, index) => {
    const now = given[index]!
    if (rank(now.given) <= rank(wanted)) return
    stock.giveBack({ product, type: now.given })
    given[index] = { ...now, given: 'none' }
  })
  // Who moves up leaves a lower seat, which somebody looked at before may want.
  for (let moved = true; moved;) {
    moved = false
    for (const index of inOrder(turns, given)) {
      const now = given[index]!
      const next = stock.take(turns[index]!, now)
      if (next === now.given) continue
      given[index] = { ...now, given: next }
      moved = true
    }
  }
  return { given, freed: stock.freed() }
}

/** Those who want more than they hold, the longest waiting first. */
function inOrder(turns: readonly SeatTurn[], given: readonly HeldSeat[]): readonly number[] {
  return given
    .flatMap((seat, index) => (seat.given === seat.wanted ? [] : [index]))
    .sort((a, b) => (isAhead(personAt(a), personAt(b)) ? -1 : 1))

  function personAt(index: number): WaitingPerson {
    return { user: turns[index]!.user, since: given[index]!.since }
  }
}

class Stock {
  readonly #seats: SeatsLeft
  readonly #moved = new Map<string, { readonly key: SeatKey; by: number }>()

  constructor(seats: SeatsLeft) {
    this.#seats = seats
  }

  giveBack(key: SeatKey): void {
    this.#move(key, 1)
  }

  /** The highest type that is to be had, which is at least what is held already. */
  take({ user, product, allowed }: SeatTurn, { wanted, given, since }: HeldSeat): SeatType {
    for (const type of typesUpTo(wanted, allowed)) {
      if (rank(type) <= rank(given)) return given
      const key = { product, type }
      if (!this.#isFree(key, { user, since })) continue
      this.#move(key, -1)
      this.#move({ product, type: given }, 1)
      return type
    }
    return given
  }

  freed(): readonly SeatKey[] {
    return [...this.#moved.values()].filter(({ key, by }) => by > 0 && (this.#left(key) ?? 0) > 0).map(({ key }) => key)
  }

  #isFree(key: SeatKey, person: WaitingPerson): boolean {
    if (key.type === 'none') return true
    const left = this.#left(key)
    if (left === undefined) return true
    if (left <= 0) return false
    const ahead = this.#seats.waiting(key).filter((other) => isAhead(other, person)).length
    return left > ahead
  }

  #left(key: SeatKey): number | undefined {
    const left = this.#seats.left(key)
    return left === undefined ? undefined : left + (this.#moved.get(textOf(key))?.by ?? 0)
  }

  #move(key: SeatKey, by: number): void {
    if (key.type === 'none') return
    const moved = this.#moved.get(textOf(key)) ?? { key, by: 0 }
    moved.by += by
    this.#moved.set(textOf(key), moved)
  }
}

function isAhead(a: WaitingPerson, b: WaitingPerson): boolean {
  return a.since === b.since ? a.user < b.user : a.since < b.since
}

function textOf({ product, type }: SeatKey): string {
  return `${product} ${type}`
}

function rank(type: SeatType): number {
  return -SEAT_TYPES.indexOf(type)
}
