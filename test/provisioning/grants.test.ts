import { expect } from 'chai'
import type { AccessWish } from '../../src/domain/access.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, refusal, type Tenant } from '../support/tenant.ts'
import type { Caller } from '../../src/domain/caller.ts'

forEachDialect('explicit values', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let script: Caller
  /** The same with the right to grant admin. */
  let trusted: Caller

  before(async () => {
    test = await openTestStore(dialect)
    tenant = await foundTenant(test)
    script = await tenant.connect('script', 'script')
    trusted = { ...script, connection: { ...script.connection!, mayGrantAdmin: true } }
  })
  after(() => test.close())
  afterEach(async () => {
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const wish = (id: UserId, wishes: readonly AccessWish[], caller = script) =>
    changeUser(tenant.provisioning, caller, id, { method: 'PATCH', change: (state) => ({ ...state, wishes }) }).durable
  const lastRecord = async () => {
    const [record] = await test.store.reads.records.tail(tenant.orgId, 1)
    return JSON.parse(record!.body) as { changes: unknown[]; effects: unknown[]; steps: unknown[]; targets: unknown[] }
  }
  const admins = () =>
    test.store.work.submit(tenant.orgId, (stores) => stores.access.activeAdmins(tenant.orgId)).durable

  it('stand in the record in clear, with what came of them, and give the version of one change', async () => {
    const { id, version } = await tenant.user('ann')
    const { value } = await wish(id, [
      { kind: 'org_role', value: 'VIEWER' },
      { kind: 'seat', product: 'weave', value: 'none' },
    ])
    expect(value).to.include({ version: version + 1, orgRole: 'viewer' })
    const { changes, effects } = await lastRecord()
    expect(changes).to.deep.include({ path: 'organizationRole', new: 'viewer' })
    expect(changes).to.deep.include({ path: 'seats.weave', new: 'none' })
    expect(JSON.stringify(effects)).to.include('org_role').and.to.include('seat')
  })

  it('are all undone by a refusal of one of them', async () => {
    const { id } = await tenant.user('bob')
    const wishes = [
      { kind: 'org_role', value: 'viewer' },
      { kind: 'team_role', teamName: 'nowhere', value: 'admin' },
    ] as const
    expect(await refusal(wish(id, wishes))).to.match(/^invalid-value/)
    expect(await test.store.reads.users.find(tenant.orgId, id)).to.include({ version: 1, orgRole: 'member' })
  })

  it('of a team make a member of its group, whose record names both', async () => {
    const { id } = await tenant.user('cyd')
    const draft = { displayName: 'crew', externalId: undefined, members: [] }
    const group = await createGroup(tenant.provisioning, script, draft).durable
    await wish(id, [{ kind: 'team_role', teamName: 'CREW', value: 'admin' }])
    const { changes, targets } = await lastRecord()
    expect(changes).to.deep.include({ path: 'members', added: [id] })
    expect(changes).to.deep.include({ path: 'teamRoles', new: { teamName: 'crew', roleName: 'admin' } })
    expect(targets).to.deep.include({ type: 'group', id: group.id, display: 'crew' })
    expect(await test.store.reads.groups.find(tenant.orgId, group.id)).to.include({ memberCount: 1, version: 2 })
  })

  it('of an admin are withheld from a connection that may not grant it, and the record says so', async () => {
    const user = await tenant.user('dee', { attributes: { roles: [{ value: 'admin' }] } })
    expect(user.orgRole).to.equal('member')
    const { steps } = await lastRecord()
    expect(steps).to.deep.include({
      name: 'withheld',
      attribute: 'roles',
      value: 'admin',
      reason: 'admin.not-grantable',
    })
  })

  it('count the active admins, also when one is deleted', async () => {
    const [one, two] = [await tenant.user('eve'), await tenant.user('fay')]
    await wish(one.id, [{ kind: 'org_role', value: 'admin' }], trusted)
    await wish(two.id, [{ kind: 'org_role', value: 'admin' }], trusted)
    expect(await admins()).to.equal(2)
    await deleteUser(tenant.provisioning, tenant.idp, one.id, { method: 'DELETE' }).durable
    expect(await admins()).to.equal(1)
    const last = deleteUser(tenant.provisioning, tenant.idp, two.id, { method: 'DELETE' }).durable
    expect(await refusal(last)).to.equal('last-admin admin.last')
  })
})
