import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { disclosed } from './opened-values.ts'

/** What exports for other systems say of a record, by name; absent ones are undefined. */
export interface RecordFacts {
  readonly thing: string
  readonly verb: string
  readonly result: string
  readonly reason: string | undefined
  /** The HTTP status that was answered, of what was refused. */
  readonly status: number | undefined
  readonly actor: JsonObject
  readonly client: JsonObject
  readonly targets: readonly JsonObject[]
  /** The first target of a type. */
  target(type: string): JsonObject | undefined
  readonly changes: readonly JsonObject[]
  readonly effects: readonly JsonObject[]
  /** The new value of a changed path, with disclosed values open. */
  changed(path: string): Json | undefined
}

export function factsOf(record: StoredRecord, pii: readonly PiiTriple[]): RecordFacts {
  const body = objectOf(disclosed(record.body, pii))
  const [thing = '', verb = ''] = record.action.split('.')
  const outcome = objectOf(body['outcome'])
  const [targets, changes] = [listOf(body['targets']), listOf(body['changes'])]
  return {
    ...{ thing, verb, result: record.result, targets, changes, effects: listOf(body['effects']) },
    reason: textIn(outcome['reason']),
    status: typeof outcome['status'] === 'number' ? outcome['status'] : undefined,
    actor: objectOf(body['actor']),
    client: objectOf(body['client']),
    target: (type) => targets.find((target) => target['type'] === type),
    changed: (path) => changes.find((change) => change['path'] === path)?.['new'],
  }
}

/** Text, where it is that. */
export function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}
