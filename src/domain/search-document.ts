import { fold } from './fold.ts'
import type { JsonObject } from './json.ts'

/**
 * The JSON text of attributes with every string value folded and every key kept: the same shape as the attributes, so
 * one JSON path reads both, and what filters and sorts compare without case.
 */
export function searchDocument(attributes: JsonObject): string {
  return JSON.stringify(attributes, (_key, value: unknown) => (typeof value === 'string' ? fold(value) : value))
}
