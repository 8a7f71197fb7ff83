import type { UserId } from '../domain/ids.ts'
import type { ReconcileContext } from '../domain/reconcile.ts'
import type { SeatUse } from '../domain/seat-allocation.ts'
import type { Licence } from '../domain/seat.ts'
import { type Effect, isLoss } from './reconcile-people.ts'

/** How many seats of a type there are, and would be. */
export interface SeatForecast {
  readonly product: string
  readonly type: string
  readonly usedNow: number
  readonly wantedThen: number
  /** null where the licence states no number. */
  readonly bought: number | null
  readonly missing: number
}

/** People by what becomes of their access; who gains one thing and loses another is counted twice. */
export interface PreviewCounts {
  readonly changed: number
  readonly gaining: number
  readonly losing: number
  readonly adminsBefore: number
  readonly adminsAfter: number
  /** Custom roles that stand equally high for somebody, by team: only their ids decide. */
  readonly ties: readonly { readonly team: string; readonly roles: string }[]
}

const MAX_TIES = 50

/** Sums of a preview: of the people nothing else is kept. */
export class PreviewTotals {
  readonly #admins: Set<UserId>
  readonly #adminsBefore: number
  readonly #seats = new Map<string, number>()
  readonly #ties = new Map<string, { readonly team: string; readonly roles: string }>()
  #changed = 0
  #gaining = 0
  #losing = 0

  /** @param admins the active admins of the org as it is */
  constructor(admins: readonly UserId[]) {
    this.#admins = new Set(admins)
    this.#adminsBefore = admins.length
  }

  add(
    user: UserId,
    changes: readonly Pick<Effect, 'kind' | 'target' | 'old' | 'new'>[],
    context: ReconcileContext,
  ): void {
    if (changes.length === 0) return
    this.#changed++
    const losses = changes.filter((change) => isLoss(change, context)).length
    if (losses > 0) this.#losing++
    if (losses < changes.length) this.#gaining++
    for (const { kind, target, old, new: next } of changes) {
      if (kind === 'org_role' && old === 'admin') this.#admins.delete(user)
      if (kind === 'org_role' && next === 'admin') this.#admins.add(user)
      if (kind !== 'seat') continue
      if (old !== null) this.#count(target, old, -1)
      if (next !== null) this.#count(target, next, 1)
    }
  }

  tie(pairs: readonly (readonly [string, string])[]): void {
    for (const [team, roles] of pairs) {
      if (this.#ties.size < MAX_TIES) this.#ties.set(`${team} ${roles}`, { team, roles })
    }
  }

  #count(product: string, type: string, by: number): void {
    const key = `${product} ${type}`
    this.#seats.set(key, (this.#seats.get(key) ?? 0) + by)
  }

  counts(): PreviewCounts {
    return {
      ...{ changed: this.#changed, gaining: this.#gaining, losing: this.#losing },
      ...{ adminsBefore: this.#adminsBefore, adminsAfter: this.#admins.size, ties: [...this.#ties.values()] },
    }
  }

  /** @param licence that of the change, where it is one of the licence */
  seats(now: readonly SeatUse[], licence: Licence | undefined): readonly SeatForecast[] {
    const keys = new Set([...now.map(({ product, type }) => `${product} ${type}`), ...this.#seats.keys()])
    return [...keys].sort().map((key) => {
      const [product = '', type = ''] = key.split(' ')
      const use = now.find((each) => each.product === product && each.type === type)
      const bought = licence === undefined ? use?.bought : licence.get(product)?.get(type as 'full')
      const usedNow = use === undefined ? 0 : use.used + use.reserved
      const wantedThen = usedNow + (this.#seats.get(key) ?? 0)
      const missing = bought === undefined ? 0 : Math.max(0, wantedThen - bought)
      return { product, type, usedNow, wantedThen, bought: bought ?? null, missing }
    })
  }

  warnings(seats: readonly SeatForecast[]): readonly string[] {
    const short = seats
      .filter(({ missing }) => missing > 0)
      .map(
        ({ product, type, missing, bought }) =>
          `${missing} ${type} seats of ${product} are missing: ${bought} are bought`,
      )
    const last =
      this.#adminsBefore > 0 && this.#admins.size === 0
        ? ['The organization would have no admin left: saving this will be refused']
        : []
    return [...last, ...short]
  }
}
