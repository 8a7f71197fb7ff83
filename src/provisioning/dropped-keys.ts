import type { JsonObject } from '../domain/json.ts'

/** Unknown keys that a body carried are dropped, never an error; the record says how many, not their text. */
export function droppedKeys(ignored: readonly string[] | undefined): { readonly steps?: readonly JsonObject[] } {
  return ignored === undefined || ignored.length === 0 ? {} : { steps: [{ name: 'validate', ignored: ignored.length }] }
}
