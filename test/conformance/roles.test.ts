import { expect } from 'chai'
import { loadCases } from '../../conformance/case.ts'
import { textReport } from '../../conformance/report.ts'
import { runCases } from '../../conformance/runner.ts'
import { openAccess } from '../security/orgs.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const CASES = loadCases().filter(({ needs }) => needs.includes('roles'))

forEachDialect('conformance: custom roles', (dialect) => {
  let test: TestGateway

  before(async () => {
    test = await startTestGateway(dialect)
  })
  after(() => test.stop())

  it('pass with a credential that may change roles, and leave none behind', async () => {
    const { token } = await openAccess(test.gateway, undefined, { kind: 'script' })
    const report = await runCases(CASES, { url: test.base, token })
    expect(report.passed, textReport(report, { colour: false, verbose: false })).to.equal(CASES.length)
    expect(report.outcomes.flatMap(({ leftOver }) => leftOver)).to.deep.equal([])
    const left = await fetch(`${test.base}/Roles`, { headers: { authorization: `Bearer ${token}` } })
    expect(await left.json()).to.include({ totalResults: 0 })
  })

  it('are skipped, and say why, with one that may not', async () => {
    const report = await runCases(CASES, { url: test.base, token: test.token })
    expect([report.failed, report.skipped]).to.deep.equal([0, CASES.length])
    expect(report.missing.get('roles')).to.equal('POST /Roles answers 403')
  })
})
