import type { Json } from '../domain/json.ts'

/** Control and format characters, and the separators of lines: what could move a terminal's cursor or hide text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const UNPRINTABLE_BUT_NEWLINE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A value on one line of a terminal: what cannot be printed is shown as `\uXXXX`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped)
}

/** Lines for a terminal; only what ends them stays. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_BUT_NEWLINE, escaped)
}

/** By UTF-16 code unit, so that it also is JSON's own escape. */
function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, at) => {
    return `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`
  }).join('')
}

/** Rows as an aligned table with a header; an empty list says so. */
export function table(rows: readonly Readonly<Record<string, string>>[], none: string): string {
  const [first] = rows
  if (first === undefined) return none
  const columns = Object.keys(first)
  const lines = [columns, ...rows.map((row) => columns.map((column) => printable(row[column] ?? '')))]
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => cells[index]?.length ?? 0)))
  return lines.map((cells) => aligned(cells, widths)).join('\n')
}

function aligned(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join('  ')
    .trimEnd()
}

/** A number with what is counted: `1 record`, `2 records`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`
}

/** One JSON value on lines of its own, for programs. */
export function json(value: unknown): string {
  return printableLines(JSON.stringify(value, null, 2))
}

/** A JSON value on one line, for streams. */
export function jsonLine(value: { readonly [key: string]: Json | undefined }): string {
  return printable(JSON.stringify(value))
}

/** Epoch milliseconds as RFC 3339 in UTC; nothing where there is no time. */
export function time(epochMs: number | undefined): string {
  return epochMs === undefined ? '' : new Date(epochMs).toISOString()
}
