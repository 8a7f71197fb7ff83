import { expect } from 'chai'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { forEachDialect } from '../support/databases.ts'
import { problemsOf } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('seats, settings and mass removals over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  beforeEach(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  afterEach(async () => {
    await gateway.tenant.jobs()
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
    expect(gateway.failures).to.deep.equal([])
    await gateway.close()
  })

  const off = (id: UserId) => {
    const { provisioning, idp } = gateway.tenant
    return changeUser(provisioning, idp, id, { method: 'PATCH', change: (state) => ({ ...state, active: false }) })
      .durable
  }

  it('shows seats bought, used, reserved and left, and who waits for one', async () => {
    await admin.patch('/settings', { settings: { seatPolicy: 'downgrade' } })
    const licence = await admin.patch('/licence', { products: { models: { full: 1 } } })
    expect(licence.json).to.deep.equal({
      products: { models: { full: 1, viewer: null }, weave: { full: null, viewer: null } },
    })
    await gateway.tenant.user('ann')
    const bob = await gateway.tenant.user('bob')
    const { items } = (await admin.get('/seats')).json as { items: readonly { product: string; type: string }[] }
    expect(items.map(({ product, type }) => `${product} ${type}`)).to.deep.equal([
      'models full',
      'models viewer',
      'weave full',
      'weave viewer',
    ])
    expect(items[0]).to.include({ bought: 1, used: 1, reserved: 0, left: 0, over: 0, waiting: 1 })
    expect(items[1]).to.include({ bought: null, used: 1, left: null })
    const waiting = (await admin.get('/seats/models/waiting')).json as { items: readonly object[]; next: unknown }
    expect(waiting.next).to.equal(null)
    expect(waiting.items).to.have.length(1)
    expect(waiting.items[0]).to.include({ user: bob.id, userName: 'bob', wanted: 'full', given: 'viewer' })
    await admin.patch('/licence', { products: { models: { full: 0 } } })
    const over = (await admin.get('/seats')).json as { items: readonly object[] }
    expect(over.items[0]).to.include({ bought: 0, used: 1, left: -1, over: 1 })
  })

  it('pages who waits, the longest first', async () => {
    await admin.patch('/settings', { settings: { seatPolicy: 'downgrade' } })
    await admin.patch('/licence', { products: { models: { full: 0 } } })
    const made: string[] = []
    for (const name of ['one', 'two', 'three', 'four', 'five']) made.push((await gateway.tenant.user(name)).id)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { json } = await admin.get(`/seats/models/waiting?limit=2${query}`)
      const page = json as { items: readonly { user: string }[]; next: string | null }
      seen.push(...page.items.map(({ user }) => user))
      cursor = page.next
    }
    expect(seen).to.deep.equal(made)
  })

  it('refuses negative licences and unknown settings with a problem document that names them', async () => {
    const negative = await admin.patch('/licence', { products: { models: { full: -1 } } })
    problemCode(negative, 400)
    expect(negative.text).to.include('The full seats of models are a whole number')
    const unknown = await admin.patch('/settings', { settings: { brekaer: 1 } })
    problemCode(unknown, 400)
    expect(unknown.text).to.include('brekaer')
  })

  it('keeps one of two settings that are saved at once (RFC 9110 §13.1.1)', async () => {
    const etag = (await admin.get('/settings')).headers.get('etag')!
    const save = (value: string) =>
      admin.patch('/settings', { settings: { seatPolicy: value, 'breaker.mode': 'hold' } }, { 'if-match': etag })
    const answers = await Promise.all([save('refuse'), save('downgrade')])
    expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 412])
  })

  it('lets billing admins change the licence, and nobody else who is no org admin', async () => {
    const { id } = await gateway.tenant.user('ann')
    const member = gateway.client(await gateway.key('user', id))
    problemCode(await member.patch('/licence', { products: { models: { full: 5 } } }), 403)
    const row = { org_id: gateway.tenant.orgId, user_id: id, kind: 'billing_admin', target: '', value: 'true' }
    await gateway.test.connections.writer
      .insertInto('explicit_grant')
      .values({ ...row, set_by: null, set_at: 1 })
      .execute()
    const billing = gateway.client(await gateway.key('user', id))
    expect((await billing.patch('/licence', { products: { models: { full: 5 } } })).status).to.equal(200)
    problemCode(await billing.patch('/settings', { settings: { seatPolicy: 'downgrade' } }), 403)
  })

  it('shows a batch of removals, brings it back, and allows what is held', async () => {
    const people = await Promise.all(Array.from({ length: 14 }, (_, n) => gateway.tenant.user(`p${n}`)))
    for (const { id } of people.slice(0, 11)) await off(id)
    const list = (await admin.get('/removal-batches')).json as { items: readonly { id: string }[] }
    const [batch] = list.items
    expect(batch).to.include({ mode: 'alert', state: 'open', most: 10, base: 14, done: 11, held: 0 })
    const removals = (await admin.get(`/removal-batches/${batch!.id}/removals`)).json as { items: readonly object[] }
    expect(removals.items).to.have.length(11)
    const restored = await admin.post(`/removal-batches/${batch!.id}/restore`, {})
    expect(restored.json).to.deep.equal({ done: 11, failed: [], admins: [] })
    await admin.patch('/settings', { settings: { 'breaker.mode': 'hold' } })
    const held = await off(people[0]!.id).then(
      () => '',
      (error: unknown) => (error as { code: string }).code,
    )
    expect(held).to.equal('held')
    const [newest] = ((await admin.get('/removal-batches')).json as { items: readonly { id: string }[] }).items
    expect(newest).to.include({ mode: 'hold', state: 'open', held: 1 })
    const allowed = await admin.post(`/removal-batches/${newest!.id}/allow`, undefined)
    expect(allowed.json).to.deep.equal({ done: 1, failed: [] })
    problemCode(await admin.post(`/removal-batches/${newest!.id}/reject`, undefined), 409)
  })

  it('brings a deleted person back under their id, but not while somebody has the userName', async () => {
    const { provisioning, idp } = gateway.tenant
    const { id } = await gateway.tenant.user('ann')
    await deleteUser(provisioning, idp, id, { method: 'DELETE' }).durable
    const heir = await gateway.tenant.user('ANN')
    problemCode(await admin.post(`/users/${id}/restore`, undefined), 409)
    await deleteUser(provisioning, idp, heir.id, { method: 'DELETE' }).durable
    const answer = await admin.post(`/users/${id}/restore`, undefined)
    expect(answer.json).to.deep.equal({ id, userName: 'ann', status: 'active' })
    problemCode(await admin.post(`/users/${id}/restore`, undefined), 404)
  })
})
