import { expect } from 'chai'
import fc from 'fast-check'
import type { UserId } from '../../src/domain/ids.ts'
import { SEAT_TYPES, type SeatType } from '../../src/domain/seat.ts'
import { allocate, type HeldSeat, type SeatsLeft, type SeatTurn } from '../../src/domain/seat-allocation.ts'

const NOW = 1_000
const type = fc.constantFrom<SeatType>(...SEAT_TYPES)
const rank = (each: SeatType): number => -SEAT_TYPES.indexOf(each)

/** A held seat is at most what was wanted. */
const heldSeat: fc.Arbitrary<HeldSeat> = fc
  .record({ wanted: type, given: type, since: fc.integer({ min: 0, max: NOW - 1 }) })
  .map((seat) => (rank(seat.given) > rank(seat.wanted) ? { ...seat, given: seat.wanted } : seat))

const turnsOf = (held: fc.Arbitrary<HeldSeat | undefined>): fc.Arbitrary<readonly SeatTurn[]> =>
  fc
    .array(fc.record({ wanted: type, held }), { maxLength: 8 })
    .map((list) =>
      list.map((turn, n) => ({ ...turn, user: `u${n}` as UserId, product: 'models', allowed: SEAT_TYPES })),
    )

interface Licence {
  readonly full: number | undefined
  readonly viewer: number | undefined
}

const cap = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined })
const licence: fc.Arbitrary<Licence> = fc.record({ full: cap, viewer: cap })

function seatsOf(bought: Licence, used: (type: SeatType) => number): SeatsLeft {
  return {
    left: ({ type: of }) => {
      const most = of === 'none' ? undefined : bought[of]
      return most === undefined ? undefined : most - used(of)
    },
    waiting: () => [],
  }
}

function countOf(given: readonly Pick<HeldSeat, 'given'>[], of: SeatType): number {
  return given.filter((seat) => seat.given === of).length
}

/** What the turns held of each type before. */
function heldBefore(turns: readonly SeatTurn[]): (of: SeatType) => number {
  return (of) => turns.filter(({ held }) => held?.given === of).length
}

describe('giving seats', () => {
  const situation = fc.record({ turns: turnsOf(fc.option(heldSeat, { nil: undefined })), bought: licence })

  it('never gives more than was bought, unless more were in use already, and never more than is wanted', () => {
    fc.assert(
      fc.property(situation, ({ turns, bought }) => {
        const before = heldBefore(turns)
        const { given } = allocate(turns, seatsOf(bought, before), NOW)
        for (const of of ['full', 'viewer'] as const) {
          const most = Math.max(bought[of] ?? Number.MAX_SAFE_INTEGER, before(of))
          expect(countOf(given, of)).to.be.at.most(most)
        }
        turns.forEach(({ wanted }, index) => {
          expect(rank(given[index]!.given)).to.be.at.most(rank(wanted))
        })
      }),
    )
  })

  it('takes nothing from anybody that is still wanted', () => {
    fc.assert(
      fc.property(situation, ({ turns, bought }) => {
        const { given } = allocate(turns, seatsOf(bought, heldBefore(turns)), NOW)
        turns.forEach(({ wanted, held }, index) => {
          if (held === undefined || rank(held.given) > rank(wanted)) return
          expect(rank(given[index]!.given)).to.be.at.least(rank(held.given))
        })
      }),
    )
  })

  it('changes nothing when it is done again', () => {
    fc.assert(
      fc.property(situation, ({ turns, bought }) => {
        const once = allocate(turns, seatsOf(bought, heldBefore(turns)), NOW).given
        const again = turns.map((turn, index) => ({ ...turn, held: once[index]! }))
        const twice = allocate(again, seatsOf(bought, heldBefore(again)), NOW + 1)
        expect(twice.given).to.deep.equal(once)
      }),
    )
  })

  it('does not depend on the order in which people are looked at', () => {
    fc.assert(
      fc.property(situation, ({ turns, bought }) => {
        const seats = seatsOf(bought, heldBefore(turns))
        const byUser = (list: readonly SeatTurn[]) => {
          const { given } = allocate(list, seats, NOW)
          return new Map(list.map(({ user }, index) => [user, given[index]!.given]))
        }
        const reversed = byUser([...turns].reverse())
        for (const [user, given] of byUser(turns)) expect(reversed.get(user)).to.equal(given)
      }),
    )
  })

  it('lets nobody go without a full seat while somebody who wants it less long got one', () => {
    fc.assert(
      fc.property(situation, ({ turns, bought }) => {
        const { given } = allocate(turns, seatsOf(bought, heldBefore(turns)), NOW)
        const fresh = given.flatMap((seat, index) => {
          return seat.given === 'full' && turns[index]!.held?.given !== 'full' ? [seat.since] : []
        })
        for (const seat of given) {
          if (seat.wanted !== 'full' || seat.given === 'full') continue
          for (const since of fresh) expect(since).to.be.at.most(seat.since)
        }
      }),
    )
  })
})
