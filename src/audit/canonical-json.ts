import type { Json } from '../domain/json.ts'

const NEEDS_NO_ESCAPE = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * The canonical text of a JSON value (RFC 8785): no white space, keys in order of their UTF-16 code units, strings as
 * `JSON.stringify` writes them. Keys whose value is `undefined` are left out.
 *
 * Written out by hand rather than by sorting a copy for `JSON.stringify`: engines put keys like `"10"` before all
 * others, and a copied `__proto__` is no longer a key.
 * @throws Error for what has no canonical form here: numbers that are not integers within ±(2^53−1), lone surrogates,
 *   U+0000 (PostgreSQL's text cannot hold it), anything that is not JSON. Values from outside are checked at the edge,
 *   so this is a bug, and the message never carries the value.
 */
export function canonicalJson(value: Json): string {
  return textOf(value)
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return textOfString(value)
    case 'number':
      return textOfInteger(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? textOfArray(value) : textOfObject(value)
    default:
      throw new Error(`A ${typeof value} has no canonical JSON form`)
  }
}

function textOfString(value: string): string {
  if (NEEDS_NO_ESCAPE.test(value)) return `"${value}"`
  if (value.includes('\0')) throw new Error('A string with U+0000 has no canonical JSON form')
  if (LONE_SURROGATE.test(value)) throw new Error('A string with a lone surrogate has no canonical JSON form')
  return JSON.stringify(value)
}

function textOfInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw new Error('Only integers within 2^53-1 have a canonical JSON form')
  return String(value)
}

function textOfArray(values: readonly unknown[]): string {
  let text = '['
  for (let i = 0; i < values.length; i++) text += (i === 0 ? '' : ',') + textOf(values[i])
  return text + ']'
}

function textOfObject(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Error('Only plain objects have a canonical JSON form')
  }
  let text = ''
  for (const key of Object.keys(value).sort()) {
    const child = (value as Record<string, unknown>)[key]
    if (child !== undefined) text += `${text === '' ? '' : ','}${textOfString(key)}:${textOf(child)}`
  }
  return `{${text}}`
}
