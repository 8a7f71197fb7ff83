import type { Json } from '../domain/json.ts'

/** Rows as an aligned table with a header; an empty list says so. */
export function table(rows: readonly Readonly<Record<string, string>>[], none: string): string {
  const [first] = rows
  if (first === undefined) return none
  const columns = Object.keys(first)
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ').trimEnd()
  return [line(columns), ...rows.map((row) => line(columns.map((column) => row[column] ?? '')))].join('\n')
}

/** One JSON value on lines of its own, for programs. */
export function json(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

/** A JSON value on one line, for streams. */
export function jsonLine(value: { readonly [key: string]: Json | undefined }): string {
  return JSON.stringify(value)
}

/** Epoch milliseconds as RFC 3339 in UTC; nothing where there is no time. */
export function time(epochMs: number | undefined): string {
  return epochMs === undefined ? '' : new Date(epochMs).toISOString()
}
