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
  const start = headOf(body)
  if (start === undefined || body.startsWith('"cause":', start.text.length)) return undefined
  const tail = usualTail(body, body.length - tailLength) ?? tailFrom(body, body.lastIndexOf(`,"id":"${id}"`), start)
  return tail && { head: start.facts, tail }
}

/** What a body begins with, its comma included. */
interface Head {
  readonly text: string
  readonly facts: Facts
}

const MOST_HEADS = 8
/** Records near one another are mostly the same few acts of the same actor, word by word. The newest head is first. */
let heads: readonly Head[] = []

function headOf(body: string): Head | undefined {
  // What ends at the first place where a head can end does so in each body that begins with it.
  for (const known of heads) if (body.slice(0, known.text.length) === known.text) return known
  const end = body.indexOf('"},"') + 2
  if (end < 2) return undefined
  const facts = parsed(`${body.slice(0, end)}}`)
  if (!isJsonObject(facts)) return undefined
  const head = { text: body.slice(0, end + 1), facts }
  heads = [head, ...heads.slice(0, MOST_HEADS - 1)]
  return head
}

/** What stands in a JSON string without an escape. */
const LETTERS = '[ !#-[\\]-\\uffff]*'
const TEXT = `"${LETTERS}"`
const MEMBER = `"[A-Za-z]+":${TEXT}`
const TARGET = `\\{${MEMBER}(?:,${MEMBER})*\\}`
/** A tail as nearly all are, from its first letter to the last; reading it so takes half as long as parsing it. */
const USUAL_TAIL = new RegExp(
  [
    `,"id":"(${LETTERS})"(?:,"latencyUs":\\d+)?,"org":"(${LETTERS})","outcome":\\{"result":"(${LETTERS})"\\}`,
    `,"receivedAt":${TEXT}`,
    `(?:,"request":\\{(?:"bulkIndex":\\d+,)?"id":"(${LETTERS})"(?:,"idpRequestId":${TEXT})?(?:,"method":${TEXT})?`,
    `(?:,"route":${TEXT})?\\})?,"targets":\\[${TARGET}(?:,${TARGET})*\\],"v":1\\}$`,
  ].join(''),
  'y',
)

/** Of the last usual tail. Those of records near one another are mostly as long, so it need not be looked for. */
let tailLength = 0

function usualTail(body: string, from: number): Facts | undefined {
  USUAL_TAIL.lastIndex = from
  const usual = USUAL_TAIL.exec(body)
  if (usual === null) return undefined
  const [, id, org, result, request] = usual
  return { id, org, outcome: { result }, request: { id: request } }
}

function tailFrom(body: string, from: number, { text }: Head): Facts | undefined {
  if (from < text.length - 1) return undefined
  const usual = usualTail(body, from)
  if (usual !== undefined) {
    tailLength = body.length - from
    return usual
  }
  const tail = parsed(`{${body.slice(from + 1)}`)
  return isJsonObject(tail) ? tail : undefined
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
