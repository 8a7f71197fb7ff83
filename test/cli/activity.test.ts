import { expect } from 'chai'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway } from '../support/gateway.ts'

const KEY = 'bootstrap-admin-key-of-32-characters'

forEachDialect('activity by command, after a graceful stop', (dialect) => {
  it('shows all that was reported, down to what came right before the stop', async function () {
    this.timeout(60_000)
    const gateway = await startTestGateway(dialect, { ROLLCALL_BOOTSTRAP_ADMIN_KEY: KEY })
    const post = (path: string, body: object): Promise<Response> =>
      fetch(`${gateway.url}/api/v1${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    await post('/users', { userName: 'ann@example.com' })
    const events = Array.from({ length: 700 }, () => ({ user: 'ann@example.com', kind: 'run' }))
    expect((await post('/activity', { events })).status).to.equal(202)
    await gateway.gateway.stop()
    const did = await askRollcall<Record<string, unknown>>(['activity', 'show', 'ann@example.com'], gateway.env)
    expect(did).to.include({ runs: 700, daysActive: 1, signIns: 0, lastSignIn: null })
    const shown = await askRollcall<{ total: number; series: { users: number }[] }>(
      ['activity', 'users', '--by', 'month', '--range', 'all'],
      gateway.env,
    )
    expect(shown).to.include({ total: 1 })
    expect(shown.series.map(({ users }) => users)).to.deep.equal([1])
    const table = await runRollcall(['activity', 'users', '--range', '30d'], gateway.env)
    expect(table.stdout).to.match(/^week +users\n(.*\n)+1 different people\n$/)
    const wrong = await runRollcall(['activity', 'users', '--by', 'year'], gateway.env)
    expect([wrong.status, wrong.stderr]).to.deep.equal([1, wrong.stderr])
    expect(wrong.stderr).to.contain('day, week, month')
    await gateway.stop()
  })
})
