import { expect } from 'chai'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createConnection } from '../../src/provisioning/create-connection.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { revokeConnection } from '../../src/provisioning/revoke-connection.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, operation, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('a connection that is revoked while its requests are on their way', (dialect) => {
  let test: TestStore
  let tenant: Tenant

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
  })

  it('becomes owner of nothing any more, so that what it pushed can be managed by the next one', async () => {
    const { idp, orgId, provisioning } = tenant
    const user = await tenant.user('ann@example.com')
    const group = await createGroup(provisioning, idp, { displayName: 'one', externalId: undefined, members: [] })
      .durable
    await revokeConnection(provisioning, operation(), orgId, idp.connection!.id).durable
    const late = [
      tenant.user('late@example.com'),
      createGroup(provisioning, idp, { displayName: 'late', externalId: undefined, members: [] }).durable,
      changeUser(provisioning, idp, user.id, {
        change: (state) => ({ ...state, attributes: { ...state.attributes, title: 'late' } }),
        method: 'PUT',
      }).durable,
      changeGroup(provisioning, idp, group.id, { plan: { displayName: 'later', steps: [] }, method: 'PUT' }).durable,
    ]
    expect(await Promise.all(late.map(refusal))).to.deep.equal(late.map(() => 'forbidden connection.revoked'))
    const next = await tenant.connect('idp', 'next')
    const taken = await changeUser(provisioning, next, user.id, {
      change: (state) => ({ ...state, attributes: { ...state.attributes, title: 'taken over' } }),
      method: 'PUT',
    }).durable
    expect(taken.value.owner).to.equal(next.connection?.id)
  })

  it('leaves a trust that a new connection may have as well', async () => {
    const trust = { issuer: 'https://i.example', audience: 'a', jwksUri: undefined, pins: { tid: 't' } } as const
    const draft = { name: 'trusting', kind: 'idp', mayGrantAdmin: false, scopes: ['users'] } as const
    const make = () =>
      createConnection(tenant.provisioning, operation(), tenant.orgId, {
        ...draft,
        trust: { ...trust, algorithms: [], longLived: false },
      }).durable
    const first = await make()
    await revokeConnection(tenant.provisioning, operation(), tenant.orgId, first.id).durable
    const second = await make()
    const trusts = await test.store.reads.credentials.trustsByIssuer(trust.issuer)
    expect(trusts.map(({ connectionId, pins }) => ({ connectionId, pins }))).to.deep.equal([
      { connectionId: second.id, pins: { tid: 't' } },
    ])
    await revokeConnection(tenant.provisioning, operation(), tenant.orgId, second.id).durable
  })
})
