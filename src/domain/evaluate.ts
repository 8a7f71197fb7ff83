import type { AttributeRef, Comparison, Filter, Literal } from './filter.ts'
import { fold } from './fold.ts'
import { isJsonObject, type Json, type JsonObject } from './json.ts'

/** Own members only, so that no name reaches a prototype. */
function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? (value as readonly Json[]) : [value]
}

/** Every value at the end of a path; an array on the way, or at its end, gives each of its values. */
export function valuesAt(object: JsonObject, path: readonly string[]): readonly Json[] {
  let values: readonly Json[] = [object]
  for (const name of path) {
    values = values.flatMap((value) => (isJsonObject(value) ? listOf(memberOf(value, name)) : []))
  }
  return values
}

/** Whether a value counts as one (RFC 7643 §2.5: null and the empty array are none, and no more is the empty text). */
function isPresent(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return false
  if (Array.isArray(value)) return value.some(isPresent)
  return !isJsonObject(value) || Object.values(value).some(isPresent)
}

/** Where a UTF-16 unit stands in code point order: surrogates stand for what is above U+FFFF. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/**
 * Orders texts by code points, which is the order of their UTF-8 bytes and so of both stores (`COLLATE "C"`, BINARY);
 * JavaScript's own order is that of UTF-16 units.
 * @returns negative, 0 or positive
 */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const difference = rankOf(left.charCodeAt(at)) - rankOf(right.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

function ordered(op: Comparison, difference: number): boolean {
  switch (op) {
    case 'eq':
      return difference === 0
    case 'gt':
      return difference > 0
    case 'ge':
      return difference >= 0
    case 'lt':
      return difference < 0
    case 'le':
      return difference <= 0
    default:
      return false
  }
}

function textHolds(op: Comparison, value: string, literal: string): boolean {
  if (op === 'co') return value.includes(literal)
  if (op === 'sw') return value.startsWith(literal)
  if (op === 'ew') return value.endsWith(literal)
  return ordered(op, compareText(value, literal))
}

/**
 * Whether one value satisfies a comparison other than `ne`, which is the opposite of `eq` over all values. A value of
 * another type than the literal satisfies none.
 * @param at type and caseExact say how the two are compared
 */
export function holds(at: AttributeRef, op: Comparison, value: Json, literal: Literal): boolean {
  if (at.type === 'dateTime') {
    const time = typeof value === 'string' ? Date.parse(value) : NaN
    return typeof literal === 'number' && ordered(op, time - literal)
  }
  if (typeof value === 'number' && typeof literal === 'number') return ordered(op, value - literal)
  if (typeof value === 'boolean') return op === 'eq' && value === literal
  if (typeof value !== 'string' || typeof literal !== 'string') return false
  return at.caseExact ? textHolds(op, value, literal) : textHolds(op, fold(value), fold(literal))
}

/**
 * Whether an object satisfies a filter (RFC 7644 §3.4.2.2) in two-valued logic: a missing attribute makes every
 * comparison false, `ne` is the opposite of `eq`, of a multi-valued attribute one value must satisfy.
 * @param object the resource as on the wire, `id`, `active`, `meta`, `groups` or `members` included; for a filter of a
 * value path, the element (`{ value }` for a plain one)
 */
export function evaluate(filter: Filter, object: JsonObject): boolean {
  switch (filter.kind) {
    case 'constant':
      return filter.value
    case 'and':
      return filter.terms.every((term) => evaluate(term, object))
    case 'or':
      return filter.terms.some((term) => evaluate(term, object))
    case 'not':
      return !evaluate(filter.term, object)
    case 'present':
      return valuesAt(object, filter.at.path).some(isPresent)
    case 'some':
      return valuesAt(object, filter.at.path).some((element) =>
        evaluate(filter.where, isJsonObject(element) ? element : { value: element }),
      )
    case 'compare':
      return compare(filter.at, filter.op, filter.value, object)
  }
}

function compare(at: AttributeRef, op: Comparison, literal: Literal, object: JsonObject): boolean {
  const some = (wanted: Comparison): boolean =>
    valuesAt(object, at.path).some((value) => holds(at, wanted, value, literal))
  return op === 'ne' ? !some('eq') : some(op)
}
