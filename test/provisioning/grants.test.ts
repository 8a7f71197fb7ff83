import { expect } from 'chai'
import type { AccessWish } from '../../src/domain/access.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { UserState } from '../../src/domain/user.ts'
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
  })
  beforeEach(async () => {
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

  const waiting = async (id: UserId) => {
    const items = test.connections.reader.selectFrom('withheld_admin').selectAll()
    return (await items.where('user_id', '=', id).execute()).map(({ attribute, connection_id: by }) => ({
      attribute,
      by,
    }))
  }
  const setRoles = (id: UserId, attributes: JsonObject, caller: Caller, namesRoles = false) => {
    const change = (state: UserState): UserState => ({
      ...{ ...state, attributes: { ...state.attributes, ...attributes } },
    })
    return changeUser(tenant.provisioning, caller, id, { method: 'PATCH', change, namesRoles }).durable
  }

  it('of an admin that were withheld wait for an admin, until they are granted or no longer asked for', async () => {
    const by = tenant.idp.connection!.id
    const asked = await tenant.user('gil', { attributes: { entitlements: [{ value: 'x', display: 'Admin' }] } })
    expect(await waiting(asked.id)).to.deep.equal([{ attribute: 'entitlements', by }])
    expect((await lastRecord()).steps).to.deep.include({
      ...{ name: 'withheld', attribute: 'entitlements', value: 'admin', reason: 'admin.not-grantable' },
    })
    await setRoles(asked.id, { roles: [{ value: 'admin' }], entitlements: [] }, tenant.idp)
    expect(await waiting(asked.id)).to.have.length(1)
    await setRoles(asked.id, { roles: [{ value: 'member' }] }, tenant.idp)
    expect(await waiting(asked.id)).to.deep.equal([])
    const granted = await tenant.user('hal', { attributes: { roles: [{ value: 'admin' }] } })
    await wish(granted.id, [{ kind: 'org_role', value: 'admin' }], trusted)
    expect(await waiting(granted.id)).to.deep.equal([])
  })

  it('of roles are stated anew by who names them, also unchanged, but not against an admin (RFC 7644 §3.5.2.3)', async () => {
    const { id } = await tenant.user('ivy', { attributes: { roles: [{ value: 'admin' }, { value: 'viewer' }] } })
    const roles = { roles: [{ value: 'admin' }, { value: 'viewer' }] }
    expect((await setRoles(id, {}, tenant.idp, true)).changed).to.equal(false)
    expect((await setRoles(id, roles, trusted)).changed).to.equal(false)
    expect((await setRoles(id, roles, trusted, true)).value).to.include({ orgRole: 'admin' })
    expect(await waiting(id)).to.deep.equal([])
    expect((await setRoles(id, roles, tenant.idp, true)).changed).to.equal(false)
  })

  it('of an admin may be said again by a connection that may grant none: an unchanged value is no change', async () => {
    const { id, version } = (await wish((await tenant.user('jon')).id, [{ kind: 'org_role', value: 'admin' }], trusted))
      .value
    const { value, changed } = await wish(id, [{ kind: 'org_role', value: 'Admin' }])
    expect({ version: value.version, changed }).to.deep.equal({ version, changed: false })
  })

  it('of an admin keep the person from deletion by a connection that may grant none and does not own them', async () => {
    const { id } = await tenant.user('kim')
    await wish(id, [{ kind: 'org_role', value: 'admin' }], trusted)
    const spare = await tenant.user('lee')
    await wish(spare.id, [{ kind: 'org_role', value: 'admin' }], trusted)
    const remove = (caller: Caller, user = id) =>
      refusal(deleteUser(tenant.provisioning, caller, user, { method: 'DELETE' }).durable)
    expect(await remove(script)).to.equal('forbidden admin.untouchable')
    const off = (state: UserState): UserState => ({ ...state, active: false })
    await changeUser(tenant.provisioning, script, id, { method: 'PATCH', change: off }).durable
    expect(await remove(script)).to.equal('forbidden admin.untouchable')
    expect(await remove(tenant.idp)).to.equal('')
  })

  it('of a billing admin count as those of an admin where the right to grant admin is asked for', async () => {
    const { id, version } = await tenant.user('mia')
    const row = { org_id: tenant.orgId, user_id: id, kind: 'billing_admin', target: '', value: 'true', set_at: 1 }
    await test.connections.writer
      .insertInto('explicit_grant')
      .values({ ...row, set_by: null })
      .execute()
    const renamed = setRoles(id, { userName: 'thief' }, tenant.idp)
    expect(await refusal(renamed)).to.equal('forbidden admin.untouchable')
    expect((await setRoles(id, { title: 'Dr' }, tenant.idp)).value).to.include({ version: version + 1 })
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
