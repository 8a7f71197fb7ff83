import { expect } from 'chai'
import { createProvider } from '../../src/provisioning/sign-in-providers.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('ways to sign in', (dialect) => {
  let test: TestStore
  let tenant: Tenant

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
  })

  const make = (origin: 'made' | 'environment') =>
    createProvider(tenant.provisioning, operatorOf(tenant.orgId), {
      ...{ kind: 'oidc', name: 'Single sign-on', config: { issuer: 'https://issuer.example' }, origin },
    }).durable

  it('of the environment are made once by instances that start at the same time, with one record', async () => {
    const made = await Promise.all([make('environment'), make('environment'), make('environment')])
    expect(new Set(made.map(({ id }) => id)).size).to.equal(1)
    expect(await test.store.reads.providers.list(tenant.orgId)).to.have.length(1)
    const actions = await actionsOf(test, tenant.orgId)
    expect(actions.filter((action) => action === 'provider.create')).to.have.length(1)
  })

  it('that people make have a name of their own', async () => {
    await make('made')
    expect(await refusal(make('made'))).to.equal('uniqueness provider.name-taken')
    expect(await refusal(make('environment'))).to.equal('uniqueness provider.name-taken')
  })
})
