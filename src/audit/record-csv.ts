import { stringify } from 'csv-stringify/sync'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { disclosed } from './opened-values.ts'

const COLUMNS = [
  ...['time', 'seq', 'action', 'result', 'reason', 'actor type', 'actor', 'connection', 'request'],
  ...['target type', 'target', 'person', 'what', 'old', 'new', 'via', 'record', 'hash'],
] as const

type Row = Readonly<Partial<Record<(typeof COLUMNS)[number], string>>>

/** The first line; with a byte order mark for spreadsheets that would else take the text for another encoding. */
export function csvHead(bom: boolean): string {
  return (bom ? '\uFEFF' : '') + csvOf([[...COLUMNS]])
}

/** A record as CSV (RFC 4180): a row for each change and for each person of each effect, one where there are none. */
export function recordRows(record: StoredRecord, pii: readonly PiiTriple[] = []): string {
  const body = objectOf(disclosed(record.body, pii))
  const shared = sharedCells(record, body)
  const rows = [...listOf(body['changes']).flatMap(changeRows), ...listOf(body['effects']).flatMap(effectRows)]
  return csvOf(
    (rows.length === 0 ? [{}] : rows).map((row) => COLUMNS.map((name) => ({ ...shared, ...row })[name] ?? '')),
  )
}

function sharedCells(record: StoredRecord, body: JsonObject): Row {
  const [actor, outcome] = [objectOf(body['actor']), objectOf(body['outcome'])]
  const [target] = listOf(body['targets'])
  return {
    time: new Date(record.time).toISOString(),
    seq: String(record.seq),
    action: record.action,
    result: record.result,
    reason: textOf(outcome['reason']),
    'actor type': record.actorType,
    actor: textOf(actor['id'] ?? actor['subject']),
    connection: record.connectionId ?? '',
    request: record.requestId ?? '',
    'target type': textOf(target?.['type']),
    target: textOf(target?.['id']),
    record: record.id,
    hash: Buffer.from(record.hash).toString('hex'),
  }
}

function changeRows(change: JsonObject): readonly Row[] {
  const { path, old, new: now, added, removed } = change
  const what = textOf(path)
  if (added === undefined && removed === undefined) return [{ what, old: textOf(old), new: textOf(now) }]
  const gone = idsOf(removed).map((person) => ({ what, person, old: person }))
  return [...idsOf(added).map((person) => ({ what, person, new: person })), ...gone]
}

function effectRows({ kind, target, old, new: now, via, people }: JsonObject): readonly Row[] {
  const what = target === '' ? textOf(kind) : `${textOf(kind)} ${textOf(target)}`
  return idsOf(people).map((person) => ({ what, person, old: textOf(old), new: textOf(now), via: textOf(via) }))
}

function idsOf(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map((id: Json) => textOf(id)) : []
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A cell that a spreadsheet would take for a formula begins with `'`; one that begins with a control character too. */
function csvOf(rows: readonly (readonly string[])[]): string {
  const guarded = rows.map((row) => row.map((cell) => (/^[\p{Cc}\p{Cf}](?<![\t\r])/u.test(cell) ? `'${cell}` : cell)))
  return stringify(guarded, { record_delimiter: 'windows', escape_formulas: true })
}
