import { createHash } from 'node:crypto'
import { stringify } from 'csv-stringify/sync'
import type { Cell, Column, Fact, Report, ReportRow } from './report.ts'
import type { TimeZone } from './time-zone.ts'

/*
 * A report as JSON, CSV and HTML, in pieces as its rows come: none of them is ever whole in memory, so HTML is written
 * here and not by a renderer of pages, which would need all of it at once.
 */

/** JSON: `report`, `title`, what was asked, `rows` as objects by the names of the columns, and `summary`. */
export async function* jsonReport(report: Report, zone: TimeZone): AsyncGenerator<string> {
  const { name, title, facts, columns } = report
  const head = JSON.stringify({ report: name, title, timeZone: zone.name, asked: factsObject(facts, zone) })
  yield `${head.slice(0, -1)},"rows":[`
  let first = true
  for await (const page of report.rows()) {
    const rows = page.map((row) => JSON.stringify(rowObject(columns, row, zone)))
    yield `${first ? '' : ','}${rows.join(',')}`
    first = false
  }
  yield `],"summary":${JSON.stringify(factsObject(report.summary?.() ?? [], zone))}}`
}

/** A row as an object by the names of its columns, times as text. */
export function rowObject(columns: readonly Column[], row: ReportRow, zone: TimeZone): Readonly<Record<string, Cell>> {
  return Object.fromEntries(columns.map((column, at) => [column.name, shown(column, row[at] ?? null, zone)]))
}

function factsObject(facts: readonly Fact[], zone: TimeZone): Readonly<Record<string, Cell>> {
  return Object.fromEntries(facts.map((fact) => [fact.name, shown(fact, fact.value, zone)]))
}

/** A cell as programs read it. */
function shown({ kind }: Column, value: Cell, zone: TimeZone): Cell {
  return kind === 'time' && typeof value === 'number' ? zone.text(value) : value
}

/** The text of a cell; nothing where there is none. */
export function cellText(column: Column, value: Cell, zone: TimeZone): string {
  return String(shown(column, value, zone) ?? '')
}

export interface CsvOptions {
  /** Begins with U+FEFF, which some spreadsheets need to read UTF-8. */
  readonly bom?: boolean
}

/**
 * CSV (RFC 4180) with the names of the columns as its first line. A cell that a spreadsheet would take for a formula, in
 * full-width signs too, begins with `'`; control characters in it are shown as `\uXXXX`.
 */
export async function* csvReport(report: Report, zone: TimeZone, options: CsvOptions = {}): AsyncGenerator<string> {
  const { columns } = report
  yield `${options.bom === true ? '\ufeff' : ''}${csvOf([columns.map(({ name }) => name)])}`
  for await (const page of report.rows()) {
    yield csvOf(page.map((row) => columns.map((column, at) => cellText(column, row[at] ?? null, zone))))
  }
}

function csvOf(rows: readonly (readonly string[])[]): string {
  const safe = rows.map((row) => row.map((cell) => cell.replaceAll(CONTROL, escapedControl)))
  return stringify(safe, { record_delimiter: 'windows', escape_formulas: true })
}

/** What is no text: a cell that begins with it can hide that it goes on as a formula. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

function escapedControl(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

const STYLE = `body{font:14px/1.45 system-ui,sans-serif;margin:2rem;color:#1b1b1b;background:#fff}
h1{font-size:1.4rem;margin:0 0 .75rem}dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0 0 1.25rem}
dt{color:#555}dd{margin:0}table{border-collapse:collapse;width:100%;font-size:.85rem}thead{display:table-header-group}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #bbb;overflow-wrap:anywhere}
th{border-bottom:2px solid #555}tr{break-inside:avoid}.number{text-align:right;font-variant-numeric:tabular-nums}
@media print{body{margin:0;font-size:11px}@page{margin:15mm}}`

/** What a Content-Security-Policy must allow for the style of {@link htmlReport}. */
export const REPORT_STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`

/** One page without anything to load or to run, made for a browser's own print. */
export async function* htmlReport(report: Report, zone: TimeZone): AsyncGenerator<string> {
  const { title, facts, columns } = report
  const head = columns.map((column) => `<th scope="col"${classOf(column)}>${escaped(column.label)}</th>`)
  yield (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body><main>` +
    `<h1>${escaped(title)}</h1>${factList(facts, zone)}` +
    `<table><thead><tr>${head.join('')}</tr></thead><tbody>\n`
  )
  let rows = 0
  for await (const page of report.rows()) {
    rows += page.length
    yield page.map((row) => htmlRow(columns, row, zone)).join('')
  }
  const count: Fact = { name: 'rows', label: 'Rows', kind: 'number', value: rows }
  yield `</tbody></table>${factList([count, ...(report.summary?.() ?? [])], zone)}</main></body></html>\n`
}

function htmlRow(columns: readonly Column[], row: ReportRow, zone: TimeZone): string {
  const cells = columns.map((column, at) => {
    return `<td${classOf(column)}>${escaped(cellText(column, row[at] ?? null, zone))}</td>`
  })
  return `<tr>${cells.join('')}</tr>\n`
}

function classOf({ kind }: Column): string {
  return kind === 'number' ? ' class="number"' : ''
}

function factList(facts: readonly Fact[], zone: TimeZone): string {
  const items = facts.map((fact) => {
    return `<dt>${escaped(fact.label)}</dt><dd>${escaped(cellText(fact, fact.value, zone))}</dd>`
  })
  return `<dl>${items.join('')}</dl>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
