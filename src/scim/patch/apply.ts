import { evaluate } from '../../domain/evaluate.ts'
import { DomainError } from '../../domain/errors.ts'
import type { Filter } from '../../domain/filter.ts'
import { equalJson, isJsonObject } from '../../domain/json.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import { LIMITS, invalidValue } from '../schema/guard.ts'
import type { Parts } from '../schema/validator.ts'

/** What one operation makes of an attribute's value; undefined is unassigned on both sides. Pure. */
export type Change = (now: Json | undefined) => Json | undefined

/** A change of the attribute `name`, of the resource or of the extension `schema`. */
export interface PatchStep {
  readonly schema: string | undefined
  readonly name: string
  readonly change: Change
  /** What looking at one present value costs, in runs of a filter; 1 unless said. */
  readonly weight?: number
}

/** Values one PATCH may look at: 1,000 operations on 1,000 values each would hold the process for seconds. */
const MAX_VISITS = 5_000

function withKey(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  const { [name]: _former, ...rest } = object
  return value === undefined ? rest : { ...rest, [name]: value }
}

function applyStep(resource: JsonObject, { schema, name, change }: PatchStep): JsonObject {
  if (schema === undefined) return withKey(resource, name, change(resource[name]))
  const extension = resource[schema]
  const former = isJsonObject(extension) ? extension : {}
  const next = withKey(former, name, change(former[name]))
  return withKey(resource, schema, Object.keys(next).length === 0 ? undefined : next)
}

function visitsOf(resource: JsonObject, { schema, name, weight = 1 }: PatchStep): number {
  const holder = schema === undefined ? resource : resource[schema]
  const value = isJsonObject(holder) ? holder[name] : undefined
  return Array.isArray(value) ? value.length * weight : 1
}

/**
 * Applies the steps in order, each seeing what the one before left (RFC 7644 §3.5.2). The argument is not touched, so a
 * step that throws leaves nothing half done.
 * @throws DomainError no-target, invalid-value, too-large
 */
export function applySteps(resource: JsonObject, steps: readonly PatchStep[]): JsonObject {
  let state = resource
  let visits = 0
  for (const step of steps) {
    visits += visitsOf(state, step)
    if (visits > MAX_VISITS) {
      throw new DomainError('too-large', 'The operations compare too many values with each other; send fewer at once.')
    }
    state = applyStep(state, step)
  }
  return state
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly Json[]) : [value]
}

function valuesOrNone(elements: readonly Json[], path: string): Json | undefined {
  if (elements.length > LIMITS.values) throw invalidValue(path, `has more than ${LIMITS.values} values`)
  return elements.length === 0 ? undefined : elements
}

/** The object with the parts set, those without a value taken away. */
export function mergeParts(object: JsonObject, parts: Parts): JsonObject {
  let merged = object
  for (const [definition, value] of parts) merged = withKey(merged, definition.name, value)
  return merged
}

/** Sets the sub-attributes a client named, leaves the others (RFC 7644 §3.5.2.3). */
export function mergeComplex(parts: Parts): Change {
  return (now) => {
    const merged = mergeParts(isJsonObject(now) ? now : {}, parts)
    return Object.keys(merged).length === 0 ? undefined : merged
  }
}

function isPrimary(element: Json): boolean {
  return isJsonObject(element) && element['primary'] === true
}

/**
 * Setting `primary` on one value takes it from the others (RFC 7644 §3.5.2): the last that was touched keeps it.
 * @param touched positions the operation added or changed
 */
function movePrimary(elements: readonly Json[], touched: ReadonlySet<number>): readonly Json[] {
  const owner = elements.findLastIndex((element, index) => touched.has(index) && isPrimary(element))
  if (owner < 0) return elements
  return elements.map((element, index) =>
    index !== owner && isJsonObject(element) && isPrimary(element) ? { ...element, primary: false } : element,
  )
}

/** Whether the added value says nothing but what the present one is: same value, and same type if it gives one. */
function isSameValue(present: Json, added: Json): boolean {
  if (!isJsonObject(present) || !isJsonObject(added)) return present === added
  if (added['value'] === undefined) return equalJson(present, added)
  return present['value'] === added['value'] && (added['type'] === undefined || present['type'] === added['type'])
}

/** Appends values; one that is there already is not added again (RFC 7644 §3.5.2.1) but takes what is new of it. */
export function appendValues(added: readonly Json[], path: string): Change {
  return (now) => {
    const elements = [...listOf(now)]
    const touched = new Set<number>()
    for (const each of added) {
      const at = elements.findIndex((element) => isSameValue(element, each))
      const present = elements[at]
      touched.add(at < 0 ? elements.length : at)
      if (present === undefined) elements.push(each)
      else elements[at] = isJsonObject(present) && isJsonObject(each) ? { ...present, ...each } : each
      valuesOrNone(elements, path)
    }
    return valuesOrNone(movePrimary(elements, touched), path)
  }
}

/** A value compares as an object with `value` where the attribute holds plain ones (RFC 7644 §3.5.2). */
function matches(where: Filter, element: Json): boolean {
  return evaluate(where, isJsonObject(element) ? element : { value: element })
}

/** Removes the values `isGone` says. */
export function removeValues(isGone: (element: Json) => boolean): Change {
  return (now) => {
    const left = listOf(now).filter((element) => !isGone(element))
    return left.length === 0 ? undefined : left
  }
}

/** Removes the values a filter selects; selecting none changes nothing. */
export function removeSelected(where: Filter): Change {
  return removeValues((element) => matches(where, element))
}

/** Puts a plain value in place of those a filter selects. @throws what `none` makes where it selects none */
export function replaceValues(where: Filter, next: Json, none: () => Error): Change {
  return (now) => {
    const elements = listOf(now)
    const left = elements.map((element) => (matches(where, element) ? next : element))
    if (elements.every((element) => !matches(where, element))) throw none()
    return [...new Set(left)]
  }
}

/** What to do with the values a filter selects. */
export interface Selection {
  /** undefined: every value. */
  readonly where: Filter | undefined
  /** What becomes of each; undefined takes it away. */
  readonly alter: (element: JsonObject) => JsonObject | undefined
  /** Made when none is selected; undefined: nothing is. */
  readonly create: (() => JsonObject | undefined) | undefined
  readonly path: string
}

/** Changes the values a filter selects, or makes one (RFC 7644 §3.5.2.3). `create` may throw no-target. */
export function alterSelected({ where, alter, create, path }: Selection): Change {
  return (now) => {
    const touched = new Set<number>()
    const elements: Json[] = []
    let selected = 0
    for (const element of listOf(now)) {
      const hit = where === undefined || matches(where, element)
      if (hit) selected++
      const next = hit ? alter(isJsonObject(element) ? element : { value: element }) : element
      if (next === undefined) continue
      if (hit) touched.add(elements.length)
      elements.push(next)
    }
    const made = selected === 0 ? create?.() : undefined
    if (made !== undefined) touched.add(elements.push(made) - 1)
    return valuesOrNone(movePrimary(elements, touched), path)
  }
}
