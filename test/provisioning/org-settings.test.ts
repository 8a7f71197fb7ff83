import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { changeOrgSettings, type OrgSettingsChange } from '../../src/provisioning/change-org-settings.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('the settings of an org', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = { ...operation(), orgId: tenant.orgId, connection: undefined }
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })
  after(() => test.close())

  const change = (wanted: OrgSettingsChange) => changeOrgSettings(tenant.provisioning, admin, wanted).durable
  const set = (settings: JsonObject) => change({ settings })

  async function message(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => '',
      (error: unknown) => (error as Error).message,
    )
  }

  async function seatsOf(user: UserId): Promise<Readonly<Record<string, string>>> {
    const rows = await test.connections.reader
      .selectFrom('user_seat')
      .select(['product', 'given'])
      .where('org_id', '=', tenant.orgId)
      .where('user_id', '=', user)
      .execute()
    return Object.fromEntries(rows.map(({ product, given }) => [product, given]))
  }

  it('are their defaults until somebody sets them, and again after null', async () => {
    const { settings, version } = await test.store.reads.orgs.policy(tenant.orgId)
    expect(settings).to.deep.equal({
      groupsCreateTeams: true,
      seatPolicy: 'refuse',
      seatTypes: { admin: ['full', 'viewer', 'none'], member: ['full', 'viewer', 'none'], viewer: ['viewer', 'none'] },
      deactivateRemoves: false,
      personalKeys: true,
      ssoRequired: false,
      membersMayCreateTeams: false,
      teamsMayInvite: true,
      scriptMayAddToIdpTeams: false,
      breaker: { mode: 'alert', percent: 20, floor: 10, minutes: 40 },
      recognisedRoles: { admin: ['admin'], member: ['member'], viewer: ['viewer'] },
      workload: { issuers: [], reusableTokens: false },
      logKeepDays: undefined,
      signIn: { makesPeople: true, emailDomains: [], requiredClaim: undefined, contact: '' },
    })
    const held = await set({ 'breaker.mode': 'hold', seatPolicy: 'downgrade' })
    expect(held.value.settings).to.deep.include({ seatPolicy: 'downgrade' })
    expect(held.value.settings.breaker).to.deep.include({ mode: 'hold', floor: 10 })
    expect(held.value.version).to.equal(version + 1)
    const back = await set({ 'breaker.mode': null, seatPolicy: 'refuse' })
    expect(back.value.settings).to.deep.equal(settings)
    expect(back.value.stored).to.deep.equal({})
  })

  it('that stay as they are leave no record and no version', async () => {
    const before = (await actionsOf(test, tenant.orgId)).length
    const same = await set({ groupsCreateTeams: true, 'seatTypes.member': ['none', 'viewer', 'full'] })
    expect(same.changed).to.equal(false)
    expect((await actionsOf(test, tenant.orgId)).length).to.equal(before)
  })

  it('leave one record of what changed, with the values before and after in clear', async () => {
    await set({ 'breaker.percent': 30, deactivateRemoves: true })
    const [last] = await test.store.reads.records.tail(tenant.orgId, 1)
    const { action, changes } = JSON.parse(last!.body) as { action: string; changes: readonly JsonObject[] }
    expect(action).to.equal('org.settings')
    expect(changes).to.have.deep.members([
      { path: 'breaker.percent', old: 20, new: 30 },
      { path: 'deactivateRemoves', old: false, new: true },
    ])
  })

  for (const [said, sentence] of [
    [{ brekaer: true }, 'There is no setting "brekaer"; there are groupsCreateTeams, '],
    [{ 'breaker.percent': 0 }, 'breaker.percent: it is a whole number from 1 to 100'],
    [{ 'breaker.floor': 1.5 }, 'breaker.floor: it is a whole number from 1 to 1000000'],
    [{ 'breaker.mode': 'on' }, 'breaker.mode: it is one of alert, hold, off'],
    [{ groupsCreateTeams: 'yes' }, 'groupsCreateTeams: it is true or false'],
    [{ 'seatTypes.viewer': ['full'] }, 'seatTypes.viewer: it is a list of viewer, none'],
    [{ 'recognisedRoles.admin': 'owner' }, 'recognisedRoles.admin: it is a list of at most 50 texts'],
    [{ 'recognisedRoles.admin': ['Member'] }, 'recognisedRoles.member: "member" means admin already'],
    [JSON.parse('{"__proto__": 1}') as JsonObject, 'There is no setting "__proto__"'],
    [{ constructor: 1 } as unknown as JsonObject, 'There is no setting "constructor"'],
  ] as const) {
    it(`refuse ${JSON.stringify(said)} and change nothing`, async () => {
      expect(await message(set({ ...said, seatPolicy: 'downgrade' }))).to.include(sentence)
      expect((await test.store.reads.orgs.policy(tenant.orgId)).stored).to.deep.equal({})
    })
  }

  it('refuse a default that makes everybody an admin, and products with names or seats that are none', async () => {
    expect(await message(change({ defaultOrgRole: 'admin' }))).to.include('everybody would be an admin')
    expect(await message(change({ defaultOrgRole: 'owner' }))).to.equal('defaultOrgRole: it is member or viewer')
    expect(await message(change({ defaultSeats: { 'a b': 'full' } }))).to.include('the name of a product is a letter')
    expect(await message(change({ defaultSeats: { models: 'all' } }))).to.equal(
      'defaultSeats: the seat of models is one of full, viewer, none',
    )
  })

  it('saved by two admins at once are kept of one of them', async () => {
    const { version } = await test.store.reads.orgs.policy(tenant.orgId)
    const ifMatch = [String(version)]
    const results = await Promise.all([
      refusal(change({ settings: { seatPolicy: 'downgrade' }, ifMatch })),
      refusal(change({ settings: { deactivateRemoves: true }, ifMatch })),
    ])
    expect(results.toSorted()).to.deep.equal(['', 'version-mismatch version.stale'])
  })

  it('that are defaults give everybody who has nothing of their own the new value', async () => {
    const { id } = await tenant.user('ann')
    const own = await tenant.user('ben')
    await changeUser(tenant.provisioning, tenant.idp, own.id, {
      method: 'PATCH',
      change: (state) => ({ ...state, wishes: [{ kind: 'seat', product: 'models', value: 'none' }] }),
    }).durable
    await change({ defaultSeats: { models: 'viewer', reports: 'full' } })
    expect(await seatsOf(id)).to.deep.equal({ models: 'viewer', reports: 'full' })
    expect(await seatsOf(own.id)).to.deep.equal({ models: 'none', reports: 'full' })
    await change({ defaultOrgRole: 'viewer' })
    expect(await seatsOf(id)).to.deep.equal({ models: 'viewer', reports: 'viewer' })
    expect((await tenant.user('cy')).orgRole).to.equal('viewer')
  })

  it('of the seats a role may hold bring a higher seat down, and refuse a request for one', async () => {
    const { id } = await tenant.user('dee')
    await set({ 'seatTypes.member': ['viewer'] })
    expect(await seatsOf(id)).to.deep.equal({ models: 'viewer', weave: 'viewer' })
    const asked = changeUser(tenant.provisioning, tenant.idp, id, {
      method: 'PATCH',
      change: (state) => ({ ...state, wishes: [{ kind: 'seat', product: 'models', value: 'full' }] }),
    }).durable
    expect(await message(asked)).to.equal(
      'A member of this organization can have no full seat; ask for viewer or none.',
    )
  })

  it('keep a pushed group from making a team where they say so', async () => {
    await set({ groupsCreateTeams: false })
    const { id } = await tenant.user('eve')
    const group = await createGroup(tenant.provisioning, tenant.idp, {
      displayName: 'directory only',
      externalId: undefined,
      members: [{ value: id }],
    }).durable
    const teams = await test.connections.reader.selectFrom('team').select('id').where('id', '=', group.id).execute()
    expect([group.memberCount, teams]).to.deep.equal([1, []])
  })

  it('of recognised role values decide which value of roles makes which org role', async () => {
    await set({ 'recognisedRoles.viewer': ['viewer', 'Read Only'], 'recognisedRoles.member': [] })
    const seen = await tenant.user('fay', { attributes: { roles: [{ value: 'READ ONLY' }] } })
    const plain = await tenant.user('gus', { attributes: { roles: [{ value: 'member' }] } })
    expect([seen.orgRole, plain.orgRole]).to.deep.equal(['viewer', 'member'])
    const explicit = await test.connections.reader
      .selectFrom('explicit_grant')
      .select(['user_id', 'value'])
      .where('org_id', '=', tenant.orgId)
      .execute()
    expect(explicit).to.deep.equal([{ user_id: seen.id, value: 'viewer' }])
  })

  it('let scripts add people to teams that an identity provider manages only where they say so', async () => {
    const script = await tenant.connect('script', 'script')
    await createGroup(tenant.provisioning, tenant.idp, { displayName: 'managed', externalId: undefined, members: [] })
      .durable
    const { id } = await tenant.user('hal')
    const join = () =>
      changeUser(tenant.provisioning, script, id, {
        method: 'PATCH',
        change: (state) => ({ ...state, wishes: [{ kind: 'join', teamName: 'managed' }] }),
      }).durable
    expect(await refusal(join())).to.equal('invalid-value team.managed')
    await set({ scriptMayAddToIdpTeams: true })
    expect((await join()).changed).to.equal(true)
  })

  it('that touch more than 1,000 people go on as a job, and the answer does not wait', async function () {
    this.timeout(60_000)
    await tenant.people(1_001, 'many')
    await change({ defaultSeats: { models: 'viewer' } })
    await tenant.jobs()
    const rows = await test.connections.reader
      .selectFrom('user_seat')
      .select(({ fn }) => ['product', 'given', fn.countAll<number>().as('n')])
      .where('org_id', '=', tenant.orgId)
      .groupBy(['product', 'given'])
      .execute()
    expect(rows.map((row) => ({ ...row, n: Number(row.n) }))).to.deep.equal([
      { product: 'models', given: 'viewer', n: 1_001 },
    ])
  })
})
