import { isDeepStrictEqual } from 'node:util'
import { valueAt } from './path.ts'

/** One thing that is not as expected: where, what was wanted, what came. */
export interface Problem {
  readonly where: string
  readonly expected: string
  readonly got: string
}

type Matcher = (actual: unknown, wanted: unknown, document: unknown) => boolean

const MATCHERS: Readonly<Record<string, Matcher>> = {
  $in: (actual, wanted) => list(wanted).some((item) => same(item, actual)),
  $ne: (actual, wanted) => !same(actual, wanted),
  $exists: (actual, wanted) => (actual !== undefined && actual !== null) === wanted,
  $match: (actual, wanted) => typeof actual === 'string' && new RegExp(String(wanted), 'u').test(actual),
  $notMatch: (actual, wanted) => typeof actual !== 'string' || !new RegExp(String(wanted), 'u').test(actual),
  $gte: (actual, wanted) => typeof actual === 'number' && actual >= Number(wanted),
  $set: (actual, wanted) => isDeepStrictEqual(sorted(list(actual)), sorted(list(wanted))),
  $contains: (actual, wanted) => list(wanted).every((item) => list(actual).some((other) => same(other, item))),
  $notContains: (actual, wanted) => !list(wanted).some((item) => list(actual).some((other) => same(other, item))),
  $emptyOrAbsent: (actual, wanted) => (list(actual).length === 0 && !isScalar(actual)) === wanted,
  $eqPath: (actual, wanted, document) => actual !== undefined && same(actual, valueAt(document, String(wanted))),
  $eqJson: (actual, wanted, document) => actual !== undefined && same(actual, valueAt(document, String(wanted))),
  $integer: (actual, wanted) => Number.isInteger(actual) === wanted,
  $noNulls: (actual, wanted) => !holdsNull(actual) === wanted,
}

/**
 * Whether a value is as expected: equal to a literal (null and absent are the same, RFC 7643 §2.5), or true for every
 * matcher of an object of matchers. `document` is the whole body, for `$eqPath` and `$eqJson`.
 * @throws Error for an unknown matcher.
 */
export function matches(actual: unknown, expected: unknown, document: unknown): boolean {
  if (!isMatcher(expected)) return same(actual, expected)
  return Object.entries(expected).every(([name, wanted]) => {
    const matcher = MATCHERS[name]
    if (matcher === undefined) throw new Error(`unknown matcher ${name} (known: ${Object.keys(MATCHERS).join(', ')})`)
    return matcher(actual, wanted, document)
  })
}

/** What is wrong with a body, one problem for each path that does not match. */
export function bodyProblems(document: unknown, expected: Readonly<Record<string, unknown>>): Problem[] {
  return Object.entries(expected).flatMap(([path, wanted]) => {
    const actual = valueAt(document, path)
    return matches(actual, wanted, document)
      ? []
      : [{ where: path === '' ? 'body' : `body ${path}`, expected: show(wanted), got: show(actual) }]
  })
}

/** What is wrong with the headers (names in lower case). */
export function headerProblems(
  headers: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, unknown>>,
  document: unknown,
): Problem[] {
  return Object.entries(expected).flatMap(([name, wanted]) =>
    matches(headers[name], wanted, document)
      ? []
      : [{ where: `header ${name}`, expected: show(wanted), got: show(headers[name]) }],
  )
}

/** A value as one line of text; absent is called so. */
export function show(value: unknown): string {
  return value === undefined ? '(absent)' : JSON.stringify(value)
}

function isMatcher(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every((key) => key.startsWith('$') && key !== '$ref')
}

function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a ?? null, b ?? null)
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function sorted(values: unknown[]): string[] {
  return values.map((value) => JSON.stringify(value ?? null)).sort()
}

function isScalar(value: unknown): boolean {
  return value !== undefined && value !== null && !Array.isArray(value)
}

function holdsNull(value: unknown): boolean {
  if (value === null) return true
  return typeof value === 'object' && Object.values(value).some(holdsNull)
}
