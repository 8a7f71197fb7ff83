import { expect } from 'chai'
import { recordRefusal } from '../../src/provisioning/record-refusal.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant } from '../support/tenant.ts'

forEachDialect('refusals that no use case makes', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  it('are recorded before they are answered, and once an hour', async () => {
    const tenant = await foundTenant(test)
    const refusal = { action: 'scope.refuse', reason: 'scope.groups', status: 403 }
    await recordRefusal(tenant.provisioning, tenant.idp, refusal)
    await recordRefusal(tenant.provisioning, tenant.idp, refusal)
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'scope.refuse')).to.have.lengthOf(1)
    expect((await test.store.reads.records.tail(tenant.orgId, 1))[0]).to.include({ result: 'refused' })
    expect(tenant.tally.drain().map(({ draft }) => draft.action)).to.deep.equal(['scope.repeated'])
  })
})
