import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fillIn } from './fill-in.ts'

/** Whose behaviour a case describes: the RFCs themselves, or what one identity provider sends. */
export const PROFILES = ['rfc', 'okta', 'entra', 'jumpcloud', 'ping', 'authentik'] as const
export type Profile = (typeof PROFILES)[number]

/**
 * What a server may leave out: five flags of ServiceProviderConfig (RFC 7643 §5), pages by cursor (RFC 9865 §4), and three
 * found by asking.
 */
export const CAPABILITIES = ['patch', 'filter', 'sort', 'bulk', 'etag', 'cursor', 'search', 'me', 'roles'] as const
export type Capability = (typeof CAPABILITIES)[number]

/** What the answer to a step has to be. */
export interface Expectation {
  /** One status or any of several. */
  readonly status: number | readonly number[]
  /** Path into the body → literal or matcher (`match.ts`). */
  readonly json?: Readonly<Record<string, unknown>>
  /** Header name in lower case → literal or matcher. */
  readonly headers?: Readonly<Record<string, unknown>>
  /** The body is a SCIM error (RFC 7644 §3.12); a string or list also fixes its `scimType`. */
  readonly error?: true | string | readonly string[]
  /** The body is empty (204). */
  readonly empty?: true
  /** The request went over the connection of the step before, which was therefore not broken. */
  readonly sameConnection?: true
}

/** One request and what must come back. Every string may hold fill-ins (`fill-in.ts`). */
export interface Step {
  readonly method: string
  /** Relative to the SCIM base; may carry a query string of its own where the exact bytes matter. */
  readonly path: string
  /** Encoded and appended to the path; null gives a bare key. */
  readonly query?: Readonly<Record<string, string | number | null>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Name of a saved answer to start the body from; the keys of `body` are laid over it. */
  readonly bodyOf?: string
  readonly rawBody?: string
  readonly noAuth?: true
  /** Keeps the answer under a name, for `{{id:NAME}}` and `bodyOf`. */
  readonly save?: string
  /** Sends the step so many times, `{{n}}` counting from 0. */
  readonly times?: number
  readonly maxMs?: number
  readonly expect: Expectation
}

/** One independent case. */
export interface ConformanceCase {
  readonly id: string
  readonly section: string
  /** `RFC 7644 §3.5.2.2`, or the identity provider and its document. */
  readonly source: string
  readonly title: string
  readonly profiles: readonly Profile[]
  readonly needs: readonly Capability[]
  readonly steps: readonly Step[]
}

interface RawCase extends Omit<ConformanceCase, 'section' | 'profiles' | 'needs'> {
  readonly given?: readonly string[]
  readonly profiles?: readonly Profile[]
  readonly needs?: readonly Capability[]
}

interface CaseFile {
  readonly order: number
  readonly section: string
  readonly profiles: readonly Profile[]
  readonly needs?: readonly Capability[]
  /** Steps that several cases of the file start with, by name. */
  readonly fixtures?: Readonly<Record<string, readonly Step[]>>
  readonly cases: readonly RawCase[]
}

const KEYS = {
  file: ['order', 'section', 'profiles', 'needs', 'fixtures', 'cases'],
  case: ['id', 'source', 'title', 'profiles', 'needs', 'given', 'steps'],
  step: 'method path query headers body bodyOf rawBody noAuth save times maxMs expect'.split(' '),
  expect: ['status', 'json', 'headers', 'error', 'empty', 'sameConnection'],
} as const

/**
 * All cases, in the order of their sections.
 * @throws Error naming file and case when a file holds an unknown key, fixture, capability or a repeated id.
 */
export function loadCases(folder: string = casesFolder()): ConformanceCase[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, file: readCaseFile(join(folder, name)) }))
    .sort((a, b) => a.file.order - b.file.order)
  const seen = new Set<string>()
  return files.flatMap(({ name, file }) =>
    file.cases.map((raw) => {
      if (seen.has(raw.id)) throw new Error(`${name}: the case id ${raw.id} is used twice`)
      seen.add(raw.id)
      return toCase(raw, file, `${name}: ${raw.id}`)
    }),
  )
}

/** `conformance/cases` of the package, from source as well as from the build, which has no copy of the JSON. */
function casesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const cases = join(folder, 'conformance', 'cases')
    if (existsSync(join(folder, 'package.json')) && existsSync(cases)) return cases
    const parent = dirname(folder)
    if (parent === folder) throw new Error('conformance/cases was not found beside a package.json above this file')
    folder = parent
  }
}

function readCaseFile(path: string): CaseFile {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as CaseFile
    refuseUnknownKeys(file, KEYS.file, path)
    return file
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function toCase(raw: RawCase, file: CaseFile, where: string): ConformanceCase {
  refuseUnknownKeys(raw, KEYS.case, where)
  const needs = [...new Set([...(file.needs ?? []), ...(raw.needs ?? [])])]
  const profiles = raw.profiles ?? file.profiles
  refuseUnknownValues(needs, CAPABILITIES, where)
  refuseUnknownValues(profiles, PROFILES, where)
  const given = (raw.given ?? []).flatMap((name) => {
    const steps = file.fixtures?.[name]
    if (steps === undefined) throw new Error(`${where}: there is no fixture "${name}" in this file`)
    return steps
  })
  const steps = [...given, ...raw.steps].flatMap((step) => repeat(checkedStep(step, where)))
  if (steps.length === 0) throw new Error(`${where}: a case needs a step`)
  return { id: raw.id, section: file.section, source: raw.source, title: raw.title, profiles, needs, steps }
}

function checkedStep(step: Step, where: string): Step {
  refuseUnknownKeys(step, KEYS.step, where)
  refuseUnknownKeys(step.expect, KEYS.expect, where)
  if (step.body !== undefined && step.rawBody !== undefined) throw new Error(`${where}: body or rawBody, not both`)
  return step
}

function repeat(step: Step): Step[] {
  const { times, ...once } = step
  if (times === undefined) return [once]
  return Array.from({ length: times }, (_, n) => fillIn(once, (name) => (name === 'n' ? String(n) : `{{${name}}}`)))
}

function refuseUnknownKeys(value: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new Error(`${where}: unknown key "${unknown}" (known: ${known.join(', ')})`)
}

function refuseUnknownValues(values: readonly string[], known: readonly string[], where: string): void {
  const unknown = values.find((value) => !known.includes(value))
  if (unknown !== undefined) throw new Error(`${where}: unknown value "${unknown}" (known: ${known.join(', ')})`)
}
