import { setImmediate } from 'node:timers/promises'

/** What a cell holds: `time` is epoch milliseconds, shown in the reader's zone; `number` an integer. Text where not said. */
export type CellKind = 'time' | 'number'

export interface Column {
  /** The key in JSON and the heading in CSV: stable, for programs. */
  readonly name: string
  /** The heading for people. */
  readonly label: string
  readonly kind?: CellKind
}

export type Cell = string | number | null

/** One line, in the order of the columns. */
export type ReportRow = readonly Cell[]

/** One thing said of a report as a whole. */
export interface Fact extends Column {
  readonly value: Cell
}

/**
 * What a report says, whatever it is shown as. It is checked before it is made: once rows come, nothing but an outage
 * stops them, and no more than a page of them is held.
 */
export interface Report {
  /** Names files: letters and dashes. */
  readonly name: string
  readonly title: string
  /** The id of the person, team or review that it is about; absent where it is about all. */
  readonly about?: string
  /** What was asked. */
  readonly facts: readonly Fact[]
  readonly columns: readonly Column[]
  /** Pages of rows; to be walked once. */
  rows(): AsyncIterable<readonly ReportRow[]>
  /** What the rows come to, once they have been walked. */
  summary?(): readonly Fact[]
}

/** Rows read for one page. */
export const REPORT_PAGE = 500

/**
 * Walks a list by pages until one is not full. Between pages others get their turn: a fast reader would else keep the
 * event loop to itself for the whole report.
 */
export async function* pagesOf<T>(
  read: (after: T | undefined, limit: number) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  for (let after: T | undefined; ;) {
    const page = await read(after, REPORT_PAGE)
    if (page.length > 0) yield page
    if (page.length < REPORT_PAGE) return
    after = page.at(-1)
    await setImmediate()
  }
}
