import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts'

const PREFIX = 'bulkId:'

/** The bulkId that a text names, being `bulkId:…` as a whole (RFC 7644 §3.7.2); undefined for any other text. */
export function referenceIn(text: string): string | undefined {
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined
}

/** A text literal of a filter. One that does not end takes the rest, so that no text is looked through twice. */
const LITERAL = /"(?:[^"\\]|\\[^]?)*(?:"|$)/g

/** The path of a PATCH operation that may hold a filter, or undefined. Quotes that came escaped are taken as they were meant. */
function filteredPath(key: string, value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || key.toLowerCase() !== 'path' || !value.includes('[')) return undefined
  const quote = value.indexOf('"')
  return quote > 0 && value[quote - 1] === '\\' ? value.replaceAll('\\"', '"') : value
}

/** The bulkId that a text literal of a filter names, as `members[value eq "bulkId:ann"]` does. */
function literalReference(literal: string): string | undefined {
  try {
    return referenceIn(JSON.parse(literal) as string)
  } catch {
    // Not a literal: reading the path says so.
    return undefined
  }
}

function pathReferences(path: string | undefined): readonly string[] {
  const references = path?.match(LITERAL)?.map(literalReference) ?? []
  return references.filter((each) => each !== undefined)
}

/** The bulkIds that values anywhere in the data of an operation name, also within the filter of a PATCH path. */
export function referencesIn(data: Json | undefined): Set<string> {
  const found = new Set<string>()
  collect(data, found)
  return found
}

function collect(value: Json | undefined, into: Set<string>): void {
  if (typeof value === 'string') {
    const reference = referenceIn(value)
    if (reference !== undefined) into.add(reference)
  } else if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) collect(element, into)
  } else if (isJsonObject(value)) {
    for (const [key, element] of Object.entries(value)) {
      for (const reference of pathReferences(filteredPath(key, element))) into.add(reference)
      collect(element, into)
    }
  }
}

/** Ids by bulkId. */
export type KnownIds = ReadonlyMap<string, string>

/**
 * The data with ids in the place of references. A reference whose id is not known yet is left out, and so is the element
 * of a list whose reference it was: that is how a circle is entered.
 */
export function resolveReferences(data: Json | undefined, ids: KnownIds): Json | undefined {
  if (typeof data === 'string') {
    const reference = referenceIn(data)
    return reference === undefined ? data : ids.get(reference)
  }
  if (Array.isArray(data)) {
    const elements = data as readonly Json[]
    return elements.flatMap((element) => (isOpen(element, ids) ? [] : [resolveReferences(element, ids) ?? null]))
  }
  return isJsonObject(data) ? resolveMembers(data, ids) : data
}

function resolveMembers(object: JsonObject, ids: KnownIds): JsonObject {
  const members = Object.entries(object).map(([key, value]) => {
    const path = filteredPath(key, value)
    return [key, path === undefined ? resolveReferences(value, ids) : resolvePath(path, ids)] as const
  })
  // fromEntries defines each key as its own, __proto__ too.
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

function resolvePath(path: string, ids: KnownIds): string {
  return path.replace(LITERAL, (literal) => {
    const id = ids.get(literalReference(literal) ?? '')
    return id === undefined ? literal : JSON.stringify(id)
  })
}

/** Whether an element of a list is a reference without an id, or an object that holds one directly. */
function isOpen(element: Json, ids: KnownIds): boolean {
  const values = isJsonObject(element) ? Object.values(element) : [element]
  return values.some((value) => {
    const reference = typeof value === 'string' ? referenceIn(value) : undefined
    return reference !== undefined && !ids.has(reference)
  })
}
