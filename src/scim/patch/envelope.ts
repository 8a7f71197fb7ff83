import { DomainError } from '../../domain/errors.ts'
import { isJsonObject } from '../../domain/json.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import { guardJson, kindOf } from '../schema/guard.ts'
import { isUnassigned } from '../schema/validator.ts'

export const PATCH_OP_URN = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** The most operations one PATCH may carry; more is 413. */
export const MAX_OPERATIONS = 1_000

export type PatchVerb = 'add' | 'remove' | 'replace'

/** One operation of a PATCH body (RFC 7644 §3.5.2), its path still text. */
export interface PatchOperation {
  readonly op: PatchVerb
  /** undefined: the operation is about the resource itself. */
  readonly path: string | undefined
  /** undefined: absent, which is not null. */
  readonly value: Json | undefined
}

const VERBS: ReadonlyMap<string, PatchVerb> = new Map([
  ['add', 'add'],
  ['remove', 'remove'],
  ['replace', 'replace'],
])

/** The value under a key in any case; the exact name wins. */
export function valueOf(object: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(object, name)) return object[name]
  return Object.entries(object).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
}

function invalidSyntax(sentence: string): DomainError {
  return new DomainError('invalid-syntax', sentence)
}

function refuseOtherSchema(schemas: Json | undefined): void {
  if (isUnassigned(schemas)) return
  const list: readonly unknown[] = Array.isArray(schemas) ? schemas : [schemas]
  const named = list.some((urn) => typeof urn === 'string' && urn.toLowerCase() === PATCH_OP_URN.toLowerCase())
  if (!named) throw invalidSyntax(`schemas of a PATCH must list ${PATCH_OP_URN}.`)
}

function readOperation(raw: Json, index: number): PatchOperation {
  const where = `Operations[${index}]`
  if (!isJsonObject(raw)) throw invalidSyntax(`${where} must be an object, got ${kindOf(raw)}.`)
  const verb = valueOf(raw, 'op')
  const op = typeof verb === 'string' ? VERBS.get(verb.toLowerCase()) : undefined
  if (op === undefined) throw invalidSyntax(`${where}.op must be add, remove or replace.`)
  const path = valueOf(raw, 'path')
  if (path !== undefined && path !== null && typeof path !== 'string') {
    throw new DomainError('invalid-path', `${where}.path must be a string, got ${kindOf(path)}.`)
  }
  const text = path?.trim()
  return { op, path: text === '' ? undefined : text, value: valueOf(raw, 'value') }
}

/**
 * Reads the body of a PATCH. Missing `schemas`, further schemas, lower-case `operations` and op in any case are
 * accepted; no operations at all is a list of none (Microsoft's validator sends it) and changes nothing.
 * @throws DomainError invalid-syntax (structure), invalid-path (path is no string), too-large (more than 1,000
 * operations), invalid-value (what no string may hold)
 */
export function readPatchOp(body: unknown): readonly PatchOperation[] {
  if (!isJsonObject(body)) throw invalidSyntax(`The body must be a JSON object, got ${kindOf(body)}.`)
  refuseOtherSchema(valueOf(body, 'schemas'))
  const operations = valueOf(body, 'Operations')
  if (operations === undefined) throw invalidSyntax('A PATCH must have Operations.')
  if (!Array.isArray(operations)) throw invalidSyntax(`Operations must be an array, got ${kindOf(operations)}.`)
  if (operations.length > MAX_OPERATIONS) {
    throw new DomainError(
      'too-large',
      `One PATCH may carry at most ${MAX_OPERATIONS} operations; send the rest after it.`,
    )
  }
  guardJson(body)
  return operations.map((operation: Json, index) => readOperation(operation, index))
}
