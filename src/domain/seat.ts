/** What a paid place of a product lets its holder do. `none` is no place. */
export type SeatType = 'full' | 'viewer' | 'none'

/** Every type of seat, the highest first. */
export const SEAT_TYPES: readonly SeatType[] = ['full', 'viewer', 'none']

/** The types a licence can count. */
export type CountedSeat = 'full' | 'viewer'

/** Bought seats: product → type → how many. What is not stated is unlimited; only `full` and `viewer` are counted. */
export type Licence = ReadonlyMap<string, ReadonlyMap<CountedSeat, number>>

/** Whether a value is a type of seat. */
export function isSeatType(value: unknown): value is SeatType {
  return value === 'full' || value === 'viewer' || value === 'none'
}

/** The types up to a wanted one that a role may hold, the highest first; `none` everybody may hold. */
export function typesUpTo(wanted: SeatType, allowed: readonly SeatType[] = SEAT_TYPES): readonly SeatType[] {
  return SEAT_TYPES.slice(SEAT_TYPES.indexOf(wanted)).filter((type) => type === 'none' || allowed.includes(type))
}
