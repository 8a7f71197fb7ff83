import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'csv-parse/sync'
import { RECORD_SCHEMA } from '../../src/audit/record-schema.ts'
import { verifyPack } from '../../src/audit/verify-pack.ts'
import type { User } from '../../src/domain/user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, ApiClient as Client, openAdminGateway, problemCode } from './api.ts'

type Entry = Readonly<Record<string, string | number>>

interface Page {
  readonly audit_logs: readonly Entry[]
  readonly range_start_time: string
  readonly range_end_time: string
  readonly count: number
  readonly next_cursor: string | null
}

forEachDialect('copies of the log over HTTP', (dialect) => {
  let gateway: AdminGateway
  let auditor: ApiClient
  let auditorKey: string
  let ann: User
  let team: string

  before(async () => {
    gateway = await openAdminGateway(dialect)
    auditorKey = await gateway.key('auditor')
    auditor = gateway.client(auditorKey)
    const { tenant } = gateway
    ann = await tenant.user('ann@example.com')
    const draft = { displayName: 'Research', externalId: 'r', members: [{ value: ann.id }] }
    team = (await createGroup(tenant.provisioning, tenant.idp, draft).durable).id
  })
  after(() => gateway.close())

  /** An answer as it came: text would lose its byte order mark. */
  async function bytesOf(path: string): Promise<Buffer> {
    const headers = { authorization: `Bearer ${auditorKey}` }
    const answer = await fetch(`${gateway.origin}/api/v1${path}`, { headers })
    expect(answer.status).to.equal(200)
    return Buffer.from(await answer.arrayBuffer())
  }

  async function actions(): Promise<readonly string[]> {
    const { reads } = gateway.test.store
    const records = await reads.records.page(gateway.tenant.orgId, 0, Number.MAX_SAFE_INTEGER, 10_000)
    return records.map(({ action }) => action)
  }

  it('come in every form, with personal values only where they are asked for', async () => {
    const open = await auditor.get('/log/export.ndjson')
    expect(open.status, open.text).to.equal(200)
    expect(open.headers.get('content-type')).to.equal('application/x-ndjson')
    expect(open.text).to.include('ann@example.com')
    const closed = await auditor.get('/log/export.ndjson?personal=false')
    expect(closed.text).not.to.include('ann@example.com')
    const csv = await bytesOf('/log/export.csv?bom=true&action=user')
    expect(csv.subarray(0, 3).toString('hex')).to.equal('efbbbf')
    const rows: Record<string, string>[] = parse(csv, { bom: true, columns: true })
    expect(new Set(rows.map((row) => row['action']!.split('.')[0]))).to.deep.equal(new Set(['user']))
    for (const form of ['ocsf', 'cef']) {
      const answer = await auditor.get(`/log/export.${form}?about=${ann.id}`)
      expect(answer.text, form).to.include(ann.id)
    }
  })

  it('are records of the log themselves, with what was asked', async () => {
    const before = (await actions()).filter((action) => action === 'log.export').length
    await auditor.get(`/log/export.csv?about=${ann.id}&personal=false`)
    const [newest] = await gateway.test.store.reads.records.ofAction(gateway.tenant.orgId, 'log.export', 1)
    expect((await actions()).filter((action) => action === 'log.export')).to.have.length(before + 1)
    const { outcome } = JSON.parse(newest!.body) as { outcome: { params: unknown } }
    expect(outcome.params).to.deep.equal({ about: ann.id, form: 'csv', personal: false })
  })

  it('refuse dates that are none, a range turned round and what they do not know', async () => {
    const bad = [
      'from=2026-02-30',
      'to=tomorrow',
      'from=2026-03-02&to=2026-03-01',
      'action=DROP',
      'about=1',
      'colour=red',
    ]
    for (const query of bad) {
      const answer = await auditor.get(`/log/export.ndjson?${query}`)
      expect(problemCode(answer, 400), query).to.be.a('string')
    }
  })

  it('are evidence packs that verify with no database', async () => {
    const bytes = await bytesOf('/log/pack.zip')
    const file = join(gateway.test.dataDir, 'evidence.zip')
    await writeFile(file, bytes)
    const { finding } = await verifyPack(file, [])
    expect(finding).to.equal(undefined)
  })

  it('have a schema that everybody may read', async () => {
    const answer = await new Client(gateway.origin, undefined).get('/log-record.schema.json')
    expect(answer.json).to.deep.equal(JSON.parse(JSON.stringify(RECORD_SCHEMA)))
  })

  it('and reports leave a record for each question of a reader, once an hour', async () => {
    const reads = async (): Promise<number> => (await actions()).filter((action) => action === 'log.read').length
    const before = await reads()
    await auditor.get('/reports/history?user=' + ann.id)
    await auditor.get('/reports/history.csv?bom=true&user=' + ann.id)
    await auditor.get('/reports/history.html?tz=Europe/Berlin&user=' + ann.id)
    expect(await reads()).to.equal(before + 1)
    await auditor.get('/reports/history?team=' + team)
    expect(await reads()).to.equal(before + 2)
    await gateway.client(await gateway.key('auditor')).get('/reports/history?user=' + ann.id)
    expect(await reads()).to.equal(before + 3)
  })

  it('of the reading itself make no further reading (C12)', async () => {
    const all = ['/log?after=0', '/reports/exceptions', '/reports/grants?from=2026-01-01']
    for (const path of all) expect((await auditor.get(path)).status, path).to.equal(200)
    const before = (await actions()).length
    for (let round = 0; round < 3; round++) for (const path of all) await auditor.get(path)
    expect(await actions()).to.have.length(before)
  })

  describe('in the shape of W&B', () => {
    async function ask(path: string, authorization = `Basic ${btoa(`ann:${auditorKey}`)}`): Promise<Response> {
      return fetch(gateway.origin + path, { headers: { authorization } })
    }

    async function page(path: string): Promise<Page> {
      const answer = await ask(path)
      expect(answer.status).to.equal(200)
      return (await answer.json()) as Page
    }

    it('are lines at /admin/audit_logs: who was made, and who came into which team', async () => {
      const answer = await ask('/admin/audit_logs')
      expect(answer.headers.get('content-type')).to.equal('application/x-ndjson')
      const entries = (await answer.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Entry)
      const hers = entries.filter(({ user_asset }) => user_asset === ann.id)
      expect(hers.map(({ action }) => action)).to.include.members(['user:create', 'team:invite_user'])
      const invited = hers.find(({ action }) => action === 'team:invite_user')
      expect(invited).to.include({ user_email: 'ann@example.com', entity_asset: team, entity_name: 'Research' })
      expect(invited).to.include({ response_code: 200 })
    })

    it('name nobody with anonymize=true', async () => {
      const text = await (await ask('/admin/audit_logs?anonymize=true')).text()
      expect(text).to.include(ann.id)
      expect(text).not.to.include('ann@example.com')
      expect(text).not.to.include('Research')
    })

    it('are pages at /audit_logs, whose cursors lead through all of them', async () => {
      const all = await page('/audit_logs?limit=1000')
      expect(all).to.include({ count: all.audit_logs.length, next_cursor: null })
      const paged: Entry[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const next: Page = await page(`/audit_logs?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
        expect(next.audit_logs.length).to.be.within(1, 2)
        paged.push(...next.audit_logs)
        cursor = next.next_cursor
      }
      const known = new Set(all.audit_logs.map((entry) => JSON.stringify(entry)))
      expect(paged.filter((entry) => known.has(JSON.stringify(entry)))).to.have.length(all.count)
    })

    it('say the range that they are of', async () => {
      const { range_start_time, range_end_time, count } = await page('/audit_logs?startDate=2026-01-30&numDays=2')
      expect([range_start_time, range_end_time]).to.deep.equal(['2026-01-30T00:00:00.000Z', '2026-02-02T00:00:00.000Z'])
      expect(count).to.equal(0)
    })

    it('refuse other credentials, who may not read, dates that are none and cursors of another range', async () => {
      expect((await ask('/audit_logs', 'Basic nonsense')).status).to.equal(401)
      const member = await gateway.key('user', ann.id)
      expect((await ask('/audit_logs', `Bearer ${member}`)).status).to.equal(403)
      const { next_cursor } = await page('/audit_logs?limit=1')
      const bad = [
        ...['/audit_logs?startDate=2026-02-30', '/audit_logs?numDays=8', '/audit_logs?endDate=2026-03-01'],
        ...[
          '/admin/audit_logs?endDate=2026-03-01&numDays=1',
          '/admin/audit_logs?startDate=2026-03-02&endDate=2026-03-01',
        ],
        ...['/audit_logs?anonymize=true', '/admin/audit_logs?limit=20001', '/audit_logs?cursor=x'],
        ...[`/audit_logs?numDays=1&cursor=${next_cursor}`, `/admin/audit_logs?cursor=${next_cursor}`],
      ]
      for (const path of bad) {
        const answer = await ask(path)
        expect(answer.status, path).to.equal(400)
        expect(answer.headers.get('content-type')).to.equal('application/problem+json')
      }
      expect((await fetch(`${gateway.origin}/audit_logs`, { method: 'POST' })).status).to.equal(405)
      const refused = gateway.tenant.user('ann@example.com').catch((error: unknown) => (error as Error).name)
      expect(await refused).to.equal('DomainError')
      const told = (await page('/audit_logs')).audit_logs.at(-1)
      expect(told).to.include({ action: 'user:create', response_code: 409 })
    })
  })

  it('of all that is held of a person go to admins alone, also of a deleted one, and are in the log', async () => {
    const { tenant, test } = gateway
    const bea = await tenant.user('bea@example.com', { attributes: { nickName: 'beatrix' } })
    await tenant.user('cyd@example.com')
    const admin = gateway.client(await gateway.key('admin'))
    await deleteUser(tenant.provisioning, tenant.idp, bea.id, { method: 'DELETE' }).durable
    const answer = await admin.get(`/users/${bea.id}/export`)
    expect([answer.status, answer.headers.get('content-type')]).to.deep.equal([200, 'application/json'])
    expect(answer.headers.get('content-disposition')).to.equal('attachment; filename="person.json"')
    expect(answer.text).to.include('beatrix').and.not.include('cyd@').and.not.include('ann@')
    const told = answer.json as { held: { user: readonly object[] }; log: readonly { record: { action: string } }[] }
    expect(told.held.user).to.have.length(1)
    expect(told.log.map(({ record }) => record.action)).to.deep.equal(['user.create', 'user.delete', 'log.export'])
    const [newest] = await test.store.reads.records.tail(tenant.orgId, 1)
    expect(newest!.body).to.include(`"about":"${bea.id}"`).and.include('"form":"person"')
    expect(problemCode(await auditor.get(`/users/${bea.id}/export`), 403)).to.match(/^right\./)
    const nobody = `/users/${bea.id.slice(0, -1)}${bea.id.endsWith('0') ? '1' : '0'}/export`
    expect((await admin.get(nobody)).status).to.equal(404)
    expect((await test.store.reads.records.head(tenant.orgId))!.seq).to.equal(newest!.seq)
  })
})
