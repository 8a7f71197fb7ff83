import { DomainError } from '../../domain/errors.ts'
import type { Filter } from '../../domain/filter.ts'
import type { GroupPlan, MemberInput, MemberStep } from '../../domain/group.ts'
import type { Json } from '../../domain/json.ts'
import { readDisplayName, readExternalId, readMembers, refuseTooManyMembers } from '../schema/group-body.ts'
import { invalidValue, namesForRecord } from '../schema/guard.ts'
import type { SchemaView } from '../schema/view.ts'
import type { PatchOperation, PatchVerb } from './envelope.ts'
import { assignmentsOf } from './target.ts'
import type { Target } from './target.ts'

interface Edit {
  readonly op: PatchVerb
  readonly target: Target
  readonly value: Json | undefined
}

/** The ids of `value eq "a"` or of several such joined by `or`; undefined for any other filter. */
function idsOf(where: Filter): readonly string[] | undefined {
  if (where.kind === 'or') {
    const ids = where.terms.map(idsOf)
    return ids.every((each) => each !== undefined) ? ids.flat() : undefined
  }
  if (where.kind !== 'compare' || where.op !== 'eq' || typeof where.value !== 'string') return undefined
  return where.at.path.length === 1 && where.at.path[0] === 'value' ? [where.value] : undefined
}

function distinct(members: readonly MemberInput[]): readonly MemberInput[] {
  return Array.from(new Set(members.map(({ value }) => value)), (value) => ({ value }))
}

/** Collects what the operations ask of one group, in order, without knowing the group. */
class GroupPlanner {
  readonly #view: SchemaView
  readonly #steps: MemberStep[] = []
  #displayName: string | undefined
  #externalId: string | null | undefined
  #named = 0

  constructor(view: SchemaView) {
    this.#view = view
  }

  take(edit: Edit): void {
    const { op, target, value } = edit
    const { attribute, path } = target
    if (op !== 'remove' && value === undefined) throw invalidValue(path, `needs a value for ${op}`)
    if (attribute.name === 'members') this.#takeMembers(edit)
    else if (attribute.name === 'displayName') this.#displayName = this.#readName(edit)
    else if (attribute.name === 'externalId') {
      this.#externalId = op === 'remove' ? null : readExternalId(value, this.#view)
    }
  }

  plan(ignored: readonly string[]): GroupPlan {
    return {
      ...(this.#displayName === undefined ? {} : { displayName: this.#displayName }),
      ...(this.#externalId === undefined ? {} : { externalId: this.#externalId }),
      steps: this.#steps.map((step) => ('members' in step ? { ...step, members: distinct(step.members) } : step)),
      ignored,
    }
  }

  #readName({ op, value }: Edit): string {
    if (op !== 'remove') return readDisplayName(value, this.#view)
    throw new DomainError('mutability', 'displayName is required and cannot be removed.')
  }

  #takeMembers({ op, target, value }: Edit): void {
    if (target.sub !== undefined || (target.where !== undefined && op !== 'remove')) {
      const message = `${target.path} of a member cannot be changed; add and remove members as a whole.`
      throw new DomainError('mutability', message, { params: { path: target.path } })
    }
    if (op !== 'remove') this.#push(op === 'add' ? 'add' : 'set', readMembers(value, this.#view))
    else if (target.where !== undefined) this.#removeSelected(target.where)
    else if (value === undefined || value === null) this.#steps.push({ do: 'removeAll' })
    else this.#push('remove', readMembers(value, this.#view))
  }

  #removeSelected(where: Filter): void {
    const ids = idsOf(where)
    if (ids === undefined) this.#steps.push({ do: 'removeWhere', where })
    else this.#push('remove', readMembers(ids, this.#view))
  }

  /** Neighbours of one kind become one step: Entra ID names a member in each of many operations. */
  #push(verb: 'add' | 'remove' | 'set', members: readonly MemberInput[]): void {
    this.#named += members.length
    refuseTooManyMembers(this.#named)
    const last = this.#steps.at(-1)
    if (verb !== 'set' && last?.do === verb) (last.members as MemberInput[]).push(...members)
    else if (verb === 'set' || members.length > 0) this.#steps.push({ do: verb, members: [...members] })
  }
}

/**
 * Plans a PATCH of a group (RFC 7644 §3.5.2) as steps over its members, in order, so that the group is never loaded.
 * `members` takes a list, one object or bare ids; a remove takes a filter, a list of values (Entra ID), or neither for
 * everybody; `replace` sets the members. Path-less values may carry `id`, which is passed over (Okta).
 * @throws DomainError invalid-path, invalid-value, mutability, no-target; too-large above 20,000 members in all
 */
export function planGroupPatch(operations: readonly PatchOperation[], view: SchemaView): GroupPlan {
  const planner = new GroupPlanner(view)
  const unknown = new Set<string>()
  for (const operation of operations) {
    for (const { target, value } of assignmentsOf(operation, view, unknown)) {
      planner.take({ op: operation.op, target, value })
    }
  }
  return planner.plan(namesForRecord(unknown))
}
