import { expect } from 'chai'
import type { ConformanceCase, Step } from '../../conformance/case.ts'
import { htmlReport } from '../../conformance/html-report.ts'
import { textReport } from '../../conformance/report.ts'
import { runCases, type Report } from '../../conformance/runner.ts'
import { startSmallServer, type SmallServer } from './small-server.ts'

const MARKUP = '<img src=x onerror="alert(1)"></pre><script>alert(2)</script>'
const CREATE: Step = {
  method: 'POST',
  path: '/Users',
  body: { schemas: ['{{User}}'], userName: '{{rand}}@example.com', title: MARKUP },
  save: 'A',
  expect: { status: 201 },
}
const READ: Step = { method: 'GET', path: '/Users/{{id:A}}', expect: { status: 200, json: { title: 'wanted <b>' } } }

function caseOf(id: string, section: string, steps: readonly Step[], needs: ConformanceCase['needs'] = []) {
  return { id, section, source: 'RFC 7644 §3', title: `title of ${id}`, profiles: ['rfc'], needs, steps } as const
}

describe('conformance: the HTML report', () => {
  let server: SmallServer
  let report: Report
  let page: string

  before(async () => {
    server = await startSmallServer()
    const cases = [
      caseOf('good', 'First & best', [CREATE]),
      caseOf('bad', 'Second', [CREATE, READ]),
      caseOf('no-bulk', 'Second', [CREATE], ['bulk']),
    ]
    report = await runCases(cases, { url: server.url, token: server.token })
    page = htmlReport(report, new Date('2026-01-02T03:04:05Z'))
  })
  after(() => server.close())

  it('is one page that asks for nothing: no script, no link, no source, and a policy that forbids them', () => {
    expect(page).to.match(/^<!doctype html>/u)
    expect(page).to.contain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(page).not.to.match(/<script|<link|<img|<iframe|\bhref=|\bsrc="|url\(|@import/iu)
  })

  it('groups the cases by section with their counts, those with a failure open', () => {
    const sections = [...page.matchAll(/<details class="section"( open)?>\n<summary><span>([^<]*)<.*?<\/summary>/gu)]
    expect(sections.map(([, open, name]) => [name, open !== undefined])).to.deep.equal([
      ['First &amp; best', false],
      ['Second', true],
    ])
    expect(sections[1]?.[0]).to.contain('0 of 2').and.to.contain('1 failed').and.to.contain('1 skipped')
    for (const [count, name] of [
      [1, 'passed'],
      [1, 'failed'],
      [1, 'skipped'],
    ] as const)
      expect(page).to.contain(`<b class="${name}">${count}</b>${name}`)
    expect(page).to.contain('2026-01-02 03:04 UTC')
  })

  it('shows of a failure what was wanted, what was sent and what came, whatever marks it holds', () => {
    expect(page).to.contain('Step 2 of 2')
    expect(page).to.contain('<td>body title</td><td><code>&quot;wanted &lt;b&gt;&quot;</code></td>')
    expect(page).to.match(/<pre>GET \/Users\/[0-9a-f-]{36}<\/pre>/u)
    expect(page).to.contain('&lt;/pre&gt;&lt;script&gt;alert(2)&lt;/script&gt;')
    expect(page).not.to.contain(MARKUP)
    expect(page).not.to.contain(server.token)
  })

  it('counts what was skipped by its reason, as the text does', () => {
    const reason = 'ServiceProviderConfig says that bulk is not supported'
    expect(page).to.contain(`1 skipped: ${reason}`)
    expect(textReport(report, { colour: false, verbose: false })).to.contain(`\n1 skipped: ${reason}\n`)
  })
})
