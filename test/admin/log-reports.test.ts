import { expect } from 'chai'
import { parse } from 'csv-parse/sync'
import { leaversReport } from '../../src/audit/leavers-report.ts'
import type { ReportRow } from '../../src/audit/report.ts'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import type { UserState } from '../../src/domain/user.ts'
import { allowBatch } from '../../src/provisioning/decide-batch.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createServiceAccount } from '../../src/provisioning/service-account-admin.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

type Row = Readonly<Record<string, string | number | null>>

interface Shown {
  readonly rows: readonly Row[]
  readonly summary: Row
}

const DAY_MS = 86_400_000

forEachDialect('what the log comes to, over the admin API', (dialect) => {
  let gateway: AdminGateway
  let auditor: ApiClient
  let team: GroupId

  before(async () => {
    gateway = await openAdminGateway(dialect)
    auditor = gateway.client(await gateway.key('auditor'))
  })
  after(() => gateway.close())

  async function shown(path: string): Promise<Shown> {
    const answer = await auditor.get(path)
    expect(answer.status, answer.text).to.equal(200)
    return answer.json as unknown as Shown
  }

  /** Deactivates a person with a request that was received so many milliseconds ago. */
  async function leave(id: UserId, delay = 0): Promise<void> {
    const { provisioning, idp } = gateway.tenant
    const { receivedAt, started } = { receivedAt: Date.now() - delay, started: performance.now() - delay }
    const caller = { ...idp, request: { ...idp.request, receivedAt, started } }
    const change = (state: UserState): UserState => ({ ...state, active: false })
    await changeUser(provisioning, caller, id, { method: 'PATCH', change }).durable
  }

  it('is every grant of a period: who, what, by whom, and through which group and rule', async () => {
    const { tenant } = gateway
    const operator = operatorOf(tenant.orgId)
    const ann = await tenant.user('ann')
    const draft = { displayName: 'Research', externalId: 'r', members: [{ value: ann.id }] }
    team = (await createGroup(tenant.provisioning, tenant.idp, draft).durable).id
    const grants = [{ team: 'Research', role: 'admin' }, { orgRole: 'viewer' }]
    await createRule(tenant.provisioning, operator, { match: { kind: 'name', value: 'Research' }, grants }).durable
    await tenant.jobs()
    const { rows } = await shown('/reports/grants')
    const hers = rows.filter(({ user }) => user === ann.id)
    const told = hers.map((row) => [row['kind'], row['targetName'], row['before'], row['value'], row['through']])
    expect(told).to.have.deep.members([
      ...[['account', '', null, 'active', 'the account itself']],
      ...[['organization role', '', null, 'member', 'default']],
      ...[['seat', 'models', null, 'full', 'default']],
      ...[['seat', 'weave', null, 'full', 'default']],
      ...[['team role', 'Research', null, 'member', 'membership']],
      ...[['organization role', '', 'member', 'viewer', 'rule']],
      // Viewers of the organization hold no more in a team and of a seat.
      ...[['team role', 'Research', 'member', 'viewer', 'rule']],
      ...[['seat', 'models', 'full', 'viewer', 'default']],
      ...[['seat', 'weave', 'full', 'viewer', 'default']],
    ])
    const joined = hers.find(({ through }) => through === 'membership')!
    expect(joined).to.include({ group: 'Research', rule: null, byName: 'idp', byType: 'idp', action: 'group.create' })
    const ruled = hers.find(({ kind, through }) => kind === 'organization role' && through === 'rule')!
    expect(ruled['group']).to.equal('Research')
    // A rule without a name goes by what it matches.
    expect(ruled['rule']).to.equal('Research')
    expect(ruled['byType']).to.equal(operator.actor.type)
    expect((await shown('/reports/grants?from=2020-01-01&to=2020-12-31')).rows).to.deep.equal([])
    const csv = parse<Record<string, string>>((await auditor.get('/reports/grants.csv')).text, { columns: true })
    expect(csv).to.have.length((await shown('/reports/grants')).rows.length)
  })

  it('is how fast leavers lost their access, as it was delayed: p50, p95, max and breaches (C09)', async () => {
    const delays = [40, 200, 5_000, 90_000, 100_000_000]
    const people: UserId[] = []
    for (const [n, delay] of delays.entries()) {
      const { id } = await gateway.tenant.user(`leaver-${n}`)
      people.push(id)
      await leave(id, delay)
    }
    const { rows, summary } = await shown('/reports/leavers?limitSeconds=60')
    const found = people.map((id) => rows.find(({ user }) => user === id)!)
    for (const [n, row] of found.entries()) {
      expect(row['latencyMs']).to.be.within(delays[n]!, delays[n]! + 2_000)
      expect(row).to.include({ breach: delays[n]! > 60_000 ? 'yes' : 'no', held: 'no', action: 'user.deactivate' })
      expect(Date.parse(String(row['received']))).to.be.at.most(Date.parse(String(row['effective'])))
    }
    const sorted = found.map((row) => Number(row['latencyMs'])).sort((a, b) => a - b)
    expect(summary).to.deep.equal({
      ...{ leavers: 5, p50Ms: sorted[2], p95Ms: sorted[4], maxMs: sorted[4], breaches: 2 },
    })
    // Whoever was there already is no leaver a second time.
    await leave(people[0]!, 1)
    expect((await shown('/reports/leavers')).rows).to.have.length(5)
  })

  it('is the history of a person and of a team, with who gave and who ended each value', async () => {
    const { id } = await gateway.tenant.user('mover')
    await gateway.tenant.jobs()
    await leave(id)
    const { rows } = await shown(`/reports/history?user=${id}`)
    expect(rows.map(({ kind }) => kind)).to.have.members(['account', 'organization role', 'seat', 'seat'])
    for (const row of rows) {
      expect(row).to.include({ user: id, givenBy: 'idp', endedBy: 'idp' })
      expect(Number(row['endedIn'])).to.be.greaterThan(Number(row['givenIn']))
      expect(Date.parse(String(row['to']))).to.be.at.least(Date.parse(String(row['from'])))
    }
    const ofTeam = await shown(`/reports/history?team=${team}`)
    const values = ofTeam.rows.map((row) => [row['userName'], row['value'], row['to'] === null])
    expect(values).to.deep.equal([
      ['ann', 'member', false],
      ['ann', 'viewer', true],
    ])
    problemCode(await auditor.get('/reports/history'), 400)
  })

  it('is the seats in use at the end of each day of a zone, over a change of summer time', async () => {
    const at = (text: string) => Date.parse(text)
    const row = (n: number, from: string, to: string | null) => ({
      ...{ org_id: gateway.tenant.orgId, user_id: `seat-${n}`, kind: 'seat', target: 'models', value: 'full' },
      ...{ from_seq: n, to_seq: to === null ? null : n + 1, valid_from: at(from) },
      valid_to: to === null ? null : at(to),
    })
    await gateway.test.connections.writer
      .insertInto('access_period')
      .values([
        row(1, '2020-03-27T12:00:00Z', '2020-03-29T21:59:59.999Z'),
        row(2, '2020-03-28T22:59:59.999Z', '2020-03-29T22:00:00.000Z'),
        row(3, '2020-03-29T21:59:59.999Z', '2020-03-31T12:00:00.000Z'),
      ])
      .execute()
    const { rows } = await shown('/reports/seats?from=2020-03-27&to=2020-03-31&tz=Europe%2FBerlin')
    const full = rows.filter(({ product, type }) => product === 'models' && type === 'full')
    expect(full.map(({ day, used }) => [day, used])).to.deep.equal([
      ['2020-03-27', 1],
      ['2020-03-28', 2],
      ['2020-03-29', 2],
      ['2020-03-30', 1],
      ['2020-03-31', 0],
    ])
    const now = await shown('/reports/seats')
    const seats = (await auditor.get('/seats')).json['items'] as readonly Row[]
    const inUse = seats.find(({ product, type }) => product === 'weave' && type === 'full')!['used']
    expect(now.rows.findLast(({ product, type }) => product === 'weave' && type === 'full')!['used']).to.equal(inUse)
    problemCode(await auditor.get('/reports/seats?from=2020-01-01&to=2022-01-01'), 400)
  })

  it('is the accounts to look at: admins, unused, unlinked and left ones', async () => {
    const { tenant, test } = gateway
    const admin = gateway.client(await gateway.key('admin'))
    const root = (await admin.post('/users', { userName: 'root', orgRole: 'admin' })).json['id'] as UserId
    const quiet = (await tenant.user('quiet')).id
    const busy = (await tenant.user('busy')).id
    const owner = (await tenant.user('owner')).id
    const draft = { userName: 'bot', scope: 'team', defaultTeam: team, owner } as const
    const bot = (await createServiceAccount(tenant.provisioning, operatorOf(tenant.orgId), draft).durable).id
    const used = (user_id: UserId, last: number) => ({
      ...{ org_id: tenant.orgId, user_id, last_active: last, last_sign_in: last, days_active: 1, sign_ins: 1 },
      ...{ views: 0, runs: 0, reports: 0, calls: 0 },
    })
    const { writer } = test.connections
    await writer
      .insertInto('user_activity')
      .values([used(quiet, Date.now() - 100 * DAY_MS), used(busy, Date.now() - DAY_MS)])
      .execute()
    const longAgo = Date.now() - 200 * DAY_MS
    await writer.updateTable('user').set({ created: longAgo }).where('id', 'in', [quiet, busy]).execute()
    const found = async (query = '') => {
      const { rows } = await shown(`/reports/exceptions${query}`)
      return rows.filter(({ user }) => [root, quiet, busy, bot].includes(user as UserId))
    }
    const kinds = async (query = '') => (await found(query)).map(({ user, exception }) => [user, exception])
    expect(await kinds()).to.have.deep.members([
      ...[
        [root, 'admin'],
        [root, 'neverSignedIn'],
        [root, 'notLinked'],
      ],
      ...[[quiet, 'dormant']],
    ])
    expect(await kinds('?dormantDays=150')).not.to.deep.include([quiet, 'dormant'])
    await leave(owner)
    expect(await kinds('?kind=ownerLeft')).to.deep.equal([[bot, 'ownerLeft']])
    expect((await found('?kind=ownerLeft'))[0]).to.include({ detail: 'owner' })
    problemCode(await auditor.get('/reports/exceptions?kind=tall'), 400)
  })

  it('is refused for ranges that are none, in each form', async () => {
    for (const name of ['grants', 'leavers', 'seats']) {
      for (const form of ['', '.csv', '.html']) {
        for (const query of ['from=2026-03-02&to=2026-03-01', 'from=soon', 'to=2999-01-01', 'tz=Mars', 'size=1']) {
          problemCode(await auditor.get(`/reports/${name}${form}?${query}`), 400)
        }
      }
    }
  })

  it('is, for a removal that was held, the time since it was first asked for (C09)', async () => {
    const { tenant, test } = gateway
    const admin = gateway.client(await gateway.key('admin'))
    const settings = { 'breaker.mode': 'hold', 'breaker.floor': 1, 'breaker.percent': 1 }
    expect((await admin.patch('/settings', { settings })).status).to.equal(200)
    const { id } = await tenant.user('held')
    const refused = await leave(id).then(
      () => '',
      (error: unknown) => (error as { code: string }).code,
    )
    expect(refused).to.equal('held')
    // PostgreSQL asks its own clock, which cannot be put on.
    if (dialect === 'sqlite') test.clock = () => Date.now() + 7_200_000
    const [batch] = (await admin.get('/removal-batches')).json['items'] as readonly { readonly id: string }[]
    await allowBatch(tenant.provisioning, operatorOf(tenant.orgId), batch!.id as never)
    const { records } = test.store.reads
    const all = await records.tail(tenant.orgId, 1_000)
    const staged = all.find(({ result }) => result === 'staged')!
    const ended = all.findLast(({ action }) => action === 'user.deactivate')!
    // The gateway's own clock has not come that far, so the report is made here.
    const report = leaversReport(test.store.reads, tenant.orgId, { from: 0, to: ended.time, limitMs: 3_600_000 })
    const rows: ReportRow[] = []
    for await (const page of report.rows()) rows.push(...page)
    const told = rows.find(([user]) => user === id)!
    const cell = (name: string) => told[report.columns.findIndex((column) => column.name === name)]
    expect([cell('latencyMs'), cell('held')]).to.deep.equal([ended.time - staged.time, 'yes'])
    expect(cell('breach')).to.equal(dialect === 'sqlite' ? 'yes' : 'no')
    if (dialect === 'sqlite') test.clock = Date.now
    await admin.patch('/settings', { settings: { 'breaker.mode': 'alert' } })
  })

  it('fails for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
