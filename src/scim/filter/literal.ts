import type { Comparison, Literal } from '../../domain/filter.ts'
import type { AttributeDefinition } from '../schema/view.ts'
import { FilterFault } from './lex.ts'

/** A literal as it stands in the text; null is RFC 8259's. */
export interface Operand {
  readonly value: string | number | boolean | null
  readonly at: number
}

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/i
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** Epoch milliseconds of an xsd:dateTime (RFC 7643 §2.3.5); without an offset it is UTC. */
function readDateTime(operand: Operand): number {
  const match = typeof operand.value === 'string' ? DATE_TIME.exec(operand.value) : null
  if (match === null)
    throw new FilterFault(operand.at, 'a date and time such as "2026-01-31T09:30:00Z" is needed here.')
  const [, day = '', time = '', fraction = '', offset = 'Z'] = match
  const local = Date.parse(`${day}T${time}Z`)
  const instant = Date.parse(`${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${offset.toUpperCase()}`)
  // Engines roll 30 February over into March: a date that does not come back as written does not exist.
  const exists = !Number.isNaN(instant) && new Date(local).toISOString().startsWith(`${day}T${time}`)
  if (!exists) throw new FilterFault(operand.at, 'this date or time does not exist.')
  return instant
}

/** Entra ID quotes every literal, so a quoted number or boolean is that number or boolean. */
function readNumber(operand: Operand): number {
  const { value } = operand
  const number = typeof value === 'string' && JSON_NUMBER.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  throw new FilterFault(operand.at, 'a number is needed here.')
}

function readBoolean({ value, at }: Operand): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw new FilterFault(at, 'true or false is needed here.')
}

function readText({ value, at }: Operand): string {
  if (typeof value === 'string') return value
  throw new FilterFault(at, `the attribute is text, so the value stands in double quotes: "${String(value)}".`)
}

/** Which operators each type takes (RFC 7644 §3.4.2.2): order is undefined for booleans and binary. */
function takes(type: AttributeDefinition['type'], op: Comparison): boolean {
  if (op === 'eq' || op === 'ne') return true
  if (type === 'string' || type === 'reference') return true
  const isOrder = op === 'gt' || op === 'ge' || op === 'lt' || op === 'le'
  return isOrder && type !== 'boolean' && type !== 'binary'
}

/**
 * Refuses an operator its attribute's type has no meaning for, such as `active gt true`.
 * @throws FilterFault
 */
export function refuseOperator({ name, type }: AttributeDefinition, op: Comparison, at: number): void {
  if (!takes(type, op)) throw new FilterFault(at, `${op} has no meaning for "${name}", which is a ${type}.`)
}

/**
 * The literal in the type of its attribute: dateTimes as epoch milliseconds, quoted booleans and numbers as such.
 * @throws FilterFault for one of another type
 */
export function typedLiteral({ type }: AttributeDefinition, operand: Operand): Literal {
  switch (type) {
    case 'dateTime':
      return readDateTime(operand)
    case 'boolean':
      return readBoolean(operand)
    case 'integer':
    case 'decimal':
      return readNumber(operand)
    case 'string':
    case 'reference':
    case 'binary':
    case 'complex':
      return readText(operand)
  }
}
