import { DomainError } from '../../domain/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts'
import { entityTags } from '../../http/entity-tag.ts'
import { HttpProblem } from '../../http/http-problem.ts'
import { endpointOf, type ResourceKind } from '../endpoint.ts'
import { shown } from '../filter/resolve.ts'
import { valueOf } from '../patch/envelope.ts'
import { guardText, kindOf } from '../schema/guard.ts'
import { referenceIn, referencesIn } from './references.ts'

export const BULK_REQUEST_URN = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'

/** The most operations of one Bulk request; more is 413. ServiceProviderConfig announces it. */
export const MAX_BULK_OPERATIONS = 1_000

export type BulkMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'] satisfies BulkMethod[])

/** One operation of a Bulk request that can be tried (RFC 7644 §3.7). */
export interface BulkOperation {
  /** Where it stands in the request, from 0. */
  readonly index: number
  readonly method: BulkMethod
  readonly kind: ResourceKind
  /** What follows the endpoint in the path: an id, or `bulkId:…`; absent for POST. */
  readonly target: string | undefined
  readonly bulkId: string | undefined
  /** Versions to be compared as `If-Match` is; absent where the operation names none. */
  readonly ifMatch: readonly string[] | undefined
  readonly data: Json | undefined
  /** The bulkIds that `data` and the path name. */
  readonly references: ReadonlySet<string>
}

/** One operation as its result names it again, and what it asks for, or why it cannot be tried. */
export interface BulkEntry {
  readonly index: number
  /** In capitals, or as sent where it is none of the four; absent where it is no text. */
  readonly method: string | undefined
  readonly bulkId: string | undefined
  readonly operation: BulkOperation | undefined
  readonly problem: unknown
}

export interface BulkRequest {
  /** Errors after which nothing more is tried; Infinity where the request does not say. */
  readonly failOnErrors: number
  readonly entries: readonly BulkEntry[]
}

/**
 * Reads the body of POST /Bulk (RFC 7644 §3.7), as tolerant as PATCH is: missing `schemas` and further ones, keys and
 * methods in any case. What is wrong with one operation is that operation's result and stops no other.
 * @throws DomainError `invalid-syntax`, `invalid-value` (failOnErrors), `too-large` (more than 1,000 operations)
 */
export function readBulkRequest(body: unknown): BulkRequest {
  if (!isJsonObject(body)) throw syntax(`The body must be a JSON object, got ${kindOf(body)}.`)
  refuseOtherSchema(valueOf(body, 'schemas'))
  const operations = valueOf(body, 'Operations')
  if (!Array.isArray(operations)) throw syntax(`Operations must be an array, got ${kindOf(operations)}.`)
  if (operations.length > MAX_BULK_OPERATIONS) {
    const message = `One Bulk request may carry at most ${MAX_BULK_OPERATIONS} operations; send the rest after it.`
    throw new DomainError('too-large', message, { reason: 'bulk.too-many-operations' })
  }
  const failOnErrors = readFailOnErrors(valueOf(body, 'failOnErrors'))
  const entries = operations.map((operation: Json, index) => readEntry(operation, index))
  return { failOnErrors, entries: refuseDoubles(entries) }
}

function syntax(sentence: string): DomainError {
  return new DomainError('invalid-syntax', sentence)
}

function refuseOtherSchema(schemas: Json | undefined): void {
  if (schemas === undefined || schemas === null || (Array.isArray(schemas) && schemas.length === 0)) return
  const list: readonly unknown[] = Array.isArray(schemas) ? schemas : [schemas]
  const named = list.some((urn) => typeof urn === 'string' && urn.toLowerCase() === BULK_REQUEST_URN.toLowerCase())
  if (!named) throw syntax(`schemas of a Bulk request must list ${BULK_REQUEST_URN}.`)
}

function readFailOnErrors(value: Json | undefined): number {
  if (value === undefined || value === null) return Infinity
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
  throw new DomainError(
    'invalid-value',
    'failOnErrors must be a whole number from 1; leave it out to have every operation tried.',
  )
}

function readEntry(raw: Json, index: number): BulkEntry {
  const object = isJsonObject(raw) ? raw : {}
  const [method, bulkId] = [valueOf(object, 'method'), valueOf(object, 'bulkId')]
  const echo = {
    index,
    method: typeof method === 'string' ? method.trim().toUpperCase().slice(0, 16) : undefined,
    bulkId: typeof bulkId === 'string' ? bulkId : undefined,
  }
  try {
    if (!isJsonObject(raw)) throw syntax(`Operations[${index}] must be an object, got ${kindOf(raw)}.`)
    return { ...echo, operation: readOperation(raw, echo), problem: undefined }
  } catch (problem) {
    return { ...echo, operation: undefined, problem }
  }
}

type Echo = Pick<BulkEntry, 'index' | 'method' | 'bulkId'>

function readOperation(raw: JsonObject, { index, method = '', bulkId }: Echo): BulkOperation {
  const where = `Operations[${index}]`
  const { kind, target } = readPath(valueOf(raw, 'path'), where)
  requireMethod(method, target, where)
  requireBulkId(valueOf(raw, 'bulkId'), method, where)
  const data = method === 'DELETE' ? undefined : valueOf(raw, 'data')
  const references = referencesIn(data)
  const named = target === undefined ? undefined : referenceIn(target)
  if (named !== undefined) references.add(named)
  const ifMatch = readVersion(valueOf(raw, 'version'), where)
  return { index, method, kind, target, bulkId, ifMatch, data, references }
}

function readPath(path: Json | undefined, where: string): { kind: ResourceKind; target: string | undefined } {
  const endpoint = typeof path === 'string' ? endpointOf(path.startsWith('/') ? path : `/${path}`) : undefined
  if (endpoint?.kind === undefined || endpoint.template.endsWith('.search')) {
    throw new DomainError('invalid-path', `${where}.path must be /Users, /Groups or /Roles, or one of them with /{id}.`)
  }
  const { kind, rawId } = endpoint
  return { kind, target: rawId === undefined ? undefined : decodeURIComponent(rawId) }
}

function requireMethod(method: string, target: string | undefined, where: string): asserts method is BulkMethod {
  if (!/^[A-Z]+$/.test(method)) throw syntax(`${where}.method must be POST, PUT, PATCH or DELETE.`)
  const isRight = METHODS.has(method) && (method === 'POST') === (target === undefined)
  if (isRight) return
  const known = target === undefined ? 'POST' : 'PUT, PATCH or DELETE'
  throw new HttpProblem(405, `${where}: within Bulk this path answers ${known}, not ${method}.`)
}

function requireBulkId(bulkId: Json | undefined, method: BulkMethod, where: string): void {
  if (typeof bulkId === 'string') guardText(bulkId, `${where}.bulkId`)
  else if (bulkId !== undefined && bulkId !== null) throw syntax(`${where}.bulkId must be a string.`)
  if (method === 'POST' && (typeof bulkId !== 'string' || bulkId === ''))
    throw syntax(`${where}.bulkId is required for POST: it names the new resource within this request.`)
}

function readVersion(version: Json | undefined, where: string): readonly string[] | undefined {
  if (version === undefined || version === null) return undefined
  if (typeof version === 'string' || typeof version === 'number') return entityTags(String(version))
  throw new DomainError('invalid-value', `${where}.version must be a string such as W/"1", got ${kindOf(version)}.`)
}

/** Two new resources of one bulkId: a reference could mean either, so none of them is made. */
function refuseDoubles(entries: readonly BulkEntry[]): readonly BulkEntry[] {
  const counts = new Map<string, number>()
  for (const { operation, bulkId } of entries) {
    if (operation?.method === 'POST' && bulkId !== undefined) counts.set(bulkId, (counts.get(bulkId) ?? 0) + 1)
  }
  return entries.map((entry) => {
    const { index, operation, bulkId = '' } = entry
    if (operation?.method !== 'POST' || counts.get(bulkId) === 1) return entry
    const problem = syntax(`Operations[${index}].bulkId: ${shown(bulkId)} names ${counts.get(bulkId)} operations.`)
    return { ...entry, operation: undefined, problem }
  })
}
