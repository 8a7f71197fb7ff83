import { DomainError } from '../../domain/errors.ts'
import type { Group } from '../../domain/group.ts'
import type { RecordId } from '../../domain/ids.ts'
import type { CustomRole } from '../../domain/role.ts'
import type { User } from '../../domain/user.ts'
import type { WriteStores } from '../../domain/write-ports.ts'
import { HttpProblem } from '../../http/http-problem.ts'
import type { ScimContext } from '../context.ts'
import type { ResourceKind } from '../endpoint.ts'
import { shown } from '../filter/resolve.ts'
import { groupWrites } from '../group-writes.ts'
import type { ResourceWrites } from '../resource-writes.ts'
import { roleWrites } from '../role-writes.ts'
import { userWrites } from '../user-writes.ts'
import type { BulkOperation } from './envelope.ts'
import { NestedWork } from './nested-work.ts'
import { type KnownIds, referenceIn, resolveReferences } from './references.ts'

/** What an operation wrote. */
export interface Written {
  readonly status: 200 | 201 | 204
  readonly id: string
  /** Absent where the resource is gone. */
  readonly version: number | undefined
}

/** What became of each bulkId of the request: its id once made, or that it was not. */
export interface Made {
  readonly ids: Map<string, string>
  /** bulkIds of operations that failed, or cannot be tried. */
  readonly failed: Set<string>
}

const WRITES: Readonly<Record<ResourceKind, ResourceWrites<User | Group | CustomRole>>> = {
  User: userWrites,
  Group: groupWrites,
  Role: roleWrites,
}

/** More operations than this in one circle would hold the org's other writes up: they are one unit of work. */
const MAX_CIRCLE = 32

/**
 * What runs as one unit of work: one operation, or a circle of them (RFC 7644 §3.7.2). A circle is entered by making its
 * resources without the references that are open, and completed by stating them; all of it stays or none.
 */
export class BulkStep {
  readonly operations: readonly BulkOperation[]
  readonly #ctx: ScimContext
  readonly #made: Made
  #nested: NestedWork | undefined
  #current: BulkOperation | undefined

  constructor(ctx: ScimContext, operations: readonly BulkOperation[], made: Made) {
    this.#ctx = ctx
    this.operations = operations
    this.#made = made
  }

  /** What one of the operations is told when the unit failed: in a circle only one of them is at fault. */
  errorOf(operation: BulkOperation, error: unknown): unknown {
    const isOurs = error instanceof HttpProblem || (error instanceof DomainError && error.code !== 'unavailable')
    if (!isOurs || this.#current === undefined || this.#current === operation) return error
    return unresolved(`Operations[${this.#current.index}] failed, and this one is in a circle of references with it.`)
  }

  /**
   * The unit of work. It may run again after a lost race, and then decides everything anew.
   * @param committed settles with the transaction
   */
  async run(stores: WriteStores, committed: Promise<unknown>): Promise<ReadonlyMap<BulkOperation, Written>> {
    const trace: Trace = { first: undefined, cause: undefined }
    const nested = new NestedWork(traced(stores, trace), committed)
    this.#nested = nested
    this.#forget()
    this.#refuseHuge()
    const written = new Map<BulkOperation, Written>()
    const incomplete = new Map<BulkOperation, RecordId | undefined>()
    for (const operation of this.operations) {
      const open = this.#openReferences(this.#begin(operation))
      trace.first = undefined
      const result = await write(this.#contextOf(operation, nested), operation, this.#made.ids)
      written.set(operation, result)
      if (operation.method === 'POST') this.#made.ids.set(operation.bulkId ?? '', result.id)
      if (open.length > 0) incomplete.set(operation, trace.first)
    }
    for (const [operation, cause] of incomplete) {
      trace.cause = cause
      const { id } = written.get(this.#begin(operation))!
      written.set(operation, await complete(this.#contextOf(operation, nested), { operation, id, ids: this.#made.ids }))
    }
    return written
  }

  /** What is still written when the unit was refused and rolled back: the record of the refusal. */
  async refused(stores: WriteStores, error: unknown): Promise<void> {
    await this.#nested?.onRefusal?.(stores, error)
  }

  /** Takes back what a former attempt said. */
  #forget(): void {
    this.#current = undefined
    for (const { method, bulkId = '' } of this.operations) {
      if (method !== 'POST') continue
      this.#made.ids.delete(bulkId)
      this.#made.failed.delete(bulkId)
    }
  }

  #begin(operation: BulkOperation): BulkOperation {
    this.#current = operation
    if (this.#nested !== undefined) this.#nested.onRefusal = undefined
    return operation
  }

  #refuseHuge(): void {
    if (this.operations.length <= MAX_CIRCLE) return
    throw unresolved(
      `${this.operations.length} operations refer to each other in a circle; send at most ${MAX_CIRCLE}.`,
    )
  }

  /** References within this step's circle whose resource comes later. @throws those that nothing can resolve */
  #openReferences({ references }: BulkOperation): readonly string[] {
    const open = [...references].filter((bulkId) => !this.#made.ids.has(bulkId))
    const own = new Set(this.operations.map(({ method, bulkId }) => (method === 'POST' ? bulkId : undefined)))
    for (const bulkId of open) {
      if (this.#made.failed.has(bulkId))
        throw unresolved(`The operation of bulkId ${shown(bulkId)}, which this one refers to, failed.`)
      if (!own.has(bulkId))
        throw new DomainError('invalid-value', `No POST operation of this request has the bulkId ${shown(bulkId)}.`)
    }
    return open
  }

  #contextOf({ index, ifMatch }: BulkOperation, nested: NestedWork): ScimContext {
    const { ports, caller } = this.#ctx
    return {
      ...this.#ctx,
      ports: { ...ports, provisioning: { ...ports.provisioning, work: nested } },
      caller: { ...caller, request: { ...caller.request, bulkIndex: index } },
      query: {},
      ifMatch,
      ifNoneMatch: undefined,
    }
  }
}

/** The records of a step: the first since it was asked for, and what further ones name as what led to them. */
interface Trace {
  first: RecordId | undefined
  cause: RecordId | undefined
}

/** The same stores, whose journal follows the records: what completes a circle comes of what entered it. */
function traced(stores: WriteStores, trace: Trace): WriteStores {
  const { journal } = stores
  return {
    ...stores,
    journal: {
      ...journal,
      async append(orgId, draft) {
        const appended = await journal.append(
          orgId,
          trace.cause === undefined ? draft : { cause: trace.cause, ...draft },
        )
        trace.first ??= appended.id
        return appended
      },
    },
  }
}

/** RFC 7644 §3.7.2: a reference that cannot be resolved is 409. */
function unresolved(detail: string): HttpProblem {
  return new HttpProblem(409, detail, {}, 'invalidValue')
}

async function write(ctx: ScimContext, operation: BulkOperation, ids: KnownIds): Promise<Written> {
  const writes = WRITES[operation.kind]
  const data = operation.references.size === 0 ? operation.data : resolveReferences(operation.data, ids)
  const id = targetId(operation, ids)
  switch (operation.method) {
    case 'POST': {
      const made = await writes.create(ctx, data).value
      return { status: 201, id: made.id, version: made.version }
    }
    case 'PUT':
      return changed(id, await writes.replace(ctx, id, data).value)
    case 'PATCH':
      return changed(id, await writes.change(ctx, id, data).value)
    case 'DELETE':
      await writes.remove(ctx, id).value
      return { status: 204, id, version: undefined }
  }
}

function changed(id: string, { value }: { readonly value: { readonly version: number } }): Written {
  return { status: 200, id, version: value.version }
}

/** The id that a path names; known references were checked before. */
export function targetId({ target = '' }: BulkOperation, ids: KnownIds): string {
  const reference = referenceIn(target)
  return reference === undefined ? target : (ids.get(reference) ?? '')
}

/** States the references that were left out: what the data says as a whole, which for members is only those. */
async function complete(
  ctx: ScimContext,
  { operation, id, ids }: { readonly operation: BulkOperation; readonly id: string; readonly ids: KnownIds },
): Promise<Written> {
  const whole = resolveReferences(operation.data, ids)
  const { value } = await WRITES[operation.kind].replace({ ...ctx, ifMatch: undefined }, id, whole).value
  return { status: 201, id, version: value.version }
}
