import { expect } from 'chai'
import { parse } from 'csv-parse/sync'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import { REPORT_STYLE_HASH } from '../../src/audit/render-report.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

interface Shown {
  readonly report: string
  readonly timeZone: string
  readonly asked: Readonly<Record<string, string | number | null>>
  readonly rows: readonly Readonly<Record<string, string | number | null>>[]
  readonly summary: Readonly<Record<string, string | number | null>>
}

forEachDialect('reports over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let auditor: ApiClient
  let ann: UserId
  let team: GroupId
  /** Right before Ann came into the team, and right before she left the org. */
  const times = { joined: 0, left: 0 }

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
    auditor = gateway.client(await gateway.key('auditor'))
    const { tenant } = gateway
    ann = (await tenant.user('=ann@example.com')).id
    await tenant.user('bob@example.com')
    times.joined = await later()
    const members = [{ value: ann }]
    team = (
      await createGroup(tenant.provisioning, tenant.idp, { displayName: 'Research', externalId: 'r', members }).durable
    ).id
    times.left = await later()
    const change = (state: Parameters<Parameters<typeof changeUser>[3]['change']>[0]) => ({ ...state, active: false })
    await changeUser(tenant.provisioning, tenant.idp, ann, { method: 'PATCH', change }).durable
  })
  after(() => gateway.close())

  /** A time of the log after which the next record is. */
  async function later(): Promise<number> {
    const { records } = gateway.test.store.reads
    const { time } = (await records.head(gateway.tenant.orgId))!
    while (Date.now() <= time) await new Promise(setImmediate)
    return time
  }

  async function shown(path: string, client = auditor): Promise<Shown> {
    const answer = await client.get(path)
    expect(answer.status, answer.text).to.equal(200)
    return answer.json as unknown as Shown
  }

  const instant = (ms: number) => encodeURIComponent(new Date(ms).toISOString())
  const held = ({ rows }: Shown) =>
    rows.map((row) => `${row['kind']} ${row['targetName']} ${row['value']}`.replace('  ', ' '))

  it('say what a person had before and after, who gave it and since when', async () => {
    const before = await shown(`/reports/access?user=${ann}&at=${instant(times.joined)}`)
    expect(held(before)).to.deep.equal([
      ...['account active', 'organization role member', 'seat models full', 'seat weave full'],
    ])
    const within = await shown(`/reports/access?user=${ann}&at=${instant(times.left)}`)
    expect(held(within)).to.deep.equal([...held(before), 'team role Research member'])
    expect(within.rows.at(-1)).to.include({ user: ann, userName: '=ann@example.com', target: team, givenBy: 'idp' })
    expect(Date.parse(String(within.rows.at(-1)!['since']))).to.be.within(times.joined, times.left)
    expect((await shown(`/reports/access?user=${ann}`)).rows).to.deep.equal([])
    expect((await shown(`/reports/access?user=${ann}&at=1999-12-31`)).rows).to.deep.equal([])
  })

  it('say who was in a team, and what the whole org had', async () => {
    const inTeam = await shown(`/reports/access?team=${team}&at=${instant(times.left)}`)
    expect(inTeam.rows.map(({ user, value }) => [user, value])).to.deep.equal([[ann, 'member']])
    expect(inTeam.asked).to.include({ about: 'Research' })
    expect((await shown(`/reports/access?team=${team}`)).rows).to.deep.equal([])
    const all = await shown('/reports/access')
    expect(new Set(all.rows.map(({ userName }) => userName))).to.deep.equal(new Set(['bob@example.com']))
  })

  it('show times in the zone that is asked for, with its offset (C10)', async () => {
    const { rows, timeZone, asked } = await shown(`/reports/access?at=${instant(times.left)}&tz=Asia%2FKolkata`)
    expect(timeZone).to.equal('Asia/Kolkata')
    expect(asked['at']).to.match(/\+05:30$/)
    expect(Date.parse(String(asked['at']))).to.equal(times.left)
    for (const row of rows) expect(row['since']).to.match(/^20\d\d-.*\+05:30$/)
  })

  it('go out as CSV that no spreadsheet takes for formulas, with a byte order mark where asked for', async () => {
    const path = `/reports/access.csv?at=${instant(times.left)}`
    const answer = await auditor.get(path)
    expect(answer.headers.get('content-type')).to.match(/^text\/csv/)
    expect(answer.headers.get('content-disposition')).to.equal('attachment; filename="access.csv"')
    const rows = parse<Record<string, string>>(answer.text, { columns: true })
    expect(rows.map(({ userName }) => userName)).to.include("'=ann@example.com")
    const same = await shown(`/reports/access?at=${instant(times.left)}`)
    expect(rows.map(({ kind, since }) => [kind, since])).to.deep.equal(
      same.rows.map(({ kind, since }) => [kind, since]),
    )
    expect(answer.text.charCodeAt(0)).not.to.equal(0xfeff)
    // Fetch decodes the mark away.
    const raw = await fetch(`${gateway.origin}/api/v1${path}&bom=true`, {
      headers: { authorization: `Bearer ${await gateway.key('auditor')}` },
    })
    expect([...new Uint8Array(await raw.arrayBuffer()).slice(0, 3)]).to.deep.equal([0xef, 0xbb, 0xbf])
  })

  it('go out as a page to print that runs and loads nothing', async () => {
    const { id } = await gateway.tenant.user('<img src=x onerror=alert(1)>')
    const answer = await auditor.get(`/reports/access.html?user=${id}`)
    expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8')
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).to.include(`style-src '${REPORT_STYLE_HASH}'`).and.to.include("default-src 'none'")
    expect(answer.text).to.include('&lt;img src=x onerror=alert(1)&gt;').and.not.to.include('<img')
    expect(answer.text).to.match(/^<!doctype html>[^]*<th scope="col">Person<\/th>[^]*<\/html>\n$/)
    expect(answer.text).not.to.match(/<script|javascript:|https?:|<link|style=/)
  })

  it('refuse what cannot be asked with a sentence that names it, and send nothing of the answer', async () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['at=yesterday', 'at is no date'],
      ['at=2026-02-30', 'at is no date'],
      ['at=2999-01-01', 'lies in the future'],
      ['tz=Mars', 'tz is no time zone'],
      ['user=somebody', 'user'],
      [`user=${ann}&team=${team}`, 'not both'],
      ['colour=red', 'There is no query parameter colour'],
    ]
    for (const [query, said] of wrong) {
      for (const form of ['', '.csv', '.html']) {
        const answer = await auditor.get(`/reports/access${form}?${query}`)
        problemCode(answer, 400)
        expect(answer.text, query).to.include(said)
      }
    }
  })

  it('know nothing of another organisation, and nobody of it by name', async () => {
    const operator = gateway.client(await gateway.key('operator'))
    const made = await operator.post('/orgs', { name: 'another' })
    expect(made.status, made.text).to.equal(201)
    const other = gateway.client(await gateway.key('auditor', undefined, String(made.json['id']) as never))
    const { rows, asked } = await shown(`/reports/access?user=${ann}&at=${instant(times.left)}`, other)
    expect([rows, asked['about']]).to.deep.equal([[], ann])
    expect((await shown(`/reports/access?team=${team}&at=${instant(times.left)}`, other)).rows).to.deep.equal([])
  })

  it('are read by auditors and admins alone, and change nothing (C08)', async () => {
    const member = gateway.client(await gateway.key('user', (await gateway.tenant.user('reader')).id))
    for (const form of ['', '.csv', '.html']) {
      problemCode(await member.get(`/reports/access${form}`), 403)
      expect((await admin.get(`/reports/access${form}`)).status).to.equal(200)
    }
  })

  it('fail for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
