import { expect } from 'chai'
import { sql } from 'kysely'
import type { BatchSummary } from '../../src/domain/breaker.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeLicence } from '../../src/provisioning/change-licence.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { allowBatch, rejectBatch } from '../../src/provisioning/decide-batch.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { restoreBatch } from '../../src/provisioning/restore-batch.ts'
import { openConnections, openStore } from '../../src/storage/store.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('the guard against mass removals (S43)', (dialect) => {
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

  const set = (settings: JsonObject) => changeOrgSettings(tenant.provisioning, admin, { settings }).durable
  const wake = (caller: Caller, id: UserId, active: boolean, provisioning = tenant.provisioning) =>
    changeUser(provisioning, caller, id, { method: 'PATCH', change: (state) => ({ ...state, active }) }).durable
  const off = (id: UserId, caller = tenant.idp) => wake(caller, id, false)
  const drop = (id: UserId, caller = tenant.idp) =>
    deleteUser(tenant.provisioning, caller, id, { method: 'DELETE' }).durable

  async function people(count: number, caller = tenant.idp): Promise<readonly User[]> {
    const make = (n: number) => {
      const attributes = { userName: `${caller.connection!.name}-${n}` }
      // Half of them without an externalId: both kinds are the connection's people.
      const externalId = n % 2 === 0 ? `x${n}` : undefined
      return createUser(tenant.provisioning, caller, { active: true, externalId, attributes }).durable
    }
    return Promise.all(Array.from({ length: count }, (_, n) => make(n)))
  }

  async function offAll(list: readonly User[], caller = tenant.idp): Promise<readonly string[]> {
    const results: string[] = []
    for (const { id } of list) results.push(await refusal(off(id, caller)))
    return results
  }

  const batches = (): Promise<readonly BatchSummary[]> => test.store.reads.breaker.batches(tenant.orgId, 10)

  async function activeOf(list: readonly User[]): Promise<number> {
    const found = await Promise.all(list.map(({ id }) => test.store.reads.users.find(tenant.orgId, id)))
    return found.filter((user) => user?.status === 'active').length
  }

  /** All that reconcile and clients know of a person. */
  async function stateOf(id: UserId): Promise<unknown> {
    const rows = async (query: ReturnType<typeof sql>) => (await query.execute(test.connections.reader)).rows
    const user = await test.store.reads.users.find(tenant.orgId, id)
    return {
      user: user && { ...user, version: 0, updated: 0 },
      teams: await rows(sql`select team_id, role, source_kind, source_id from team_membership where user_id = ${id}
        order by 1`),
      seats: await rows(sql`select product, wanted, given, source from user_seat where user_id = ${id} order by 1`),
      grants: await rows(
        sql`select kind, target, value, set_by from explicit_grant where user_id = ${id} order by 1, 2`,
      ),
      members: await rows(sql`select group_id, origin, set_by from group_member where user_id = ${id} order by 1, 2`),
    }
  }

  it('lets 9 and 10 people of 20 go, and reports the 11th', async () => {
    const twenty = await people(20)
    expect(await offAll(twenty.slice(0, 10))).to.deep.equal(Array(10).fill(''))
    expect(await batches()).to.deep.equal([])
    expect(await refusal(off(twenty[10]!.id))).to.equal('')
    const [batch, ...others] = await batches()
    expect(others).to.deep.equal([])
    expect(batch).to.deep.include({ mode: 'alert', state: 'open', most: 10, base: 20, done: 11, held: 0 })
    expect((await actionsOf(test, tenant.orgId)).slice(-2)).to.deep.equal(['user.deactivate', 'breaker.trip'])
    await off(twenty[11]!.id)
    expect((await batches()).map(({ done }) => done)).to.deep.equal([12])
    expect((await actionsOf(test, tenant.orgId)).filter((action) => action === 'breaker.trip').length).to.equal(1)
  })

  it('forgets what it counts no more, and numbers the next loss behind the newest', async () => {
    const twenty = await people(20)
    await offAll(twenty.slice(0, 5))
    const count = async (): Promise<number> => {
      const query = sql<{ n: number }>`select count(*) as n from breaker_event where org_id = ${tenant.orgId}`
      return Number((await query.execute(test.connections.reader)).rows[0]!.n)
    }
    const later = Date.now() + 1_000
    expect([await test.store.dropOldLosses(later - 60_000, 100), await count()]).to.deep.equal([0, 5])
    expect([await test.store.dropOldLosses(later, 3), await count()]).to.deep.equal([3, 2])
    expect([await test.store.dropOldLosses(later, 3), await count()]).to.deep.equal([1, 1])
    expect([await test.store.dropOldLosses(later, 3), await count()]).to.deep.equal([0, 1])
    await offAll(twenty.slice(5, 16))
    // What is in a batch can be brought back, however old it is.
    expect([await test.store.dropOldLosses(Date.now() + 1_000, 100), await count()]).to.deep.equal([0, 12])
    expect((await batches()).map(({ done }) => done)).to.deep.equal([12])
  })

  it('counts against a fifth of the people the connection has, where that is more than ten', async () => {
    const many = await people(100)
    expect(await offAll(many.slice(0, 20))).to.deep.equal(Array(20).fill(''))
    expect(await batches()).to.deep.equal([])
    await off(many[20]!.id)
    expect((await batches())[0]).to.deep.include({ most: 20, base: 100, done: 21 })
  })

  it('counts each connection by itself, and neither scripts’ users nor an admin’s own acts against it', async () => {
    const other = await tenant.connect('idp', 'other')
    const [mine, theirs] = [await people(12), await people(12, other)]
    await offAll(mine.slice(0, 10))
    await offAll(theirs.slice(0, 10), other)
    for (const { id } of mine.slice(10)) await off(id, admin)
    expect(await batches()).to.deep.equal([])
    await off(theirs[10]!.id, other)
    expect((await batches()).map(({ connection }) => connection)).to.deep.equal([other.connection!.id])
  })

  it('counts who loses something: not a deletion of somebody deactivated before, nor what changes nothing', async () => {
    const twenty = await people(20)
    await offAll(twenty.slice(0, 10))
    for (const { id } of twenty.slice(0, 5)) await drop(id)
    for (const { id } of twenty.slice(5, 10)) await off(id)
    expect(await batches()).to.deep.equal([])
    await drop(twenty[10]!.id)
    expect((await batches())[0]).to.deep.include({ done: 11 })
  })

  it('forgets what is older than the window, which slides', async () => {
    const twenty = await people(20)
    await offAll(twenty.slice(0, 10))
    const past = { at: sql<number>`at - 2400001` }
    await test.connections.writer.updateTable('breaker_event').set(past).where('org_id', '=', tenant.orgId).execute()
    await offAll(twenty.slice(10, 19))
    expect(await batches()).to.deep.equal([])
  })

  it('counts people who lose their last team through a group, and only reports them', async () => {
    await set({ 'breaker.mode': 'hold' })
    const twenty = await people(20)
    const members = twenty.map(({ id }) => ({ value: id }))
    const make = (displayName: string, list: typeof members) =>
      createGroup(tenant.provisioning, tenant.idp, { displayName, externalId: undefined, members: list }).durable
    const { id } = await make('all', members)
    await make('first', members.slice(0, 5))
    const remove = (list: typeof members) =>
      changeGroup(tenant.provisioning, tenant.idp, id, {
        method: 'PATCH',
        plan: { steps: [{ do: 'remove', members: list }] },
      }).durable
    // Five of the fifteen have another team.
    expect(await refusal(remove(members.slice(0, 15)))).to.equal('')
    expect(await batches()).to.deep.equal([])
    expect(await refusal(remove(members.slice(15, 16)))).to.equal('')
    expect((await batches())[0]).to.deep.include({ mode: 'alert', done: 11, throughGroups: 11 })
  })

  it('counts the members of a group of more than 1,000 as well, though a job takes what they had', async function () {
    this.timeout(60_000)
    const many = await tenant.people(1_001, 'many')
    const members = many.map(({ id }) => ({ value: id }))
    const draft = { displayName: 'huge', externalId: undefined, members }
    const { id } = await createGroup(tenant.provisioning, tenant.idp, draft).durable
    await tenant.jobs()
    await changeGroup(tenant.provisioning, tenant.idp, id, { method: 'PATCH', plan: { steps: [{ do: 'removeAll' }] } })
      .durable
    await tenant.jobs()
    expect((await batches())[0]).to.deep.include({ mode: 'alert', done: 1_001, throughGroups: 1_001 })
  })

  describe('that holds', () => {
    let twenty: readonly User[]

    beforeEach(async () => {
      await set({ 'breaker.mode': 'hold' })
      twenty = await people(20)
    })

    it('keeps what goes beyond the limit: nothing of it happens, and a retry is not a second one', async () => {
      expect(await offAll(twenty.slice(0, 10))).to.deep.equal(Array(10).fill(''))
      expect(await offAll(twenty.slice(10, 12))).to.deep.equal(['held breaker.held', 'held breaker.held'])
      expect(await refusal(off(twenty[10]!.id))).to.equal('held breaker.held')
      expect(await refusal(drop(twenty[12]!.id))).to.equal('held breaker.held')
      expect(await activeOf(twenty)).to.equal(10)
      const [batch] = await batches()
      expect(batch).to.deep.include({ mode: 'hold', state: 'open', most: 10, base: 20, done: 10, held: 3 })
      const staged = (await test.store.reads.records.tail(tenant.orgId, 4)).map(({ action, result }) => [
        action,
        result,
      ])
      expect(staged).to.deep.equal([
        ['breaker.trip', 'success'],
        ['user.update', 'staged'],
        ['user.update', 'staged'],
        ['user.delete', 'staged'],
      ])
    })

    it('still does so after a restart within the window', async () => {
      await offAll(twenty.slice(0, 10))
      const { dataDir, databaseUrl, kek } = test
      const connections = openConnections({ dataDir, databaseUrl, poolSize: 2, onIdleError: () => undefined })
      const { work } = openStore(connections, createRecordSealer({ kek, now: Date.now }), Date.now)
      try {
        const again = { ...tenant.provisioning, work }
        expect(await refusal(wake(tenant.idp, twenty[10]!.id, false, again))).to.equal('held breaker.held')
      } finally {
        await work.idle()
        await connections.close()
      }
      expect((await batches())[0]).to.deep.include({ held: 1 })
    })

    it('lets everything else through: a leaver below the limit, profile changes, reactivation, other connections', async () => {
      const other = await tenant.connect('idp', 'other')
      const [theirs] = await people(1, other)
      expect(await offAll(twenty.slice(0, 1))).to.deep.equal([''])
      await offAll(twenty.slice(1, 12))
      expect(await refusal(wake(tenant.idp, twenty[0]!.id, true))).to.equal('')
      const title = (state: UserState): UserState => ({ ...state, attributes: { ...state.attributes, title: 'Dr' } })
      const renamed = changeUser(tenant.provisioning, tenant.idp, twenty[15]!.id, { method: 'PATCH', change: title })
      expect(await refusal(renamed.durable)).to.equal('')
      expect(await refusal(off(theirs!.id, other))).to.equal('')
      expect(await refusal(off(twenty[19]!.id, admin))).to.equal('')
    })

    it('goes on holding when the window has passed, until an admin decides', async () => {
      await offAll(twenty.slice(0, 11))
      const past = { at: sql<number>`at - 2400001` }
      await test.connections.writer.updateTable('breaker_event').set(past).where('org_id', '=', tenant.orgId).execute()
      expect(await refusal(off(twenty[12]!.id))).to.equal('held breaker.held')
    })

    it('does what was held when an admin allows it, and lets the rest of the run pass', async () => {
      await offAll(twenty.slice(0, 13))
      await refusal(drop(twenty[13]!.id))
      const [batch] = await batches()
      const outcome = await allowBatch(tenant.provisioning, admin, batch!.id)
      expect(outcome).to.deep.equal({ done: 4, failed: [] })
      expect(await activeOf(twenty)).to.equal(6)
      expect(await test.store.reads.users.find(tenant.orgId, twenty[13]!.id)).to.equal(undefined)
      expect(await refusal(off(twenty[14]!.id))).to.equal('')
      expect((await batches())[0]).to.deep.include({ state: 'allowed', held: 0 })
      // Asked for again, it has nothing left to do.
      expect(await allowBatch(tenant.provisioning, admin, batch!.id)).to.deep.equal({ done: 0, failed: [] })
      expect(await refusal(rejectBatch(tenant.provisioning, admin, batch!.id))).to.equal('uniqueness breaker.decided')
    })

    it('drops what was held when an admin rejects it, and tells the client that tries again', async () => {
      await offAll(twenty.slice(0, 12))
      const [batch] = await batches()
      expect(await rejectBatch(tenant.provisioning, admin, batch!.id)).to.deep.equal({ done: 2, failed: [] })
      expect(await activeOf(twenty)).to.equal(10)
      expect(await refusal(off(twenty[10]!.id))).to.equal('forbidden breaker.rejected')
      // Others are held anew: the connection is still beyond its limit.
      expect(await refusal(off(twenty[15]!.id))).to.equal('held breaker.held')
      expect((await batches()).map(({ state }) => state).toSorted()).to.deep.equal(['open', 'rejected'])
      expect(await refusal(off(twenty[10]!.id, admin))).to.equal('')
    })

    it('is decided by org admins only, and by id', async () => {
      await offAll(twenty.slice(0, 11))
      const [batch] = await batches()
      expect(await refusal(allowBatch(tenant.provisioning, tenant.idp, batch!.id))).to.equal(
        'forbidden right.org-admin',
      )
      const other = await foundTenant(test)
      const stranger = { ...admin, orgId: other.orgId }
      for (const decide of [allowBatch, rejectBatch]) {
        expect(await refusal(decide(other.provisioning, stranger, batch!.id))).to.equal('not-found')
      }
      expect((await batches())[0]).to.deep.include({ state: 'open', held: 1 })
    })
  })

  it('switched off counts nothing', async () => {
    await set({ 'breaker.mode': 'off' })
    await offAll(await people(12))
    expect(await batches()).to.deep.equal([])
    const rows = await test.connections.reader
      .selectFrom('breaker_event')
      .select('id')
      .where('org_id', '=', tenant.orgId)
      .execute()
    expect(rows).to.deep.equal([])
  })

  for (const deactivateRemoves of [false, true]) {
    it(`brings a whole batch back exactly as it was${deactivateRemoves ? ', also where deactivation ends all for good' : ''}`, async () => {
      const script = await tenant.connect('script', 'script')
      const twenty = await people(20)
      const make = (displayName: string, list: readonly User[], caller = tenant.idp) =>
        createGroup(tenant.provisioning, caller, {
          displayName,
          externalId: undefined,
          members: list.map(({ id }) => ({ value: id })),
        }).durable
      await make('pushed', twenty.slice(0, 12))
      await make('by hand', twenty.slice(3, 6), script)
      const wishes: UserState['wishes'] = [
        { kind: 'seat', product: 'models', value: 'viewer' },
        { kind: 'team_role', teamName: 'pushed', value: 'admin' },
        { kind: 'registry_role', registryName: 'models', value: 'member' },
      ]
      await changeUser(tenant.provisioning, script, twenty[4]!.id, {
        method: 'PATCH',
        change: (state) => ({ ...state, wishes }),
      }).durable
      await off(twenty[19]!.id)
      await set({ deactivateRemoves })
      const before = await Promise.all(twenty.map(({ id }) => stateOf(id)))
      for (const { id } of twenty.slice(0, 8)) await off(id)
      for (const { id } of twenty.slice(8, 12)) await drop(id)
      if (deactivateRemoves) {
        expect(await stateOf(twenty[4]!.id)).to.deep.include({
          members: [],
          grants: [],
        })
        expect(await refusal(wake(tenant.idp, twenty[4]!.id, true))).to.equal('invalid-value user.removed')
      }
      const [batch] = await batches()
      // The one deactivated long before is within the window, and so part of the batch: somebody brought it back by hand.
      const outcome = await restoreBatch(tenant.provisioning, admin, batch!.id, { admins: false })
      expect(outcome).to.deep.include({ failed: [], admins: [] })
      const after = await Promise.all(twenty.map(({ id }) => stateOf(id)))
      expect(after.slice(0, 19)).to.deep.equal(before.slice(0, 19))
      expect((await batches())[0]).to.deep.include({ state: 'restored' })
      const actions = await actionsOf(test, tenant.orgId)
      expect(actions.filter((action) => action === 'user.restore').length).to.equal(4)
    })
  }

  it('leaves a person whose deactivation ended all for good no way back but to be added again, as somebody new', async () => {
    await set({ deactivateRemoves: true })
    const [one] = await people(1)
    const { userName } = one!.attributes
    const other = await tenant.connect('idp', 'other')
    const again = (caller: Caller) =>
      createUser(tenant.provisioning, caller, { active: true, externalId: 'again', attributes: { userName } }).durable
    expect(await refusal(again(tenant.idp))).to.equal('uniqueness user.name-taken')
    await off(one!.id)
    expect(await refusal(again(other))).to.equal('uniqueness user.name-taken')
    const heir = await again(tenant.idp)
    expect(heir.id).not.to.equal(one!.id)
    expect(await test.store.reads.users.find(tenant.orgId, one!.id)).to.equal(undefined)
    expect((await actionsOf(test, tenant.orgId)).slice(-2)).to.deep.equal(['user.delete', 'user.create'])
  })

  it('brings admins of the org back only where that is asked for, and reports who cannot come back', async () => {
    const trusted = { ...tenant.idp, connection: { ...tenant.idp.connection!, mayGrantAdmin: true } }
    const twenty = await people(14)
    for (const { id } of [twenty[0]!, twenty[13]!]) {
      await changeUser(tenant.provisioning, trusted, id, {
        method: 'PATCH',
        change: (state) => ({ ...state, wishes: [{ kind: 'org_role', value: 'admin' }] }),
      }).durable
    }
    await offAll(twenty.slice(0, 12))
    // 2 of 3 seats are in use: one of eleven comes back.
    await changeLicence(tenant.provisioning, admin, { seats: { models: { full: 3 } } }).durable
    const [batch] = await batches()
    const outcome = await restoreBatch(tenant.provisioning, admin, batch!.id, { admins: false })
    expect(outcome.admins).to.deep.equal([twenty[0]!.id])
    expect([outcome.done, outcome.failed.length]).to.deep.equal([1, 10])
    expect(outcome.failed[0]!.reason).to.equal('Seat limit reached: 3 of 3 full seats of models are taken')
    await changeLicence(tenant.provisioning, admin, { seats: { models: null } }).durable
    const again = await restoreBatch(tenant.provisioning, admin, batch!.id, { admins: true })
    expect(again).to.deep.equal({ done: 11, failed: [], admins: [] })
    expect(await activeOf(twenty)).to.equal(14)
  })
})
