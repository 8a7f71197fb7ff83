import { isJsonObject } from '../../domain/json.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import { CUSTOM_URN, ENTERPRISE_URN } from '../../domain/schema-urns.ts'
import { guardText, invalidValue, kindOf, LIMITS, PLAIN } from './guard.ts'
import { attributeNamed } from './view.ts'
import type { AttributeDefinition } from './view.ts'

/** Attributes the store indexes. */
const KEY_PATHS: ReadonlySet<string> = new Set([
  'userName',
  'displayName',
  'externalId',
  'emails.value',
  'members.value',
  `${ENTERPRISE_URN}:department`,
  `${ENTERPRISE_URN}:employeeNumber`,
])

/** Whether the store indexes the attribute: the org's own are all indexed. */
function isKeyed(path: string): boolean {
  return KEY_PATHS.has(path) || path.startsWith(CUSTOM_URN)
}

/** Attributes shown as one line in consoles and logs, where a control character could forge another. */
const ONE_LINE: ReadonlySet<string> = new Set(['userName', 'displayName'])

/** Whether RFC 7643 §2.5 (and what clients send for "nothing") reads the value as unassigned: null, "", [] or {}. */
export function isUnassigned(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isJsonObject(value) && Object.keys(value).length === 0
}

/** Bytes of the key of a text: as it was sent where case counts, else in NFKC. */
function keyBytes(text: string): number {
  return Math.max(Buffer.byteLength(text), Buffer.byteLength(text.normalize('NFKC')))
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalidValue(path, `must be a string, got ${kindOf(value)}`)
  const keyed = isKeyed(path)
  const limit = keyed ? LIMITS.keyText : LIMITS.text
  if (value.length > limit) throw invalidValue(path, `is longer than ${limit} characters`)
  if (PLAIN.test(value)) return value
  guardText(value, path)
  if (keyed && value.length > 60 && keyBytes(value) > LIMITS.keyBytes) {
    throw invalidValue(path, `is longer than ${LIMITS.keyBytes} bytes in UTF-8`)
  }
  if (ONE_LINE.has(path) && /\p{Cc}/u.test(value)) throw invalidValue(path, 'must not hold control characters')
  return value
}

/** A quoted true or false in any case is that boolean: Entra ID without its `aadOptscim062020` flag sends "False". */
function readBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw invalidValue(path, `must be true or false, got ${kindOf(value)}`)
}

function readNumber(value: unknown, path: string, whole: boolean): number {
  const fits = typeof value === 'number' && (whole ? Number.isSafeInteger(value) : Number.isFinite(value))
  if (!fits) throw invalidValue(path, `must be ${whole ? 'a whole number' : 'a number'}, got ${kindOf(value)}`)
  return value
}

const DATE_TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/i

/** An xsd:dateTime (RFC 7643 §2.3.5) as 24 characters in UTC; without an offset it is taken as UTC. */
function readDateTime(value: unknown, path: string): string {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null
  if (match === null) throw invalidValue(path, 'must be a date and time such as 2026-01-31T09:30:00Z')
  const [, day = '', time = '', fraction = '', offset = 'Z'] = match
  const local = Date.parse(`${day}T${time}Z`)
  const instant = Date.parse(`${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${offset.toUpperCase()}`)
  // Engines roll 30 February over into March: a date that does not come back as written does not exist.
  const exists = !Number.isNaN(instant) && new Date(local).toISOString().startsWith(`${day}T${time}`)
  if (!exists) throw invalidValue(path, 'names a date or time that does not exist')
  return new Date(instant).toISOString()
}

/** Base64 in either alphabet of RFC 4648, padding optional, kept as it was sent. */
function readBinary(value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalidValue(path, `must be base64 text, got ${kindOf(value)}`)
  if (value.length > LIMITS.binary) throw invalidValue(path, `is longer than ${LIMITS.binary} characters`)
  const digits = value.replace(/={1,2}$/, '')
  const padded = digits.length !== value.length
  const whole = padded ? value.length % 4 === 0 : digits.length % 4 !== 1
  if (!whole || !/^[A-Za-z0-9+/_-]*$/.test(digits)) throw invalidValue(path, 'must be base64 text (RFC 4648)')
  return value
}

/** What was read of a complex value: a definition that stands here without a value was sent as unassigned. */
export type Parts = Map<AttributeDefinition, Json | undefined>

/** One key of a body beside others that differ only by case: the exact name wins, else the first. */
export function takeKey<T>(into: Map<AttributeDefinition, T>, definition: AttributeDefinition, key: string, value: T) {
  if (!into.has(definition) || key === definition.name) into.set(definition, value)
}

/**
 * Reads the attributes of an object by their definitions, in any case; readOnly ones are dropped (RFC 7644 §3.3), of
 * unknown ones the name goes to `ignored`.
 * @param prefix what stands before a name in its path: '' at the resource, `name.`, `urn:…:User:`
 * @throws DomainError invalid-value
 */
export function readParts(
  definitions: readonly AttributeDefinition[],
  object: JsonObject,
  prefix: string,
  ignored: Set<string>,
): Parts {
  const raw = new Map<AttributeDefinition, unknown>()
  for (const [key, value] of Object.entries(object)) {
    const definition = attributeNamed(definitions, key)
    if (definition === undefined) ignored.add(prefix + key)
    else if (definition.mutability !== 'readOnly') takeKey(raw, definition, key, value)
  }
  const parts: Parts = new Map()
  for (const definition of definitions) {
    if (!raw.has(definition)) continue
    parts.set(definition, readAttribute(definition, raw.get(definition), prefix + definition.name, ignored))
  }
  return parts
}

/** The object that parts make, in the order of the schema; undefined when nothing has a value (RFC 7643 §2.5). */
export function objectOf(parts: Parts): JsonObject | undefined {
  const assigned = [...parts].filter(([, value]) => value !== undefined)
  if (assigned.length === 0) return undefined
  return Object.fromEntries(assigned.map(([definition, value]) => [definition.name, value]))
}

/**
 * The parts of one complex value; a bare string stands for `{"value": …}` where there is such a sub-attribute, as
 * Entra ID sends `manager` and others send members and roles.
 * @throws DomainError invalid-value
 */
export function readComplex(
  definition: AttributeDefinition,
  value: unknown,
  path: string,
  ignored: Set<string>,
): Parts {
  const subs = definition.subAttributes ?? []
  if (isJsonObject(value)) return readParts(subs, value, `${path}.`, ignored)
  const short = typeof value === 'string' ? attributeNamed(subs, 'value') : undefined
  if (short === undefined) throw invalidValue(path, `must be an object, got ${kindOf(value)}`)
  return new Map([[short, readAttribute(short, value, `${path}.value`, ignored)]])
}

/**
 * Reads one value (an element, where the attribute is multi-valued) to its canonical form; undefined is unassigned.
 * @throws DomainError invalid-value with a sentence that names the path, what was wanted and what came
 */
export function readOne(
  definition: AttributeDefinition,
  value: unknown,
  path: string,
  ignored: Set<string>,
): Json | undefined {
  if (isUnassigned(value)) return undefined
  switch (definition.type) {
    case 'complex':
      return objectOf(readComplex(definition, value, path, ignored))
    case 'boolean':
      return readBoolean(value, path)
    case 'integer':
    case 'decimal':
      return readNumber(value, path, definition.type === 'integer')
    case 'dateTime':
      return readDateTime(value, path)
    case 'binary':
      return readBinary(value, path)
    case 'string':
    case 'reference':
      return readText(value, path)
  }
}

/** What labels a value but is none itself: an element that holds nothing else was emptied. */
const LABELS: ReadonlySet<string> = new Set(['type', 'primary'])

function isEmptied(element: Json): boolean {
  return isJsonObject(element) && Object.keys(element).every((key) => LABELS.has(key))
}

/** Elements are the same when type and value are, else when all of them is; `primary` is a mark on them. */
function identityOf(element: Json): string {
  if (!isJsonObject(element)) return JSON.stringify(element)
  const { type = null, value, primary: _mark, ...rest } = element
  return JSON.stringify(value === undefined ? [type, rest] : [type, value])
}

/** `primary: true` appears at most once (RFC 7643 §2.4): the first keeps it. */
function onePrimary(elements: readonly Json[]): readonly Json[] {
  const first = elements.findIndex((element) => isJsonObject(element) && element['primary'] === true)
  return elements.map((element, index) =>
    index > first && first >= 0 && isJsonObject(element) && element['primary'] === true
      ? { ...element, primary: false }
      : element,
  )
}

/** Two that are the same become one: what the later says holds, but neither loses `primary`. */
function merged(former: Json | undefined, element: Json): Json {
  if (!isJsonObject(former) || !isJsonObject(element)) return element
  return { ...former, ...element, ...(former['primary'] === true ? { primary: true } : {}) }
}

/**
 * The elements of a multi-valued attribute: a single value stands for a list of one, duplicates by type and value fold
 * into one, emptied ones go, one primary stays.
 */
function readValues(definition: AttributeDefinition, value: unknown, path: string, ignored: Set<string>) {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > LIMITS.values) throw invalidValue(path, `has more than ${LIMITS.values} values`)
  const distinct = new Map<string, Json>()
  for (const raw of list) {
    const element = readOne(definition, raw, path, ignored)
    if (element === undefined || isEmptied(element)) continue
    const identity = identityOf(element)
    distinct.set(identity, merged(distinct.get(identity), element))
  }
  return distinct.size === 0 ? undefined : onePrimary([...distinct.values()])
}

/**
 * Reads an attribute's value as a client sent it (or as it is stored: reading twice changes nothing) to its canonical
 * form; undefined is unassigned. Canonical values are suggestions (RFC 7643 §7), so any string passes.
 * @throws DomainError invalid-value
 */
export function readAttribute(
  definition: AttributeDefinition,
  value: unknown,
  path: string,
  ignored: Set<string>,
): Json | undefined {
  if (isUnassigned(value)) return undefined
  return definition.multiValued
    ? readValues(definition, value, path, ignored)
    : readOne(definition, value, path, ignored)
}
