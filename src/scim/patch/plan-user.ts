import { DomainError } from '../../domain/errors.ts'
import type { Literal } from '../../domain/filter.ts'
import { isJsonObject } from '../../domain/json.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import type { UserState } from '../../domain/user.ts'
import { refuseImmutableChange, settleAttributes } from '../schema/normalise.ts'
import { invalidValue, namesForRecord } from '../schema/guard.ts'
import { isUnassigned, readAttribute, readComplex, readOne } from '../schema/validator.ts'
import type { Parts } from '../schema/validator.ts'
import type { AttributeDefinition, SchemaView } from '../schema/view.ts'
import { alterSelected, appendValues, applySteps, mergeComplex, mergeParts } from './apply.ts'
import { removeSelected, removeValues } from './apply.ts'
import type { Change, PatchStep } from './apply.ts'
import type { PatchOperation, PatchVerb } from './envelope.ts'
import { eqTerms } from './path.ts'
import { assignmentsOf } from './target.ts'
import type { Target } from './target.ts'

/**
 * A PATCH of a person, read and checked as far as it can be without the person: says what the operations make of a
 * state. Pure, all or nothing; the answer is deep-equal to the argument when nothing differs.
 * @throws DomainError no-target, invalid-value, mutability, too-large
 */
export interface UserPatch {
  (current: UserState): UserState
  /** Names of unknown keys in path-less values, which were dropped. */
  readonly ignored: readonly string[]
}

interface Edit {
  readonly op: PatchVerb
  readonly target: Target
  readonly value: Json | undefined
  readonly ignored: Set<string>
}

/** Both always have a value: a user without userName does not exist, and "active" has no third state. */
function isRequired({ name, required }: AttributeDefinition): boolean {
  return required || name === 'active'
}

function refuseUnassigned({ op, target }: Edit): never {
  const { path, attribute } = target
  if (op === 'remove' && attribute.name !== 'active') {
    throw new DomainError('mutability', `${path} is required and cannot be removed.`, { params: { path } })
  }
  throw invalidValue(path, attribute.name === 'active' ? 'is true or false and cannot be removed' : 'must not be empty')
}

/** Parts for one sub-attribute, or for those an object names. */
function partsOf({ target, value, ignored }: Edit): Parts {
  const { attribute, sub, path } = target
  if (sub !== undefined) return new Map([[sub, readAttribute(sub, value, path, ignored)]])
  return readComplex(attribute, value, path, ignored)
}

/** Filters hold a dateTime as epoch milliseconds, attributes as text. */
function toDateTime(literal: Literal): Literal {
  return typeof literal === 'number' ? new Date(literal).toISOString() : literal
}

/** The value a filter of `eq` terms alone describes: `type eq "work"` is `{"type": "work"}`. */
function templateOf({ where, attribute }: Target): JsonObject | undefined {
  const terms = where === undefined ? undefined : eqTerms(where)
  if (terms === undefined) return undefined
  const known = new Set(attribute.subAttributes?.map(({ name }) => name))
  const pairs = terms.map(
    ({ at, value }) => [at.path[0] ?? '', at.type === 'dateTime' ? toDateTime(value) : value] as const,
  )
  return pairs.every(([name]) => known.has(name)) ? Object.fromEntries(pairs) : undefined
}

function noTarget({ path }: Target): DomainError {
  const message = `No value of ${path} matches the filter, and one can be made only of terms with eq.`
  return new DomainError('no-target', message, { params: { path } })
}

/**
 * Add and replace on the values a filter selects. A replaced value keeps what the filter says of it (RFC 7644
 * §3.5.2.3); where none is selected one is made of the filter's eq terms, as Entra ID's default mappings need.
 */
function changeSelected(edit: Edit): Change {
  const { op, target, value } = edit
  const { where, sub, path } = target
  const template = templateOf(target)
  if (sub === undefined && isUnassigned(value)) {
    return op === 'replace' && where !== undefined ? removeSelected(where) : (now) => now
  }
  const parts = partsOf(edit)
  const clears = [...parts.values()].every((each) => each === undefined)
  const whole = op === 'replace' && sub === undefined
  return alterSelected({
    where,
    path,
    alter: (element) => mergeParts(whole ? (template ?? {}) : element, parts),
    create: () => {
      if (clears) return undefined
      if (template === undefined && where !== undefined) throw noTarget(target)
      // What is made satisfies the filter, so that the same operation finds it the next time.
      return { ...mergeParts({}, parts), ...template }
    },
  })
}

function sameText(left: Json | undefined, right: Json | undefined, caseExact: boolean): boolean {
  if (typeof left !== 'string' || typeof right !== 'string' || caseExact) return left === right
  return left.toLowerCase() === right.toLowerCase()
}

/** Whether a stored value is one of those a remove lists (Entra ID sends members and roles so). */
function isListed(element: Json, listed: readonly Json[], attribute: AttributeDefinition): boolean {
  const subs = attribute.subAttributes?.filter(({ name }) => name !== 'display' && name !== 'primary') ?? []
  return listed.some((each) => {
    if (!isJsonObject(each) || !isJsonObject(element)) return sameText(each, element, attribute.caseExact)
    const said = subs.filter(({ name }) => each[name] !== undefined)
    return said.length > 0 && said.every(({ name, caseExact }) => sameText(each[name], element[name], caseExact))
  })
}

function removal(edit: Edit): Change {
  const { target, value, ignored } = edit
  const { attribute, where, sub, path } = target
  if (sub !== undefined) {
    const parts: Parts = new Map([[sub, undefined]])
    if (!attribute.multiValued) return mergeComplex(parts)
    return alterSelected({ where, path, alter: (element) => mergeParts(element, parts), create: undefined })
  }
  if (where !== undefined) return removeSelected(where)
  if (isRequired(attribute)) refuseUnassigned(edit)
  if (!attribute.multiValued || value === undefined || value === null) return () => undefined
  const list: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value]
  const listed = list.map((each) => readOne(attribute, each, path, ignored)).filter((each) => each !== undefined)
  return removeValues((element) => isListed(element, listed, attribute))
}

function changeAll(edit: Edit): Change {
  const { op, target, value, ignored } = edit
  const { attribute, sub, path } = target
  if (attribute.multiValued) {
    if (sub !== undefined) return changeSelected(edit)
    const values = readAttribute(attribute, value, path, ignored)
    return op === 'add' ? appendValues((values ?? []) as readonly Json[], path) : () => values
  }
  if (sub === undefined && isUnassigned(value)) {
    if (isRequired(attribute)) refuseUnassigned(edit)
    return () => undefined
  }
  if (attribute.type === 'complex') return mergeComplex(partsOf(edit))
  const read = readOne(attribute, value, path, ignored)
  return () => read
}

function changeOf(edit: Edit): Change {
  const { op, target, value } = edit
  if (target.where !== undefined && !target.attribute.multiValued) {
    throw new DomainError('invalid-path', `${target.path} has a single value, so it takes no filter.`)
  }
  if (op === 'remove') return removal(edit)
  if (value === undefined) throw invalidValue(target.path, `needs a value for ${op}`)
  return target.where === undefined ? changeAll(edit) : changeSelected(edit)
}

/** `password` is accepted and dropped, so that clients that sync it go on; `schemas` follows from the attributes. */
function isPassedOver({ attribute }: Target): boolean {
  return attribute.mutability === 'writeOnly' || attribute.name === 'schemas'
}

function toStep(edit: Edit): PatchStep {
  const { target, value } = edit
  const { schema, attribute } = target
  // Comparing with a list is about a hundred times cheaper than a filter.
  const weight = Array.isArray(value) ? Math.ceil(value.length / 100) : 1
  return { schema, name: attribute.name, change: changeOf(edit), weight }
}

function applyTo(current: UserState, steps: readonly PatchStep[], view: SchemaView): UserState {
  const { attributes, active, externalId } = current
  const whole: JsonObject = { ...attributes, active, ...(externalId === undefined ? {} : { externalId }) }
  const { active: nextActive, externalId: nextExternalId, ...rest } = applySteps(whole, steps)
  const next = settleAttributes(rest, view)
  refuseImmutableChange(attributes, next, view)
  return {
    attributes: next,
    active: nextActive === true,
    externalId: typeof nextExternalId === 'string' ? nextExternalId : undefined,
  }
}

/**
 * Plans a PATCH of a person (RFC 7644 §3.5.2), with every path resolved and every value read beforehand. `replace` of
 * a complex attribute sets the sub-attributes it names; `replace` of a multi-valued one replaces all; "", null and []
 * unassign; a `remove` with a list of values removes those.
 * @throws DomainError invalid-path, invalid-value, mutability, no-target
 */
export function planUserPatch(operations: readonly PatchOperation[], view: SchemaView): UserPatch {
  const unknown = new Set<string>()
  const steps = operations.flatMap((operation) =>
    assignmentsOf(operation, view, unknown)
      .filter(({ target }) => !isPassedOver(target))
      .map(({ target, value }) => toStep({ op: operation.op, target, value, ignored: unknown })),
  )
  const apply = (current: UserState) => (steps.length === 0 ? current : applyTo(current, steps, view))
  return Object.assign(apply, { ignored: namesForRecord(unknown) })
}
