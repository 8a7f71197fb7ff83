import { expect } from 'chai'
import type { JsonObject } from '../../src/domain/json.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway } from './api.ts'
import { patch, scim } from './changes.ts'

/** What a refused attempt is asked with, and how the record tells of it. */
interface Attempt {
  readonly title: string
  readonly ask: () => Promise<unknown>
  readonly action: string
  readonly status: number
  readonly reason?: string
}

forEachDialect('what was refused (C02)', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let ids: Record<string, string>

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
    ids = { scim: await gateway.scimToken(), ann: (await gateway.tenant.user('ann')).id }
    const boss = await admin.post('/users', { userName: 'boss', orgRole: 'admin' })
    ids['boss'] = String(boss.json['id'])
    ids['member'] = await gateway.key('user', ids['ann'] as UserId)
    const idp = gateway.tenant.idp.connection!.id
    expect((await admin.put(`/users/${ids['boss']}/owner`, { to: idp })).status).to.equal(200)
    const settings = { 'breaker.mode': 'hold', 'breaker.floor': 1, 'breaker.percent': 1 }
    expect((await admin.patch('/settings', { settings })).status).to.equal(200)
    for (const name of ['p0', 'p1', 'p2']) ids[name] = (await gateway.tenant.user(name)).id
    await push('PATCH', `/Users/${ids['p0']}`, patch('active', false))
  })
  after(() => gateway.close())

  const push = (method: string, path: string, body?: unknown) => scim(gateway, ids, method, path, body)
  const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'

  async function refused(): Promise<readonly JsonObject[]> {
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 10_000)
    return records
      .filter(({ result }) => result === 'refused' || result === 'staged')
      .map(({ body }) => JSON.parse(body) as JsonObject)
  }

  const ATTEMPTS: readonly Attempt[] = [
    {
      title: '403: an administrator by a connection that may make none',
      ask: () => push('PATCH', `/Users/${ids['boss']}`, patch('userName', 'eve')),
      ...{ action: 'user.update', status: 403, reason: 'admin.untouchable' },
    },
    {
      title: '409: a name that is taken',
      ask: () => push('POST', '/Users', { schemas: [USER], userName: 'ann' }),
      ...{ action: 'user.create', status: 409 },
    },
    {
      title: '409: the last administrator',
      ask: () => push('PATCH', `/Users/${ids['boss']}`, patch('active', false)),
      ...{ action: 'user.update', status: 409, reason: 'admin.last' },
    },
    {
      title: '412: a version that is gone',
      ask: () => admin.patch(`/users/${ids['ann']}`, { displayName: 'Ann' }, { 'if-match': '"99"' }),
      ...{ action: 'user.update', status: 412, reason: 'version.stale' },
    },
    {
      title: '503: a removal that is held',
      ask: () => push('PATCH', `/Users/${ids['p1']}`, patch('active', false)),
      ...{ action: 'user.update', status: 503, reason: 'breaker.held' },
    },
  ]

  for (const { title, ask, action, status, reason } of ATTEMPTS) {
    it(`is a record of its own, tried again it is none: ${title}`, async () => {
      const before = (await refused()).length
      await ask()
      const [record, ...others] = (await refused()).slice(before)
      expect(others).to.deep.equal([])
      expect(record).to.include({ action })
      const outcome = record!['outcome'] as JsonObject
      expect(outcome).to.include({
        result: status === 503 ? 'staged' : 'refused',
        status,
        ...(reason === undefined ? {} : { reason }),
      })
      await ask()
      expect(await refused()).to.have.length(before + 1)
    })
  }

  it('says nothing of a value that was refused', async () => {
    expect(JSON.stringify(await refused())).not.to.match(/eve|ann@|"ann"/)
  })
})
