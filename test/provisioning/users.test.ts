import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import type { UserState } from '../../src/domain/user.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { confirmLink } from '../../src/provisioning/link-confirmation.ts'
import { revokeConnection } from '../../src/provisioning/revoke-connection.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

const PUT = { method: 'PUT' } as const
const DELETE = { method: 'DELETE' } as const

forEachDialect('people', (dialect) => {
  let test: TestStore
  let tenant: Tenant

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
  })
  afterEach(async () => {
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const find = (id: UserId) => test.store.reads.users.find(tenant.orgId, id)
  const change = (id: UserId, next: (state: UserState) => UserState, caller = tenant.idp) =>
    changeUser(tenant.provisioning, caller, id, { change: next, ...PUT }).durable

  it('are made active, owned by the connection that pushed them, with a seat of each product and one record', async () => {
    const user = await tenant.user('ann@example.com', { externalId: 'x1' })
    const stored = await find(user.id)
    expect(stored).to.include({ status: 'active', version: 1, externalId: 'x1', orgRole: 'member' })
    expect(stored?.owner).to.equal(tenant.idp.connection?.id)
    const seats = await test.connections.reader
      .selectFrom('user_seat')
      .select(['product', 'given'])
      .where('user_id', '=', user.id)
      .orderBy('product')
      .execute()
    expect(seats).to.deep.equal([
      { product: 'models', given: 'full' },
      { product: 'weave', given: 'full' },
    ])
    expect((await actionsOf(test, tenant.orgId)).slice(-1)).to.deep.equal(['user.create'])
  })

  it('refuse a userName that is taken in any spelling of case and form (RFC 7643 §4.1.1)', async () => {
    await tenant.user('Straße@example.com')
    expect(await refusal(tenant.user('ＳＴＲAßE@EXAMPLE.com'))).to.equal('uniqueness user.name-taken')
    expect(await actionsOf(test, tenant.orgId)).to.include('user.create')
    const last = (await test.store.reads.records.tail(tenant.orgId, 1))[0]
    expect(last).to.include({ action: 'user.create', result: 'refused' })
  })

  it('refuse an externalId twice within a connection, and take it from another one', async () => {
    await tenant.user('a', { externalId: 'same' })
    expect(await refusal(tenant.user('b', { externalId: 'same' }))).to.equal('uniqueness user.external-id-taken')
    const other = await tenant.connect('idp', 'second')
    const draft = { attributes: { userName: 'c' }, active: true, externalId: 'same' }
    await createUser(tenant.provisioning, other, draft).durable
  })

  it('record the same refusal once an hour; repeats are tallied', async () => {
    await tenant.user('once')
    const before = (await actionsOf(test, tenant.orgId)).length
    for (let i = 0; i < 3; i++) await refusal(tenant.user('once'))
    expect(await actionsOf(test, tenant.orgId)).to.have.lengthOf(before + 1)
    expect(tenant.tally.drain().map(({ draft }) => draft.action)).to.deep.equal(['user.repeated'])
  })

  it('keep version and log as they are when a change changes nothing, and tally it', async () => {
    const user = await tenant.user('still')
    const before = await actionsOf(test, tenant.orgId)
    const { changed, value } = await change(user.id, (state) => ({ ...state }))
    expect({ changed, version: value.version }).to.deep.equal({ changed: false, version: 1 })
    expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
    expect(tenant.tally.drain().map(({ draft }) => draft.action)).to.deep.equal(['sync.noop'])
  })

  it('lose access when deactivated and get it back when reactivated, facts kept', async () => {
    const user = await tenant.user('leaver')
    await change(user.id, (state) => ({ ...state, active: false }))
    expect(await find(user.id)).to.include({ status: 'deactivated', orgRole: 'none' })
    await change(user.id, (state) => ({ ...state, active: true }))
    expect(await find(user.id)).to.include({ status: 'active', orgRole: 'member', version: 3 })
    expect((await actionsOf(test, tenant.orgId)).slice(-2)).to.deep.equal(['user.deactivate', 'user.reactivate'])
  })

  it('refuse a stale If-Match with 412 and change nothing (RFC 7644 §3.14)', async () => {
    const user = await tenant.user('versioned')
    const stale = { ...PUT, ifMatch: ['7'] }
    const attempt = changeUser(tenant.provisioning, tenant.idp, user.id, {
      change: (s) => ({ ...s, active: false }),
      ...stale,
    })
    expect(await refusal(attempt.durable)).to.equal('version-mismatch version.stale')
    expect(await find(user.id)).to.include({ status: 'active', version: 1 })
  })

  it('are deleted softly: gone for readers, the name free, and a new one is another person', async () => {
    const user = await tenant.user('again')
    await deleteUser(tenant.provisioning, tenant.idp, user.id, DELETE).durable
    expect(await find(user.id)).to.equal(undefined)
    const second = await tenant.user('again')
    expect(second.id).to.not.equal(user.id)
    expect(await refusal(deleteUser(tenant.provisioning, tenant.idp, user.id, DELETE).durable)).to.equal('not-found')
  })

  it('are written by their owner alone among identity providers, and by scripts', async () => {
    const user = await tenant.user('owned')
    const other = await tenant.connect('idp', 'other')
    const script = await tenant.connect('script', 'script')
    const retitle = (state: UserState): UserState => ({ ...state, attributes: { ...state.attributes, title: 'T' } })
    expect(await refusal(change(user.id, retitle, other))).to.equal('forbidden owner.other-connection')
    expect((await change(user.id, retitle, script)).changed).to.equal(true)
    const remove = deleteUser(tenant.provisioning, other, user.id, DELETE).durable
    expect(await refusal(remove)).to.equal('forbidden owner.other-connection')
  })

  it('without an owner are taken by the first update of an identity provider, and not deleted by it', async () => {
    const script = await tenant.connect('script', 'script')
    const draft = { attributes: { userName: 'made-here' }, active: true, externalId: 'script-id' }
    const user = await createUser(tenant.provisioning, script, draft).durable
    expect(user.owner).to.equal(undefined)
    const remove = deleteUser(tenant.provisioning, tenant.idp, user.id, DELETE).durable
    expect(await refusal(remove)).to.equal('forbidden owner.none')
    await change(user.id, (state) => {
      expect(state.externalId, "a script's externalId is not shown to an identity provider").to.equal(undefined)
      return { ...state, externalId: 'idp-id' }
    })
    expect(await find(user.id)).to.include({ owner: tenant.idp.connection?.id, externalId: 'idp-id' })
  })

  it('wait for a confirmation when linking would change who they are', async () => {
    const script = await tenant.connect('script', 'script')
    const draft = { attributes: { userName: 'before' }, active: true, externalId: undefined }
    const user = await createUser(tenant.provisioning, script, draft).durable
    const rename = (state: UserState): UserState => ({
      ...state,
      attributes: { ...state.attributes, userName: 'after' },
    })
    expect(await refusal(change(user.id, rename))).to.equal('forbidden link.unconfirmed')
    const { actor, request } = operation()
    const link = { connectionId: tenant.idp.connection!.id, subjectType: 'user', subjectId: user.id } as const
    await confirmLink(tenant.provisioning, { orgId: tenant.orgId, actor, request, link }).durable
    expect((await change(user.id, rename)).value.attributes.userName).to.equal('after')
  })

  it('have no owner once their connection is revoked', async () => {
    const user = await tenant.user('orphan', { externalId: 'e' })
    const { id } = tenant.idp.connection!
    await revokeConnection(tenant.provisioning, operation(), tenant.orgId, id).durable
    expect(await find(user.id)).to.include({ owner: undefined, externalId: undefined })
  })

  it('leave no personal value in any hashed record', async () => {
    const canary = 'canary-5f1c'
    const user = await tenant.user(`${canary}@example.com`, {
      externalId: `${canary}-ext`,
      attributes: { displayName: `${canary} name`, emails: [{ value: `${canary}@mail.example`, primary: true }] },
    })
    await change(user.id, (s) => ({ ...s, attributes: { ...s.attributes, title: `${canary} title` } }))
    await refusal(tenant.user(`${canary}@example.com`))
    const records = await test.store.reads.records.tail(tenant.orgId, 100)
    expect(records.map((record) => record.body).join('\n')).to.not.contain(canary)
    const sealed = await test.connections.reader
      .selectFrom('event_pii')
      .select('seq')
      .where('person_id', '=', user.id)
      .execute()
    expect(sealed).to.have.lengthOf(2)
  })
})
