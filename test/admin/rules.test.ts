import { expect } from 'chai'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { forEachDialect } from '../support/databases.ts'
import { problemsOf } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('rules over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(async () => {
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
    expect(gateway.failures).to.deep.equal([])
    await gateway.close()
  })

  const group = async (displayName: string, people: readonly string[] = []) => {
    const members = people.map((value) => ({ value }))
    const draft = { displayName, externalId: undefined, members }
    return (await createGroup(gateway.tenant.provisioning, gateway.tenant.idp, draft).durable).id
  }

  it('are made, replaced and deleted, and two admins who save at once do not lose one another (412)', async () => {
    const team = await group('research')
    const draft = { match: { kind: 'name', value: 'Leads' }, grants: [{ team: 'Research', role: 'admin' }] }
    const made = await admin.post('/rules', draft)
    expect(made.status, made.text).to.equal(201)
    expect(made.json).to.deep.include({
      match: { kind: 'name', value: 'Leads', connection: null },
      grants: [{ team, role: 'admin' }],
      ...{ enabled: true, directoryOnly: false, version: 1 },
    })
    const path = `/rules/${String(made.json['id'])}`
    const headers = { 'if-match': made.headers.get('etag')! }
    const put = (role: string) =>
      admin.send('PUT', path, { headers, body: { ...draft, grants: [{ team: 'research', role }] } })
    expect((await put('viewer')).json).to.deep.include({ version: 2, grants: [{ team, role: 'viewer' }] })
    problemCode(await put('member'), 412)
    expect(((await admin.get('/rules')).json['items'] as readonly object[]).length).to.equal(1)
    expect((await admin.get(path)).json).to.deep.include({ version: 2 })
    problemCode(await admin.post('/rules', draft), 409)
    expect((await admin.delete(path)).status).to.equal(204)
    problemCode(await admin.get(path), 404)
  })

  it('that name what is not there are refused with the field', async () => {
    const grants = [{ team: 'nowhere', role: 'admin' }]
    const answer = await admin.post('/rules', { match: { kind: 'name', value: 'x' }, grants })
    expect(answer.status, answer.text).to.equal(400)
    expect(answer.text).to.include('grants[0].team').and.to.include('there is no team')
    const odd = await admin.post('/rules', { match: { kind: 'name', value: 'x' }, grants: [], colour: 'red' })
    expect(odd.status).to.equal(400)
    expect(odd.text).to.include('colour')
  })

  it('are previewed line by line without being saved, and explained once they are', async () => {
    const ann = await gateway.tenant.user('ann@example.com')
    await group('watchers', [ann.id])
    const to = { match: { kind: 'name', value: 'watchers' }, grants: [{ orgRole: 'viewer' }] }
    const answer = await admin.post('/previews', { rule: { to } })
    expect(answer.status, answer.text).to.equal(200)
    const events = answer.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; userName?: string; losing?: number })
    expect(events.map(({ type }) => type)).to.deep.equal(['person', 'progress', 'summary'])
    expect(events[0]?.userName).to.equal('ann@example.com')
    expect(events.at(-1)?.losing).to.equal(1)
    expect((await admin.get('/rules')).json['items']).to.deep.equal([])
    expect((await admin.post('/previews', {})).status).to.equal(400)
    const licence = await admin.post('/previews', { licence: { models: { full: 0 } } })
    expect(licence.text).to.match(/full seats of models are missing/)
    await admin.post('/rules', to)
    const mine = gateway.client(await gateway.key('user', ann.id))
    const explained = await mine.get(`/users/${ann.id}/explanation`)
    const [orgRole] = explained.json['values'] as readonly { value: string; by: { text: string } }[]
    expect(orgRole).to.include({ value: 'viewer' })
    expect(orgRole?.by.text).to.equal('rule "name watchers" through the group watchers')
  })
})
