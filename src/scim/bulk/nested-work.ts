import type { OrgId } from '../../domain/ids.ts'
import type { OnRefusal, Submitted, UnitOfWork } from '../../domain/ports.ts'
import type { WriteStores } from '../../domain/write-ports.ts'

/**
 * Runs what a use case submits at once, within a unit of work that runs already. So an operation can be read, and what
 * it refers to looked up, when its turn has come, and several use cases can make one whole.
 */
export class NestedWork implements UnitOfWork {
  readonly #stores: WriteStores
  readonly #committed: Promise<unknown>
  /** What the use case submitted last wants done when the whole unit is refused. */
  onRefusal: OnRefusal | undefined

  /** @param committed settles with the transaction of the unit that runs already */
  constructor(stores: WriteStores, committed: Promise<unknown>) {
    this.#stores = stores
    this.#committed = committed
  }

  submit<T>(_orgId: OrgId, unit: (stores: WriteStores) => Promise<T>, onRefusal?: OnRefusal): Submitted<T> {
    this.onRefusal = onRefusal
    const value = unit(this.#stores)
    const durable = this.#committed.then(() => value)
    // The unit around it tells of the failure; nobody need listen here.
    durable.catch(() => undefined)
    return { value, durable }
  }

  found(): never {
    throw new Error('An org is not founded within a unit of work')
  }
}
