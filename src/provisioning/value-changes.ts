import { equalJson, type Json } from '../domain/json.ts'
import type { RecordChange } from '../domain/record.ts'

type Values = Readonly<Record<string, Json | undefined>>

/** What differs between two sets of values by path, for a record; a value that is absent on one side has none there. */
export function valueChanges(before: Values, after: Values): readonly RecordChange[] {
  return Object.keys(after).flatMap((path): readonly RecordChange[] => {
    const [from, to] = [before[path], after[path]]
    if (equalJson(from, to)) return []
    return [{ path, ...(from === undefined ? {} : { old: from }), ...(to === undefined ? {} : { new: to }) }]
  })
}
