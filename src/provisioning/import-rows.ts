import { CsvError, parse } from 'csv-parse/sync'
import { ORG_ROLES } from '../domain/access.ts'
import { fold } from '../domain/fold.ts'
import { PEOPLE_COLUMNS } from './people-csv.ts'

/** A person as a line of a file states them; what is absent says nothing and changes nothing. */
export interface ImportRow {
  /** Where the row begins in the file; the header is line 1. */
  readonly line: number
  readonly userName: string
  readonly name: string | undefined
  readonly email: string | undefined
  readonly orgRole: string | undefined
  /** Product → full | viewer | none. */
  readonly seats: ReadonlyMap<string, string>
  /** Team → role; undefined for whatever role the team gives. */
  readonly teams: ReadonlyMap<string, string | undefined>
  readonly active: boolean | undefined
}

/** What is wrong with a line, as a sentence. */
export interface LineProblem {
  readonly line: number
  readonly problem: string
}

export interface ImportFile {
  readonly rows: readonly ImportRow[]
  readonly problems: readonly LineProblem[]
}

/** What an export says beside; when and how much people were active is read by nobody. */
const COLUMNS: readonly string[] = PEOPLE_COLUMNS
const SEATS = ['full', 'viewer', 'none']
/** UTF-16 units, as for the same values over SCIM. */
const LONGEST = 1_024

type Cells = Readonly<Record<string, string>>

/**
 * Reads a CSV (RFC 4180) of people in the columns of the export, in any order and case: `user name` is required, the
 * others may be missing. Every problem is found, not only the first.
 */
export function readImportFile(text: string): ImportFile {
  let records: readonly { readonly info: { readonly lines: number }; readonly record: readonly string[] }[]
  try {
    const options = { bom: true, info: true, skip_empty_lines: true, relax_column_count: true } as const
    records = parse(text, options) as unknown as typeof records
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    return { rows: [], problems: [{ line: Number(error['lines'] ?? 1), problem: `is no CSV: ${error.code}` }] }
  }
  const [header, ...rest] = records
  const columns = header?.record.map(columnNamed) ?? []
  const wrong = headerProblem(columns)
  if (wrong !== undefined) return { rows: [], problems: [{ line: 1, problem: wrong }] }
  const reader = new RowReader()
  let end = header?.info.lines ?? 1
  for (const { record, info } of rest) {
    // The parser counts the lines behind it: a quoted cell may have had several.
    reader.read(end + 1, columns, record)
    end = info.lines
  }
  return reader
}

/** The column meant: `userName`, `user_name` and `User name` are one. */
function columnNamed(name: string): string {
  const meant = squeezed(name)
  return COLUMNS.find((column) => squeezed(column) === meant) ?? fold(name).trim()
}

function squeezed(name: string): string {
  return fold(name).replace(/[\s_-]/g, '')
}

function headerProblem(columns: readonly string[]): string | undefined {
  const unknown = columns.find((name) => !COLUMNS.includes(name))
  if (unknown !== undefined) {
    return `there is no column ${JSON.stringify(unknown.slice(0, 80))}; there are ${COLUMNS.join(', ')}`
  }
  const twice = columns.find((name, index) => columns.indexOf(name) !== index)
  if (twice !== undefined) return `the column "${twice}" is there twice`
  return columns.includes('user name') ? undefined : 'the column "user name" is missing'
}

class RowReader implements ImportFile {
  readonly rows: ImportRow[] = []
  readonly problems: LineProblem[] = []
  readonly #lines = new Map<string, number>()

  read(line: number, columns: readonly string[], record: readonly string[]): void {
    if (record.length !== columns.length) {
      this.#refuse(line, `has ${record.length} cells, wanted are ${columns.length}`)
      return
    }
    const cells = Object.fromEntries(columns.map((name, index) => [name, plain(record[index] ?? '')]))
    const problems = problemsOf(cells)
    const userName = cells['user name'] ?? ''
    const earlier = this.#lines.get(fold(userName))
    if (earlier !== undefined) problems.push(`the user name ${JSON.stringify(userName)} is on line ${earlier} already`)
    for (const problem of problems) this.#refuse(line, problem)
    if (problems.length > 0) return
    this.#lines.set(fold(userName), line)
    this.rows.push(rowOf(line, userName, cells))
  }

  #refuse(line: number, problem: string): void {
    this.problems.push({ line, problem })
  }
}

/** A cell without what keeps spreadsheets from taking it for a formula. */
function plain(cell: string): string {
  return (/^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell).trim()
}

function problemsOf(cells: Cells): string[] {
  const problems: string[] = []
  if (cells['user name'] === '') problems.push('user name is empty')
  for (const [name, cell] of Object.entries(cells)) {
    if (cell.length > LONGEST && name !== 'teams') problems.push(`${name} is longer than ${LONGEST} characters`)
    if (/\p{Cc}/u.test(cell)) problems.push(`${name} holds control characters`)
  }
  return [...problems, ...wordProblems(cells), ...seatProblems(cells)]
}

/** Cells that hold one of a few words, or an address. */
function wordProblems(cells: Cells): readonly string[] {
  const problems: string[] = []
  const said = (name: string): string => fold(cells[name] ?? '')
  if (said('e-mail') !== '' && !/^[^\s@]+@[^\s@]+$/.test(said('e-mail'))) problems.push('e-mail is no address')
  if (!['', ...ORG_ROLES].includes(said('org role'))) problems.push(`org role is none of ${ORG_ROLES.join(', ')}`)
  if (!['', 'active', 'deactivated', 'pending'].includes(said('status'))) {
    problems.push('status is none of active, deactivated')
  }
  return problems
}

function seatProblems(cells: Cells): readonly string[] {
  const wrong = pairsOf(cells['seats'] ?? '').filter(([, type]) => !SEATS.includes(fold(type ?? '')))
  return wrong.map(([product]) => `the seat of ${product} is none of ${SEATS.join(', ')}`)
}

/** `models: full; weave: viewer`, as exports have it. A name may hold a colon, the last one counts. */
function pairsOf(text: string): readonly (readonly [string, string | undefined])[] {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.lastIndexOf(':')
      return at < 1 ? [part, undefined] : [part.slice(0, at).trim(), part.slice(at + 1).trim() || undefined]
    })
}

function rowOf(line: number, userName: string, cells: Cells): ImportRow {
  const said = (name: string): string | undefined => cells[name] || undefined
  const status = fold(cells['status'] ?? '')
  return {
    line,
    userName,
    name: said('name'),
    email: said('e-mail'),
    orgRole: said('org role') && fold(cells['org role'] ?? ''),
    seats: new Map(pairsOf(cells['seats'] ?? '').map(([product, type]) => [product, fold(type ?? '')])),
    teams: new Map(pairsOf(cells['teams'] ?? '')),
    active: status === 'active' ? true : status === 'deactivated' ? false : undefined,
  }
}
