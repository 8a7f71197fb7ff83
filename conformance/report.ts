import { CAPABILITIES } from './case.ts'
import type { WireRequest } from './client.ts'
import type { Failure, Outcome, Report } from './runner.ts'

const MARKS: Readonly<Record<Outcome['result'], string>> = { passed: '✓', failed: '✗', skipped: '-' }
const COLOURS: Readonly<Record<Outcome['result'], string>> = { passed: '32', failed: '31', skipped: '33' }
const LONGEST_TEXT = 600

/** How the summary looks: colours only for a terminal; `verbose` names the passed cases too. */
export interface ReportStyle {
  readonly colour: boolean
  readonly verbose: boolean
}

/** The run as lines for a terminal: capabilities, a line a section, failures with request and answer, the counts. */
export function textReport(report: Report, style: ReportStyle): string {
  const lines = [`SCIM conformance of ${report.url}`, capabilityLine(report), '']
  for (const [section, outcomes] of bySection(report.outcomes)) lines.push(...sectionLines(section, outcomes, style))
  const left = report.outcomes.flatMap((outcome) => outcome.leftOver)
  if (left.length > 0) lines.push('', `not deleted again by the server: ${left.join(', ')}`)
  const skips = skipsByReason(report.outcomes)
  if (skips.length > 0) lines.push('', ...skips.map(({ reason, count }) => `${count} skipped: ${reason}`))
  const { passed, failed, skipped, ms } = report
  lines.push('', `${passed} passed, ${failed} failed, ${skipped} skipped in ${(ms / 1000).toFixed(1)} s`)
  return lines.join('\n')
}

/**
 * The run as one JSON document: `{url, profile, counts: {passed, failed, skipped}, ms, missing, cases}`, where a case
 * is an `Outcome` whose failure has `{step, steps, request, answer: {status, headers, body}, problems}`.
 */
export function jsonReport(report: Report): string {
  const { url, profile, passed, failed, skipped, ms, missing } = report
  const cases = report.outcomes.map(({ failure, ...outcome }) =>
    failure === undefined ? outcome : { ...outcome, failure: jsonFailure(failure) },
  )
  const counts = { passed, failed, skipped }
  return JSON.stringify({ url, profile, counts, ms, missing: Object.fromEntries(missing), cases }, undefined, 2)
}

function jsonFailure({ answer, ...failure }: Failure): object {
  if (answer === undefined) return failure
  return { ...failure, answer: { status: answer.status, headers: answer.headers, body: answer.json ?? answer.text } }
}

function capabilityLine(report: Report): string {
  const there = CAPABILITIES.filter((capability) => !report.missing.has(capability))
  const reasons = [...report.missing.values()].join('; ')
  return `supports ${there.join(', ')}${reasons === '' ? '' : ` (${reasons})`}`
}

/** The outcomes of each section, in the order of the run. */
export function bySection(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const sections = new Map<string, Outcome[]>()
  for (const outcome of outcomes) sections.set(outcome.section, [...(sections.get(outcome.section) ?? []), outcome])
  return sections
}

/** How many of the outcomes ended so. */
export function countOf(outcomes: readonly Outcome[], result: Outcome['result']): number {
  return outcomes.filter((outcome) => outcome.result === result).length
}

/** Why cases were skipped, and how many for each reason, so that none is passed over in silence. */
export function skipsByReason(outcomes: readonly Outcome[]): readonly { reason: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { reason } of outcomes) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => ({ reason, count }))
}

function sectionLines(section: string, outcomes: readonly Outcome[], style: ReportStyle): string[] {
  const count = (result: Outcome['result']): number => countOf(outcomes, result)
  const overall = count('failed') > 0 ? 'failed' : count('passed') > 0 ? 'passed' : 'skipped'
  const skipped = count('skipped') === 0 ? '' : `, ${count('skipped')} skipped`
  const shown = outcomes.filter((outcome) => style.verbose || outcome.result !== 'passed')
  return [
    `${mark(overall, style)} ${section}: ${count('passed')} of ${outcomes.length}${skipped}`,
    ...shown.flatMap((outcome) => outcomeLines(outcome, style)),
  ]
}

function outcomeLines(outcome: Outcome, style: ReportStyle): string[] {
  const reason = outcome.reason === undefined ? '' : ` (skipped: ${outcome.reason})`
  const line = `    ${mark(outcome.result, style)} ${outcome.id}  ${outcome.title} [${outcome.source}]${reason}`
  if (outcome.failure === undefined) return [line]
  return [line, ...failureLines(outcome.failure).map((text) => `        ${text}`)]
}

function failureLines({ step, steps, request, answer, problems }: Failure): string[] {
  const lines = [`step ${step} of ${steps}: ${request === undefined ? '(not sent)' : requestLine(request)}`]
  if (request?.body !== undefined) lines.push(`  sent     ${shorten(request.body)}`)
  if (answer !== undefined) lines.push(`  answered ${answer.status} ${shorten(answer.text)}`)
  for (const { where, expected, got } of problems) {
    lines.push(`  ${where}: expected ${shorten(expected)}, got ${shorten(got)}`)
  }
  return lines
}

/** A request in one line: method, path as a person reads it, the headers that the case sets. */
export function requestLine({ method, path, headers }: WireRequest): string {
  const extra = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`)
  return `${method} ${decoded(path)}${extra.join('')}`
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    // A case may send a malformed escape on purpose; it is then shown as sent.
    return path
  }
}

/** The beginning of a long text, with its length. */
export function shorten(text: string, longest: number = LONGEST_TEXT): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length} characters)`
}

function mark(result: Outcome['result'], style: ReportStyle): string {
  return style.colour ? `\u001b[${COLOURS[result]}m${MARKS[result]}\u001b[0m` : MARKS[result]
}
