import type { LinkedRecord } from '../domain/ports.ts'
import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json } from '../domain/json.ts'

type Facts = Readonly<Record<string, Json | undefined>>

const NO_FACTS: Facts = {}

/** The first search column that is not what the record's body says; undefined where all are. */
export function differingColumn(orgId: OrgId, record: LinkedRecord): string | undefined {
  // Most bodies are read at their two ends. What differs there is told from the whole of it.
  const ends = endsOf(record)
  if (ends !== undefined && differing(orgId, record, ends.head, ends.tail) === undefined) return undefined
  const body = objectIn(parsed(record.body))
  return differing(orgId, record, body, body)
}

/** @param head holds action, actor and cause, `tail` the other facts */
function differing(orgId: OrgId, record: LinkedRecord, head: Facts, tail: Facts): string | undefined {
  const actor = objectIn(head['actor'])
  if (orgId !== tail['org']) return 'org'
  if (record.id !== tail['id']) return 'id'
  if (record.action !== head['action']) return 'action'
  if (record.result !== objectIn(tail['outcome'])['result']) return 'result'
  if (record.actorType !== actor['type']) return 'actorType'
  if (record.actorId !== actor['id']) return 'actorId'
  if (record.connectionId !== actor['connectionId']) return 'connectionId'
  if (record.requestId !== objectIn(tail['request'])['id']) return 'requestId'
  return record.causeId === head['cause'] ? undefined : 'causeId'
}

/**
 * A body without its middle, where changes and effects stand: its keys are sorted, so the facts are before and behind
 * them, and parsing less is most of what a check of columns takes. Each end must be an object when the other is cut off,
 * which it is only where it was cut between two keys of the body itself.
 * @returns undefined where it is not cut so: then the whole of it is to be read
 */
function endsOf({ body, id }: LinkedRecord): { readonly head: Facts; readonly tail: Facts } | undefined {
  const from = body.indexOf('"},"') + 2
  const to = body.lastIndexOf(`,"id":"${id}"`)
  if (from < 2 || to < from || body.startsWith(',"cause":', from)) return undefined
  const head = headOf(`${body.slice(0, from)}}`)
  if (head === undefined) return undefined
  const tail = parsed(`{${body.slice(to + 1)}`)
  return isJsonObject(tail) ? { head, tail } : undefined
}

const MOST_HEADS = 500
/** Records one after the other are mostly the same act of the same actor, word by word. */
const heads = new Map<string, Facts>()

function headOf(text: string): Facts | undefined {
  const known = heads.get(text)
  if (known !== undefined) return known
  const head = parsed(text)
  if (!isJsonObject(head)) return undefined
  if (heads.size >= MOST_HEADS) heads.clear()
  heads.set(text, head)
  return head
}

/** A body that is no JSON reads as one without facts, so its columns differ. */
function parsed(body: string): Json {
  try {
    return JSON.parse(body) as Json
  } catch {
    return null
  }
}

function objectIn(value: Json | undefined): Facts {
  return isJsonObject(value) ? value : NO_FACTS
}
