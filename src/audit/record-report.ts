import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'

const STYLE =
  'body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;width:100%}' +
  'th,td{text-align:left;vertical-align:top;padding:.3em .6em;border-bottom:1px solid #ccc}' +
  'thead{display:table-header-group}tr{break-inside:avoid}@media print{body{margin:0}}'

/** The beginning of a page for the printer; its rows and {@link REPORT_END} follow. */
export function reportHead({
  orgName,
  made,
  ...query
}: { orgName: string; made: number } & Record<string, unknown>): string {
  const asked = Object.entries(query).map(([name, value]) => `${name} ${String(value)}`)
  const what = asked.length === 0 ? 'everything' : asked.join(', ')
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Provisioning log of ${escaped(orgName)}</title><style>${STYLE}</style>
<h1>Provisioning log of ${escaped(orgName)}</h1>
<p>Asked for: ${escaped(what)}. Made ${new Date(made).toISOString()}. Times are UTC.</p>
<table><thead><tr><th>Record<th>Time<th>Action<th>Result<th>By<th>Concerning<th>What</thead><tbody>
`
}

/** A record as a row. */
export function reportRow({ seq, time, action, result, actorType, actorId, body }: StoredRecord): string {
  const facts = JSON.parse(body) as JsonObject
  const targets = listOf(facts['targets']).map(({ type, id }) => `${textOf(type)} ${textOf(id)}`)
  const changes = listOf(facts['changes']).map(({ path }) => textOf(path))
  const effects = listOf(facts['effects']).map(
    ({ kind, target, old, new: now }) => `${textOf(kind)} ${textOf(target)}: ${textOf(old)} → ${textOf(now)}`,
  )
  const cells = [
    ...[String(seq), new Date(time).toISOString(), action, result, `${actorType} ${actorId ?? ''}`],
    ...[targets.join('; '), [...changes, ...effects].join('; ')],
  ]
  return `<tr>${cells.map((cell) => `<td>${escaped(cell)}`).join('')}\n`
}

/** The end of the page. */
export const REPORT_END = '</tbody></table></html>\n'

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return 'nothing'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
