import { expect } from 'chai'
import { DAY_MS } from '../../src/domain/activity.ts'
import { ROLLCALL_URN } from '../../src/domain/schema-urns.ts'
import type { User } from '../../src/domain/user.ts'
import { foundTenant } from '../support/tenant.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

const NOW = Date.parse('2026-11-21T12:00:00.000Z')

forEachDialect('activity over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let ada: User
  let grace: User

  before(async () => {
    gateway = await openAdminGateway(dialect, () => NOW)
    admin = gateway.client(await gateway.key('admin'))
    ada = await gateway.tenant.user('Ada@example.com')
    grace = await gateway.tenant.user('grace')
  })
  after(async () => {
    expect(gateway.failures).to.deep.equal([])
    await gateway.close()
  })

  const report = (...events: object[]) => admin.post('/activity', { events })
  const at = (daysAgo: number): string => new Date(NOW - daysAgo * DAY_MS).toISOString()
  const didOf = async (user: User): Promise<Record<string, unknown>> =>
    (await admin.get(`/users/${user.id}/activity`)).json

  it('is nothing of a person who never did anything', async () => {
    expect(await didOf(ada)).to.deep.equal({
      ...{
        user: ada.id,
        added: new Date(ada.created).toISOString(),
        lastActive: null,
        lastSignIn: null,
        daysActive: 0,
      },
      ...{ signIns: 0, views: 0, runs: 0, reports: 0, apiCalls: 0 },
    })
    expect((await admin.get(`/users/${ada.id}`)).json).to.include({ lastActive: null, daysActive: 0 })
  })

  it('is told by the product, by id or userName, and adds up over days and reports', async () => {
    const answer = await report(
      { user: ada.id, kind: 'run', time: at(40), count: 2 },
      { user: 'ADA@example.com', kind: 'run', time: at(1) },
      { user: 'ada@example.com', kind: 'view' },
      { user: 'nobody', kind: 'view' },
    )
    expect(answer.json).to.deep.equal({ accepted: 3, unknown: ['nobody'] })
    await gateway.activity.flush()
    await report({ user: ada.id, kind: 'report', time: at(1) }, { user: grace.id, kind: 'api', time: at(8) })
    await gateway.activity.flush()
    expect(await didOf(ada)).to.include({
      lastActive: at(0),
      daysActive: 3,
      runs: 3,
      views: 1,
      reports: 1,
      apiCalls: 0,
    })
    expect(await didOf(grace)).to.include({ lastActive: at(8), daysActive: 1, apiCalls: 1, lastSignIn: null })
  })

  it('stands in the list of people, in its CSV and in the SCIM extension, without a new version of the person', async () => {
    const { items } = (await admin.get('/users')).json as { items: Record<string, unknown>[] }
    expect(items.find(({ id }) => id === ada.id)).to.include({ lastActive: at(0), daysActive: 3, runs: 3, reports: 1 })
    const csv = (await admin.get('/users.csv?search=ada')).text.split('\r\n')
    expect(csv[0]).to.match(/last active,active days,runs,reports$/)
    expect(csv[1]).to.match(new RegExp(`${at(0)},3,3,1$`))
    const token = await gateway.scimToken()
    const headers = { authorization: `Bearer ${token}` }
    const answer = await fetch(`${gateway.origin}/scim/v2/Users/${ada.id}`, { headers })
    const resource = (await answer.json()) as Record<string, Record<string, unknown>>
    expect(resource[ROLLCALL_URN]).to.include({ daysActive: 3, lastActiveAt: at(0) })
    expect(resource['meta']).to.include({ version: `W/"${ada.version}"` })
    const other = await fetch(`${gateway.origin}/scim/v2/Users?filter=userName+eq+%22nobody-yet%22`, { headers })
    expect(((await other.json()) as { totalResults: number }).totalResults).to.equal(0)
  })

  it('is counted by person in days, weeks and months, each person once', async () => {
    const series = async (query: string): Promise<{ total: number; series: { start: string; users: number }[] }> =>
      (await admin.get(`/activity/users?${query}`)).json as never
    const days = await series('by=day&range=30d')
    expect(days.series).to.have.length(30)
    expect(days.series.at(-1)).to.deep.equal({ start: '2026-11-21', users: 1 })
    expect(days.series.filter(({ users }) => users > 0)).to.deep.equal([
      { start: '2026-11-13', users: 1 },
      { start: '2026-11-20', users: 1 },
      { start: '2026-11-21', users: 1 },
    ])
    expect(days.total).to.equal(2)
    const weeks = await series('by=week&range=3m')
    expect(weeks.series.slice(-2)).to.deep.equal([
      { start: '2026-11-09', users: 1 },
      { start: '2026-11-16', users: 1 },
    ])
    expect(weeks.series[0]).to.deep.equal({ start: '2026-08-17', users: 0 })
    const months = await series('by=month&range=all')
    expect(months.series).to.deep.equal([
      { start: '2026-10-01', users: 1 },
      { start: '2026-11-01', users: 2 },
    ])
    expect((await series('by=month&range=12m')).series).to.have.length(13)
    expect((await series('')).series[0]).to.deep.equal({ start: '2026-08-21', users: 0 })
    expect(problemCode(await admin.get('/activity/users?by=year'), 400)).to.equal('invalid-value')
  })

  it('is seen by the gateway where a person uses a key of their own', async () => {
    const own = gateway.client(await gateway.key('user', grace.id))
    await own.get('/me')
    await own.get('/me')
    await gateway.activity.flush()
    const did = await didOf(grace)
    expect(did).to.include({ apiCalls: 3, daysActive: 2 })
    expect(Date.parse(String(did['lastActive']))).to.be.greaterThan(NOW - 2 * DAY_MS)
  })

  it('is reported of others by org admins alone, of people of the org alone, and of the past alone', async () => {
    const own = gateway.client(await gateway.key('user', grace.id))
    expect((await own.post('/activity', { events: [{ user: 'grace', kind: 'view' }] })).status).to.equal(202)
    for (const user of [ada.id, 'nobody']) {
      expect(problemCode(await own.post('/activity', { events: [{ user, kind: 'view' }] }), 403)).to.equal(
        'right.activity',
      )
    }
    const auditor = gateway.client(await gateway.key('auditor'))
    expect((await auditor.post('/activity', { events: [{ user: ada.id, kind: 'view' }] })).status).to.equal(403)
    expect((await auditor.get('/activity/users')).status).to.equal(200)
    const stranger = await (await foundTenant(gateway.test)).user('stranger')
    expect((await report({ user: stranger.id, kind: 'run' })).json).to.deep.equal({
      accepted: 0,
      unknown: [stranger.id],
    })
    expect((await admin.get(`/users/${stranger.id}/activity`)).status).to.equal(404)
    const wrong = [
      { user: ada.id, kind: 'run', time: at(-1) },
      { user: ada.id, kind: 'run', time: 'yesterday' },
      { user: ada.id, kind: 'sleep' },
      { user: ada.id, kind: 'run', count: 0 },
      { user: ada.id, kind: 'run', count: 1.5 },
      { user: '', kind: 'run' },
    ]
    for (const event of wrong) expect((await report(event)).status, JSON.stringify(event)).to.equal(400)
    expect((await report(...Array.from({ length: 1_001 }, () => ({ user: ada.id, kind: 'run' })))).status).to.equal(400)
  })

  it('survives that two gateways write the same people at once', async () => {
    const both = Array.from({ length: 40 }, (_, n) => ({
      ...{ orgId: gateway.tenant.orgId, user: ada.id, day: 20_000 + (n % 20), last: 1, lastSignIn: 0 },
      counts: { signIn: 0, view: 1, run: 0, report: 0, api: 0 },
    }))
    const before = await didOf(ada)
    await Promise.all([0, 1].map((half) => gateway.test.store.saveActivity(both.slice(half * 20, half * 20 + 20))))
    const after = await didOf(ada)
    expect(Number(after['views']) - Number(before['views'])).to.equal(40)
    expect(Number(after['daysActive']) - Number(before['daysActive'])).to.equal(20)
  })
})
