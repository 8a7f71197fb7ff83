import { setImmediate } from 'node:timers/promises'
import type { Submitted } from '../../domain/ports.ts'
import type { WriteStores } from '../../domain/write-ports.ts'
import type { ScimContext } from '../context.ts'
import type { BulkEntry, BulkOperation, BulkRequest } from './envelope.ts'
import { inOrder } from './order.ts'
import { BulkStep, type Made, type Written } from './step.ts'

/** What became of one operation. */
export type Outcome = { readonly written: Written } | { readonly error: unknown }

/** So many steps are queued together, for the store to commit together; then everybody else gets a turn. */
const WINDOW = 16

/** An operation that came after the last error that was asked to be put up with. */
class NotTried extends Error {}

/** A step with its place in the order, or an entry that cannot be tried, in its place. */
interface Planned {
  readonly step: BulkStep | undefined
  readonly entries: readonly BulkEntry[]
}

/**
 * Runs a Bulk request (RFC 7644 §3.7): each operation in a unit of work of its own, in order, so that each is whole
 * whatever becomes of the others. Units are queued ahead and find out when their turn comes what they refer to and
 * whether they are to be tried at all, so that the store can commit many at once.
 * @returns the outcome of every operation that was tried; with `failOnErrors` the others have none
 */
export async function runBulk(ctx: ScimContext, request: BulkRequest): Promise<ReadonlyMap<BulkEntry, Outcome>> {
  const run = new BulkRun(ctx, request)
  await run.run()
  return run.outcomes
}

class BulkRun {
  readonly outcomes = new Map<BulkEntry, Outcome>()
  readonly #ctx: ScimContext
  readonly #failOnErrors: number
  readonly #made: Made
  readonly #plan: readonly Planned[]
  /** Errors by place in the plan. A unit that runs again after a lost race says anew what it came to. */
  readonly #errors = new Map<number, number>()

  constructor(ctx: ScimContext, { entries, failOnErrors }: BulkRequest) {
    this.#ctx = ctx
    this.#failOnErrors = failOnErrors
    this.#made = { ids: new Map(), failed: new Set() }
    for (const { operation, method, bulkId } of entries) {
      if (operation === undefined && method === 'POST' && bulkId !== undefined) this.#made.failed.add(bulkId)
    }
    this.#plan = this.#planOf(entries)
  }

  /** Entries that cannot be tried stand before what comes after them in the request. */
  #planOf(entries: readonly BulkEntry[]): readonly Planned[] {
    const broken = entries.filter(({ operation }) => operation === undefined)
    const operations = entries.flatMap(({ operation }) => (operation === undefined ? [] : [operation]))
    const plan: Planned[] = []
    for (const circle of inOrder(operations)) {
      const first = circle[0]?.index ?? 0
      while ((broken[0]?.index ?? Infinity) < first) plan.push({ step: undefined, entries: broken.splice(0, 1) })
      const step = new BulkStep(this.#ctx, circle, this.#made)
      plan.push({ step, entries: circle.map(({ index }) => entries[index]!) })
    }
    return [...plan, ...broken.map((entry): Planned => ({ step: undefined, entries: [entry] }))]
  }

  async run(): Promise<void> {
    for (let at = 0; at < this.#plan.length && !this.#isOver(at); at += WINDOW) {
      const window = this.#plan.slice(at, at + WINDOW)
      window.forEach(({ step }, offset) => {
        if (step === undefined) this.#errors.set(at + offset, 1)
      })
      await Promise.all(window.map((planned, offset) => this.#try(planned, at + offset)))
      window.forEach((planned, offset) => {
        this.#settleBroken(planned, at + offset)
      })
      // Between two windows everybody else gets a turn.
      await setImmediate()
    }
  }

  /** Only now is it known whether what came before them left them a turn. */
  #settleBroken({ step, entries }: Planned, place: number): void {
    if (step !== undefined || this.#isOver(place)) return
    for (const entry of entries) this.outcomes.set(entry, { error: entry.problem })
  }

  /** Whether enough errors came before a place. */
  #isOver(place: number): boolean {
    if (this.#failOnErrors === Infinity) return false
    let errors = 0
    for (const [at, count] of this.#errors) if (at < place) errors += count
    return errors >= this.#failOnErrors
  }

  async #try({ step, entries }: Planned, place: number): Promise<void> {
    if (step === undefined) return
    try {
      const written = await this.#submit(step, place)
      for (const entry of entries) this.outcomes.set(entry, { written: written.get(entry.operation!)! })
    } catch (error) {
      if (error instanceof NotTried) return
      this.#fail(step, place)
      for (const entry of entries) this.outcomes.set(entry, { error: step.errorOf(entry.operation!, error) })
    }
  }

  #submit(step: BulkStep, place: number): Promise<ReadonlyMap<BulkOperation, Written>> {
    const { provisioning } = this.#ctx.ports
    const unit = async (stores: WriteStores): Promise<ReadonlyMap<BulkOperation, Written>> => {
      this.#errors.delete(place)
      if (this.#isOver(place)) throw new NotTried()
      try {
        return await step.run(stores, submitted.durable)
      } catch (error) {
        this.#fail(step, place)
        throw error
      }
    }
    const submitted: Submitted<ReadonlyMap<BulkOperation, Written>> = provisioning.work.submit(
      this.#ctx.caller.orgId,
      unit,
      (stores, error) => step.refused(stores, error),
    )
    return submitted.durable
  }

  #fail(step: BulkStep, place: number): void {
    this.#errors.set(place, step.operations.length)
    for (const { method, bulkId = '' } of step.operations) {
      if (method !== 'POST') continue
      this.#made.ids.delete(bulkId)
      this.#made.failed.add(bulkId)
    }
  }
}
