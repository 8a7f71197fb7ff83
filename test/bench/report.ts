import type { Budget } from './budgets.ts'
import type { ImportResult } from './import-people.ts'
import type { LargeAnswers, StreamResult } from './large-answers.ts'
import type { OneOrgResult, WritersLoad } from './one-org.ts'
import type { CaseResult, DirectoryResult, RunResult, Slower } from './results.ts'
import type { RuleChangeResult } from './rule-change.ts'
import type { VerifyResult } from './verify-log.ts'

/** A run as tables for a terminal. */
export function reportText(run: RunResult, budgets: readonly Budget[], slower: readonly Slower[] | undefined): string {
  const sync = run.syncMs === 0 ? '' : `, each sync ${run.syncMs} ms longer`
  const store = run.store === undefined ? '' : ', PostgreSQL'
  const head = `Node ${run.node}${store}, ${run.cpus} cores shared by the servers and the client, LOG_LEVEL=${run.logLevel}${sync}`
  const rule = run.ruleChange === undefined ? [] : [ruleText(run.ruleChange)]
  const importing = run.importing === undefined ? [] : [importText(run.importing)]
  return [
    head,
    ...run.directories.map(directoryText),
    ...rule,
    ...importing,
    budgetsText(budgets),
    slowerText(slower),
  ].join('\n\n')
}

function ruleText({ people, savedMs, appliedMs, previewedMs }: RuleChangeResult): string {
  const [previewed, saved, applied] = [previewedMs, savedMs, appliedMs].map((ms) => `${ms.toFixed(0)} ms`)
  return `A rule for ${people.toLocaleString('en')} people: previewed in ${previewed}, saved in ${saved}, applied in ${applied}`
}

function importText({ people, seconds, cpuSeconds, peakMiB }: ImportResult): string {
  const figures = `${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, ${peakMiB.toFixed(0)} MiB`
  return `import of ${people.toLocaleString('en')} people with seats and teams: ${figures}`
}

function largeTexts({ searchOne, searchAll, usersCsv, preview }: LargeAnswers): readonly string[] {
  const [one, all] = [searchOne, searchAll].map(({ p50, p95 }) => `p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`)
  return [
    `people search: for one ${one}; that fits everybody ${all}`,
    `users.csv of ${usersCsv.rows.toLocaleString('en')} people: ${streamText(usersCsv)}`,
    ...(preview === undefined
      ? []
      : [
          `preview of a rule for ${preview.touched.toLocaleString('en')} people: ${streamText(preview)}, ` +
            `${preview.progressLines} lines of progress`,
        ]),
  ]
}

function streamText({ firstByteMs, seconds, bytes, peakMiB }: StreamResult): string {
  const size = `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`
  return `first byte ${firstByteMs.toFixed(0)} ms, ${size} in ${seconds.toFixed(1)} s, resident ${peakMiB.toFixed(0)} MiB`
}

function verifyText({ records, seconds, perSecond, peakMiB }: VerifyResult): string {
  const [count, rate] = [records, Math.round(perSecond)].map((figure) => figure.toLocaleString('en'))
  return `log verify: ${count} records in ${seconds.toFixed(1)} s, ${rate} a second, ${peakMiB.toFixed(0)} MiB`
}

function oneOrgTexts({ oneProcess, twoProcesses }: OneOrgResult): readonly string[] {
  const text = ({ perSecond, p50, p99 }: WritersLoad): string =>
    `${perSecond.toFixed(0)} changes a second, p50 ${number(p50)} ms, p99 ${number(p99)} ms`
  return [`16 writers of one org: ${text(oneProcess)}`, `8 and 8 in two processes: ${text(twoProcesses)}`]
}

const HEADINGS = [
  '',
  '',
  '1 client p50',
  'p95',
  'p99 ms',
  '16: req/s',
  'p50',
  'p99 ms',
  'CPU ms',
  '/livez max',
  'hold max',
]

function directoryText(directory: DirectoryResult): string {
  const { users, buildSeconds, memory, verify, large, accessAt, oneOrg, changeBytes = [] } = directory
  const title = `${users.toLocaleString('en')} people (built in ${buildSeconds.toFixed(1)} s)`
  const each = Object.entries(memory).map(([name, used]) => `${name} ${mib(used)}`)
  const resident = `resident memory now/peak, MiB: ${each.join(', ')}`
  const cases = table([HEADINGS, ...directory.cases.map(rowOf)])
  return [
    title,
    cases,
    resident,
    ...(verify === undefined ? [] : [verifyText(verify)]),
    ...(accessAt === undefined
      ? []
      : [`access of one person at an instant: p50 ${number(accessAt.p50)} ms, p95 ${number(accessAt.p95)} ms`]),
    ...changeBytes.map(({ name, bytes }) => `log of one ${name}: ${bytes.toFixed(0)} bytes, with all indexes`),
    ...(oneOrg === undefined ? [] : oneOrgTexts(oneOrg)),
    ...(large === undefined ? [] : largeTexts(large)),
  ].join('\n')
}

function rowOf({ name, server, latency, load }: CaseResult): readonly string[] {
  return [
    name,
    server,
    number(latency?.p50),
    number(latency?.p95),
    number(latency?.p99),
    load === undefined ? '' : String(Math.round(load.perSecond)),
    number(load?.p50),
    number(load?.p99),
    number(load?.cpuMs, 3),
    number(load?.livezMs, 1),
    number(load?.holdMs, 1),
  ]
}

function budgetsText(budgets: readonly Budget[]): string {
  const rows = budgets.map(({ what, value, limit, most, met }) => [
    met ? 'pass' : 'MISS',
    number(value),
    `${most ? '≤' : '≥'} ${limit}`,
    what,
  ])
  return `Budgets\n${table(rows, [1])}`
}

function slowerText(slower: readonly Slower[] | undefined): string {
  if (slower === undefined) return 'No accepted result to compare with.'
  if (slower.length === 0) return 'Nothing got slower than in the accepted result.'
  const rows = slower.map(({ users, name, figure, times }) => [`${times.toFixed(2)} ×`, String(users), name, figure])
  return `Slower than in the accepted result, both relative to the bare handler\n${table(rows, [0, 1])}`
}

function table(rows: readonly (readonly string[])[], right: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 9, 10]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? []
  const cell = (text: string, column: number): string =>
    right.includes(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n')
}

function number(value: number | undefined, digits = 2): string {
  return value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits)
}

function mib({ now, peak }: { readonly now: number; readonly peak: number }): string {
  return `${now.toFixed(0)}/${peak.toFixed(0)}`
}
