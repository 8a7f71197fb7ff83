import { DomainError } from '../../domain/errors.ts'

/** What one request may bring; more is 400 `invalidValue`, before anything is stored. */
export const LIMITS = Object.freeze({
  /** UTF-16 units of an ordinary string. */
  text: 8_192,
  /** UTF-16 units of a string that is a key in an index (userName, displayName, externalId, e-mail address, …). */
  keyText: 1_024,
  /** UTF-8 bytes of such a string in NFKC: a PostgreSQL index row holds 2,704 bytes, the org's id and more included. */
  keyBytes: 2_048,
  /** Characters of base64: certificates. */
  binary: 65_536,
  /** Values of one multi-valued attribute (members have their own limit). */
  values: 1_000,
  /** Nesting of objects and arrays in a body. */
  depth: 32,
  /** UTF-16 units of a key in a body. */
  key: 256,
})

/** A 400 `invalidValue` whose sentence begins with the attribute's path; the value itself is never repeated. */
export function invalidValue(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', `${path} ${sentence}.`, { params: { path } })
}

/** What a JSON value is, in words for an error sentence. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Printable ASCII: what nearly all text is, and nothing is wrong with. */
export const PLAIN = /^[ -~]*$/

/** NUL cannot be held by PostgreSQL; a lone surrogate is no character and would change on its way through UTF-8. */
export function guardText(text: string, path: string): void {
  if (PLAIN.test(text)) return
  if (text.includes('\0')) throw invalidValue(path, 'holds the character U+0000, which cannot be stored')
  if (/\p{Surrogate}/u.test(text)) throw invalidValue(path, 'holds half of a surrogate pair, which is no character')
}

/** A key without the filter of a value path in it, which may hold personal values. */
export function withoutFilter(key: string): string {
  return key.split('[', 1)[0] ?? key
}

/** Names at most this many dropped keys in the record of a change. */
const MAX_IGNORED = 100

/** The names of dropped keys as a record may hold them: without filters, each once, at most 100. */
export function namesForRecord(keys: Iterable<string>): readonly string[] {
  return [...new Set(Array.from(keys, withoutFilter))].slice(0, MAX_IGNORED)
}

/**
 * Refuses what no attribute may hold wherever it stands in a body: U+0000 and lone surrogates in any string or key,
 * nesting deeper than {@link LIMITS}.depth, keys longer than {@link LIMITS}.key.
 * @throws DomainError invalid-value
 */
export function guardJson(value: unknown, path = 'The body', depth = 0): void {
  if (typeof value === 'string') return guardText(value, path)
  if (typeof value !== 'object' || value === null) return
  if (depth === LIMITS.depth) throw invalidValue('The body', `is nested deeper than ${LIMITS.depth} levels`)
  if (Array.isArray(value)) {
    for (const element of value) guardJson(element, path, depth + 1)
    return
  }
  for (const [key, element] of Object.entries(value)) {
    if (key.length > LIMITS.key) throw invalidValue('The body', `has a key of more than ${LIMITS.key} characters`)
    guardText(key, 'A key of the body')
    guardJson(element, withoutFilter(key), depth + 1)
  }
}
