import { isJsonObject } from '../../domain/json.ts'
import type { Json } from '../../domain/json.ts'

/** Whether two JSON values are equal; the order of an object's keys does not matter, that of an array's elements does. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (isJsonObject(left) && isJsonObject(right)) {
    const keys = Object.keys(left)
    return keys.length === Object.keys(right).length && keys.every((key) => sameJson(left[key], right[key]))
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((each: Json, index) => sameJson(each, right[index] as Json))
  }
  return left === right
}
