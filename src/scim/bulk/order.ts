import type { BulkOperation } from './envelope.ts'

/**
 * The operations in an order in which each comes after those it refers to (RFC 7644 §3.7.2), otherwise as they stand in
 * the request: order can be the client's intent. Operations that refer to each other in a circle come together.
 * Linear in operations and references (Tarjan's strongly connected components, which come out in this very order).
 */
export function inOrder(operations: readonly BulkOperation[]): readonly (readonly BulkOperation[])[] {
  const makers = new Map<string, BulkOperation>()
  for (const operation of operations) {
    if (operation.method === 'POST' && operation.bulkId !== undefined) makers.set(operation.bulkId, operation)
  }
  const search = new CircleSearch(makers)
  for (const operation of operations) search.visit(operation)
  return search.circles
}

interface Visit {
  readonly number: number
  /** The least number that can be reached from here within the circle being looked at. */
  low: number
  open: boolean
}

class CircleSearch {
  readonly circles: (readonly BulkOperation[])[] = []
  readonly #makers: ReadonlyMap<string, BulkOperation>
  readonly #visits = new Map<BulkOperation, Visit>()
  readonly #open: BulkOperation[] = []

  constructor(makers: ReadonlyMap<string, BulkOperation>) {
    this.#makers = makers
  }

  /** Depth first; never deeper than there are operations. */
  visit(operation: BulkOperation): Visit {
    const known = this.#visits.get(operation)
    if (known !== undefined) return known
    const visit: Visit = { number: this.#visits.size, low: this.#visits.size, open: true }
    this.#visits.set(operation, visit)
    this.#open.push(operation)
    for (const bulkId of operation.references) {
      const maker = this.#makers.get(bulkId)
      const next = maker === undefined ? undefined : this.visit(maker)
      if (next?.open === true) visit.low = Math.min(visit.low, next.low)
    }
    if (visit.low === visit.number) this.#close(operation)
    return visit
  }

  #close(first: BulkOperation): void {
    const circle = this.#open.splice(this.#open.lastIndexOf(first))
    for (const each of circle) this.#visits.get(each)!.open = false
    this.circles.push(circle.sort((one, other) => one.index - other.index))
  }
}
