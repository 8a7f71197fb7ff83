import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts'

const PREFIX = 'bulkId:'

/** The bulkId that a text names, being `bulkId:…` as a whole (RFC 7644 §3.7.2); undefined for any other text. */
export function referenceIn(text: string): string | undefined {
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined
}

/** The bulkIds that values anywhere in the data of an operation name. */
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
    for (const element of Object.values(value)) collect(element, into)
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
  const members = Object.entries(object).map(([key, value]) => [key, resolveReferences(value, ids)] as const)
  // fromEntries defines each key as its own, __proto__ too.
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

/** Whether an element of a list is a reference without an id, or an object that holds one directly. */
function isOpen(element: Json, ids: KnownIds): boolean {
  const values = isJsonObject(element) ? Object.values(element) : [element]
  return values.some((value) => {
    const reference = typeof value === 'string' ? referenceIn(value) : undefined
    return reference !== undefined && !ids.has(reference)
  })
}
