import type { AttributeRef, Filter, Literal } from '../../domain/filter.ts'
import { FilterFault, reportingFaults } from '../filter/lex.ts'
import { FilterReader } from '../filter/reader.ts'
import { resolveName, resolveSub, type Resolved } from '../filter/resolve.ts'
import type { AttributeDefinition, SchemaView } from '../schema/view.ts'

/** What the `path` of a PATCH operation names (RFC 7644 §3.5.2, Figure 7). */
export interface PatchPath {
  /** Canonical URN of the extension that holds the attribute; undefined for core and common ones. */
  readonly schema: string | undefined
  /** undefined where the path is an extension's URN alone: the extension as a whole. */
  readonly attribute: AttributeDefinition | undefined
  /** The filter in brackets, its references relative to the element. */
  readonly where: Filter | undefined
  readonly sub: AttributeDefinition | undefined
}

function readPath(text: string, view: SchemaView): PatchPath {
  const reader = new FilterReader(text, view)
  const token = reader.take()
  if (token.kind !== 'word') throw new FilterFault(token.at, 'the name of an attribute is needed.')
  const resolved = resolveName(view, token.text, token.at)
  const schema = resolved.extension?.id
  if (reader.peek().kind !== '[') {
    reader.expectEnd()
    return { schema, attribute: resolved.attribute, where: undefined, sub: resolved.sub }
  }
  return { schema, ...readValuePath(reader, resolved) }
}

function readValuePath(reader: FilterReader, resolved: Resolved): Omit<PatchPath, 'schema'> {
  // References are relative to the element here also where there is but one.
  const isComplex = resolved.attribute?.type === 'complex'
  const element = isComplex ? { ...resolved.attribute, multiValued: true } : resolved.attribute
  const where = reader.elementFilter({ ...resolved, attribute: element })
  const token = reader.peek()
  let sub: AttributeDefinition | undefined
  if (resolved.attribute !== undefined && token.kind === 'word' && token.text.startsWith('.')) {
    reader.take()
    sub = resolveSub(resolved.attribute, token.text.slice(1), token.at + 1)
  }
  reader.expectEnd()
  return { attribute: resolved.attribute, where, sub }
}

const ESCAPED_QUOTE = /\\"/g

/** Some clients send `roles[value eq \"r\"]` with the backslashes in the path: no literal can begin with one. */
function readTolerantly(text: string, view: SchemaView): PatchPath {
  try {
    return readPath(text, view)
  } catch (error) {
    const escaped = error instanceof FilterFault && text.startsWith('\\"', error.position) && text.includes('[')
    if (!escaped) throw error
    return readPath(text.replace(ESCAPED_QUOTE, '"'), view)
  }
}

/**
 * Parses the path of a PATCH operation in any case: `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`, each with
 * or without its URN, or an extension's URN alone.
 * @throws DomainError invalid-path, saying where and what, for a malformed path, filter included, or an unknown
 * attribute; limits as for filters
 */
export function parsePatchPath(text: string, view: SchemaView): PatchPath {
  return reportingFaults('Path', 'invalid-path', () => readTolerantly(text, view))
}

/** A term `sub eq literal` of a path's filter. */
export interface EqTerm {
  readonly at: AttributeRef
  readonly value: Literal
}

/**
 * The terms of a filter that is `eq` terms joined by `and` only, so that it describes an element to be made (as Entra
 * ID's `addresses[type eq "work"].locality` expects); undefined for every other filter, also one that asks two values
 * of one sub-attribute.
 */
export function eqTerms(where: Filter): readonly EqTerm[] | undefined {
  const terms = collectEqTerms(where)
  const names = new Set(terms?.map(({ at }) => at.path.join('.')))
  return terms !== undefined && names.size === terms.length ? terms : undefined
}

function collectEqTerms(where: Filter): readonly EqTerm[] | undefined {
  if (where.kind === 'compare') return where.op === 'eq' ? [where] : undefined
  if (where.kind !== 'and') return undefined
  const terms: EqTerm[] = []
  for (const term of where.terms) {
    const inner = collectEqTerms(term)
    if (inner === undefined) return undefined
    terms.push(...inner)
  }
  return terms
}
