import { expect } from 'chai'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { changedState, newState } from '../../src/provisioning/person-draft.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, operation, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('mails to the admins of an org', (dialect) => {
  let test: TestStore
  let tenant: Tenant

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
  })
  after(() => test.close())

  const admin = (userName: string) =>
    createUser(tenant.provisioning, operatorOf(tenant.orgId), {
      ...newState({ userName, email: `${userName}@people.example`, orgRole: 'admin' }),
    }).durable
  const claimed = async () => {
    const mails = await test.store.mailQueue!.claim(Date.now() + 1_000, Date.now() + 60_000, 100)
    const own = mails.filter(({ orgId }) => orgId === tenant.orgId)
    return own.map(({ mail }) => ({ to: mail!.to, ...mail!.content }))
  }
  const deactivate = (id: Parameters<typeof changeUser>[2], caller = tenant.idp) =>
    changeUser(tenant.provisioning, { ...caller, request: operation().request }, id, {
      method: 'PATCH',
      change: (current) => ({ ...current, active: false }),
    }).durable

  it('say once an hour that an identity provider asked for the last of them to go', async () => {
    const last = await admin('last')
    const owned = { ...last }
    await test.connections.writer
      .updateTable('user')
      .set({ owner_connection_id: tenant.idp.connection!.id })
      .where('org_id', '=', tenant.orgId)
      .where('id', '=', owned.id)
      .execute()
    expect(await refusal(deactivate(owned.id))).to.equal('last-admin admin.last')
    expect(await refusal(deactivate(owned.id))).to.equal('last-admin admin.last')
    expect(await claimed()).to.deep.equal([
      { to: 'last@people.example', kind: 'last-admin', connection: 'idp', org: await orgName() },
    ])
  })

  it('say once that very many people are being removed', async () => {
    await admin('ann')
    await admin('bob')
    await changeOrgSettings(tenant.provisioning, operatorOf(tenant.orgId), {
      settings: { 'breaker.floor': 2, 'breaker.percent': 1 },
    }).durable
    for (const name of ['a', 'b', 'c', 'd']) await deactivate((await tenant.user(name)).id)
    const mails = await claimed()
    expect(mails.map(({ to, kind }) => `${to} ${kind}`).sort()).to.deep.equal([
      'ann@people.example breaker',
      'bob@people.example breaker',
    ])
    expect(mails[0]).to.include({ mode: 'alert', connection: 'idp' })
  })

  it('say once that a connection asks for an admin it may not make', async () => {
    await admin('ann')
    const attributes = { roles: [{ value: 'admin' }] }
    const eve = await tenant.user('eve', { attributes })
    await changeUser(tenant.provisioning, tenant.idp, eve.id, {
      method: 'PATCH',
      namesRoles: true,
      change: (current) => ({ ...current, attributes: { ...current.attributes, title: 'x' } }),
    }).durable
    expect(await claimed()).to.deep.equal([
      { to: 'ann@people.example', kind: 'admin-withheld', connection: 'idp', userName: 'eve', org: await orgName() },
    ])
  })

  it('go to the address a person had before another one was set, and to no other', async () => {
    const ann = await admin('ann')
    const set = (email: string) =>
      changeUser(tenant.provisioning, operatorOf(tenant.orgId), ann.id, {
        method: 'PATCH',
        change: (current) => changedState(current, { email }),
      }).durable
    await set('ANN@people.example')
    expect(await claimed()).to.deep.equal([])
    await set('ann@new.example')
    expect((await claimed()).map(({ to, kind }) => `${to} ${kind}`)).to.deep.equal([
      'ANN@people.example address-changed',
    ])
  })

  async function orgName(): Promise<string> {
    return (await test.store.reads.orgs.find(tenant.orgId))!.name
  }
})
