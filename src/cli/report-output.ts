import { type Command, Option } from 'commander'
import { cellText, csvReport, htmlReport, jsonReport } from '../audit/render-report.ts'
import type { AskedAt } from '../audit/report-time.ts'
import type { Fact, Report } from '../audit/report.ts'
import { type TimeZone, timeZone } from '../audit/time-zone.ts'
import type { JsonObject } from '../domain/json.ts'
import type { OrgSummary } from '../domain/ports.ts'
import { recordReading } from '../provisioning/record-log-use.ts'
import { getOrg } from './lookup.ts'
import { printable } from './output.ts'
import type { CommandPorts, Operator } from './ports.ts'

const FORMATS = ['table', 'csv', 'json', 'html'] as const

/** What every command that shows a report takes. */
export interface ReportOptions {
  readonly org: string
  readonly tz: string
  readonly format: (typeof FORMATS)[number]
  readonly bom?: true
  readonly json?: true
}

/** What a report is asked with, beside the command's own options. */
export interface Asking {
  readonly operator: Operator
  readonly org: OrgSummary
  readonly clock: AskedAt
}

/** A command that shows a report in the form that is asked for, row by row. */
export function reportCommand<Options extends ReportOptions>(
  ports: CommandPorts,
  command: Command,
  build: (asking: Asking, options: Options) => Report | Promise<Report>,
): Command {
  return command
    .option('--org <org>', 'organisation, by id or name', 'default')
    .option('--tz <zone>', 'IANA time zone that times are shown in and days are of', 'UTC')
    .addOption(new Option('--format <format>', 'how it is shown').choices(FORMATS).default('table'))
    .option('--bom', 'begin CSV with U+FEFF, for spreadsheets that need it')
    .option('--json', 'the same as --format json')
    .action(async () => {
      const options = command.opts<Options>()
      const zone = timeZone(options.tz)
      await ports.withStore(async (operator) => {
        const org = await getOrg(operator, options.org)
        const report = await build({ operator, org, clock: { zone, now: Date.now() } }, options)
        const reading = { report: report.name, asked: questionOf(report, command.opts()) }
        const reader = { ...operator.operation(), orgId: org.id }
        await recordReading(operator.provisioning, operator.reads.records, reader, reading)
        for await (const piece of pieces(report, zone, options)) await ports.write(piece)
      })
    })
}

/** What was asked, whatever form the answer has. Who it is about was typed as a name: the report knows the id. */
function questionOf({ about }: Report, options: Readonly<Record<string, JsonObject[string]>>): JsonObject {
  const { org: _org, tz: _tz, format: _format, bom: _bom, json: _json, user: _user, team: _team, ...question } = options
  return { ...question, ...(about === undefined ? {} : { about }) }
}

function pieces(report: Report, zone: TimeZone, { format, json, bom }: ReportOptions): AsyncGenerator<string> {
  if (json === true || format === 'json') return withNewline(jsonReport(report, zone))
  if (format === 'csv') return csvReport(report, zone, { bom: bom === true })
  return format === 'html' ? htmlReport(report, zone) : tableReport(report, zone)
}

async function* withNewline(text: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* text
  yield '\n'
}

/** A table for a terminal. The first page decides how wide its columns are: a later cell that is wider moves its line. */
async function* tableReport(report: Report, zone: TimeZone): AsyncGenerator<string> {
  const { columns, facts } = report
  yield factLines([{ name: 'report', label: 'Report', value: report.title }, ...facts], zone)
  const header = columns.map(({ name }) => name)
  let widths: readonly number[] | undefined
  for await (const page of report.rows()) {
    const rows = page.map((row) => columns.map((column, at) => printable(cellText(column, row[at] ?? null, zone))))
    const isFirst = widths === undefined
    const shown = isFirst ? [header, ...rows] : rows
    widths ??= header.map((_, at) => Math.max(...shown.map((cells) => cells[at]!.length)))
    yield shown.map((cells) => lineOf(cells, widths!)).join('')
  }
  if (widths === undefined) yield 'Nothing\n'
  yield factLines(report.summary?.() ?? [], zone)
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, at) => cell.padEnd(widths[at] ?? 0))
  return `${padded.join('  ').trimEnd()}\n`
}

function factLines(facts: readonly Fact[], zone: TimeZone): string {
  const lines = facts.map((fact) => `${fact.label}: ${printable(cellText(fact, fact.value, zone))}\n`)
  return lines.length === 0 ? '' : `${lines.join('')}\n`
}
