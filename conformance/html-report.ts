import { CAPABILITIES } from './case.ts'
import { bySection, countOf, requestLine, shorten, skipsByReason } from './report.ts'
import type { Failure, Outcome, Report } from './runner.ts'

const LONGEST_BODY = 20_000

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --card: #f6f7f9; --line: #d9dde3; --text: #1c2430; --soft: #5b6675;
  --good: #19703f; --bad: #b3261e; --skip: #8a5a00; --good-fill: #2e9e5b; --bad-fill: #d6453c; --skip-fill: #d9a13b }
@media (prefers-color-scheme: dark) { :root { --ground: #14181f; --card: #1d232c; --line: #333c49; --text: #e6eaf0;
  --soft: #9aa6b5; --good: #6fd39b; --bad: #ff8a80; --skip: #f0c270 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0 }
.soft { color: var(--soft) }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0 .75rem }
.tile { flex: 1 1 9rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums }
.passed { color: var(--good) } .failed { color: var(--bad) } .skipped { color: var(--skip) }
.bar { display: flex; height: 8px; border-radius: 4px; overflow: hidden; background: var(--line) }
.bar i { display: block } .bar .passed { background: var(--good-fill) }
.bar .failed { background: var(--bad-fill) } .bar .skipped { background: var(--skip-fill) }
details.section { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; background: var(--card) }
details.section > summary { display: grid; grid-template-columns: 1fr auto 9rem; gap: 1rem; align-items: center;
  padding: .6rem .9rem; cursor: pointer; font-weight: 600 }
details.section > summary span + span { font-weight: 400; font-variant-numeric: tabular-nums }
ul { list-style: none; margin: 0; padding: 0 .9rem .6rem }
li { border-top: 1px solid var(--line); padding: .45rem 0; overflow-wrap: anywhere }
li > .mark { display: inline-block; width: 1.3rem; font-weight: 700 }
code, pre { font: 13px/1.45 ui-monospace, monospace }
li .at { display: block; padding-left: 1.3rem; font-size: .85rem; color: var(--soft) }
.failure { margin: .5rem 0 .5rem 1.3rem; padding: .6rem .9rem; border-left: 3px solid var(--bad-fill);
  background: var(--ground) }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft); font-size: .85rem }
pre { margin: .3rem 0 .6rem; padding: .6rem; max-height: 24rem; overflow: auto; background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere }
@media (max-width: 40rem) { details.section > summary { grid-template-columns: 1fr auto } summary .bar { display: none } }
@media print { details { break-inside: avoid } pre { max-height: none } }
`

/**
 * The run as one HTML page that needs nothing else: no script, no font, no request. Sections with a failure are open, and
 * each failure shows what was wanted, what was sent and what came back. Everything a server said is escaped, and the page's
 * own policy forbids whatever would still slip through.
 */
export function htmlReport(report: Report, when: Date): string {
  const sections = [...bySection(report.outcomes)].map(([name, outcomes]) => sectionHtml(name, outcomes))
  const verdict = report.failed === 0 ? 'conforms' : 'does not conform'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>SCIM conformance: ${report.failed} failed, ${report.passed} passed</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>SCIM conformance</h1>
<p><code>${escape(report.url)}</code> ${verdict}${profileText(report)}.</p>
<p class="soft">${when.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${(report.ms / 1000).toFixed(1)} s</p>
${tiles(report)}
${bar(report.outcomes)}
${capabilities(report)}
<h2>Cases</h2>
${sections.join('\n')}
${leftOver(report)}</main>
</body>
</html>
`
}

function profileText({ profile, outcomes }: Report): string {
  const of = profile === undefined ? '' : ` of the profile ${escape(profile)}`
  return ` in ${outcomes.length} cases${of}`
}

function tiles({ passed, failed, skipped }: Report): string {
  const tile = (count: number, name: Outcome['result']): string =>
    `<div class="tile"><b class="${name}">${count}</b>${name}</div>`
  return `<div class="tiles">${tile(passed, 'passed')}${tile(failed, 'failed')}${tile(skipped, 'skipped')}</div>`
}

function bar(outcomes: readonly Outcome[]): string {
  const part = (name: Outcome['result']): string => {
    const count = countOf(outcomes, name)
    return count === 0 ? '' : `<i class="${name}" style="flex:${count}"></i>`
  }
  return `<div class="bar" aria-hidden="true">${part('passed')}${part('failed')}${part('skipped')}</div>`
}

function capabilities(report: Report): string {
  const there = CAPABILITIES.filter((capability) => !report.missing.has(capability))
  const skips = skipsByReason(report.outcomes).map(
    ({ reason, count }) => `<li>${count} skipped: ${escape(reason)}</li>`,
  )
  return `<h2>What the server offers</h2>
<p>${escape(there.join(', '))}</p>${skips.length === 0 ? '' : `\n<ul>${skips.join('')}</ul>`}`
}

function sectionHtml(name: string, outcomes: readonly Outcome[]): string {
  const failed = countOf(outcomes, 'failed')
  const skipped = countOf(outcomes, 'skipped')
  const counts = [
    `<span class="passed">${countOf(outcomes, 'passed')} of ${outcomes.length}</span>`,
    ...(failed === 0 ? [] : [`<span class="failed">${failed} failed</span>`]),
    ...(skipped === 0 ? [] : [`<span class="skipped">${skipped} skipped</span>`]),
  ]
  return `<details class="section"${failed === 0 ? '' : ' open'}>
<summary><span>${escape(name)}</span><span>${counts.join(', ')}</span>${bar(outcomes)}</summary>
<ul>
${outcomes.map(outcomeHtml).join('\n')}
</ul>
</details>`
}

const MARKS: Readonly<Record<Outcome['result'], string>> = { passed: '✓', failed: '✗', skipped: '–' }

function outcomeHtml(outcome: Outcome): string {
  const { result, title, id, source, reason, failure } = outcome
  const why = reason === undefined ? '' : ` · skipped: ${escape(reason)}`
  const mark = `<span class="mark ${result}" role="img" aria-label="${result}">${MARKS[result]}</span>`
  const at = `<span class="at"><code>${escape(id)}</code> · ${escape(source)}${why}</span>`
  return `<li>${mark}${escape(title)}${at}${failure === undefined ? '' : failureHtml(failure)}</li>`
}

function failureHtml({ step, steps, request, answer, problems }: Failure): string {
  const rows = problems.map(
    ({ where, expected, got }) =>
      `<tr><td>${escape(where)}</td><td><code>${shown(expected)}</code></td><td><code>${shown(got)}</code></td></tr>`,
  )
  const sent = request === undefined ? '(not sent)' : [requestLine(request), request.body].filter(isThere).join('\n\n')
  const came =
    answer === undefined
      ? '(no answer)'
      : [`${answer.status}`, headerLines(answer.headers), '', pretty(answer.json, answer.text)].join('\n')
  return `<div class="failure">
<p>Step ${step} of ${steps}</p>
<table><thead><tr><th>Where</th><th>Wanted</th><th>Came</th></tr></thead><tbody>${rows.join('')}</tbody></table>
<p class="soft">Request</p><pre>${shown(sent)}</pre>
<p class="soft">Answer</p><pre>${shown(came)}</pre>
</div>`
}

function leftOver({ outcomes }: Report): string {
  const paths = outcomes.flatMap((outcome) => outcome.leftOver)
  if (paths.length === 0) return ''
  return `<h2>Not deleted again by the server</h2>\n<p><code>${escape(paths.join(', '))}</code></p>\n`
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}

function pretty(json: unknown, text: string): string {
  return json === undefined ? text : JSON.stringify(json, undefined, 2)
}

function isThere(text: string | undefined): text is string {
  return text !== undefined
}

function shown(text: string): string {
  return escape(shorten(text, LONGEST_BODY))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/gu, (mark) => ENTITIES[mark] ?? mark)
}
