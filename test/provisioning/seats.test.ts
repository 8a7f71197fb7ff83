import { expect } from 'chai'
import { sql } from 'kysely'
import type { Caller } from '../../src/domain/caller.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeLicence } from '../../src/provisioning/change-licence.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { explainPerson } from '../../src/provisioning/explain-person.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

forEachDialect('seats under a licence', (dialect) => {
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
    expect(await idleSeats(), 'seats left while somebody waits for them').to.equal(0)
  })
  after(() => test.close())

  const buy = (seats: JsonObject, ifMatch?: readonly string[]) =>
    changeLicence(tenant.provisioning, admin, { seats, ...(ifMatch === undefined ? {} : { ifMatch }) }).durable
  const set = (settings: JsonObject) => changeOrgSettings(tenant.provisioning, admin, { settings }).durable
  const patch = (id: UserId, change: (state: UserState) => UserState) =>
    changeUser(tenant.provisioning, tenant.idp, id, { method: 'PATCH', change }).durable
  const active = (id: UserId, wanted: boolean) => patch(id, (state) => ({ ...state, active: wanted }))
  const seat = (id: UserId, value: string | undefined, product = 'models') =>
    patch(id, (state) => ({ ...state, wishes: [{ kind: 'seat', product, value }] }))
  const role = (id: UserId, value: string | undefined) =>
    patch(id, (state) => ({ ...state, wishes: [{ kind: 'org_role', value }] }))

  async function message(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => '',
      (error: unknown) => (error as Error).message,
    )
  }

  /** What people hold of a product, with what they want where that is more. */
  async function held(people: readonly User[], product = 'models'): Promise<readonly string[]> {
    const rows = await test.connections.reader
      .selectFrom('user_seat')
      .select(['user_id', 'wanted', 'given'])
      .where('org_id', '=', tenant.orgId)
      .where('product', '=', product)
      .execute()
    const byUser = new Map(rows.map((row) => [row.user_id, row]))
    return people.map(({ id }) => {
      const row = byUser.get(id)
      if (row === undefined) return '-'
      return row.wanted === row.given ? row.given : `${row.given} for ${row.wanted}`
    })
  }

  async function use(product = 'models', type = 'full') {
    const rows = await test.connections.reader
      .selectFrom('v_seat_use')
      .select(['bought', 'used', 'reserved', 'seats_left', 'waiting'])
      .where('org_id', '=', tenant.orgId)
      .where('product', '=', product)
      .where('type', '=', type)
      .execute()
    const [row] = rows
    return (
      row && Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === null ? null : Number(value)]))
    )
  }

  async function idleSeats(): Promise<number> {
    const rows = await test.connections.reader
      .selectFrom('v_seat_use')
      .select(['seats_left', 'waiting'])
      .where('org_id', '=', tenant.orgId)
      .execute()
    return rows.filter(({ seats_left, waiting }) => Number(seats_left) > 0 && Number(waiting) > 0).length
  }

  async function people(count: number, prefix = 'p'): Promise<readonly User[]> {
    const made: User[] = []
    for (let n = 0; n < count; n++) made.push(await tenant.user(`${prefix}${n}`))
    return made
  }

  it('are unlimited while no licence states a number, and counted when one does', async () => {
    await people(2)
    expect(await use()).to.deep.equal({ bought: null, used: 2, reserved: 0, seats_left: null, waiting: 0 })
    await buy({ models: { full: 3 } })
    expect(await use()).to.deep.equal({ bought: 3, used: 2, reserved: 0, seats_left: 1, waiting: 0 })
    expect(await use('weave')).to.deep.equal({ bought: null, used: 2, reserved: 0, seats_left: null, waiting: 0 })
  })

  it('that run out refuse a new person, and nothing of them stays', async () => {
    await buy({ models: { full: 2 } })
    await people(2)
    expect(await message(tenant.user('late'))).to.equal('Seat limit reached: 2 of 2 full seats of models are taken')
    expect(await refusal(tenant.user('later'))).to.equal('seat-limit seat.limit')
    const names = await test.connections.reader
      .selectFrom('user')
      .select('username')
      .where('org_id', '=', tenant.orgId)
      .execute()
    expect(names.map(({ username }) => username).toSorted()).to.deep.equal(['p0', 'p1'])
  })

  it('that run out give the next lower free type where the org wants that, and it is logged and shown', async () => {
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 1, viewer: 1 } })
    const three = await people(3)
    expect(await held(three)).to.deep.equal(['full', 'viewer for full', 'none for full'])
    expect(await use()).to.deep.equal({ bought: 1, used: 1, reserved: 0, seats_left: 0, waiting: 2 })
    const [, , third] = three
    const records = await test.store.reads.records.tail(tenant.orgId, 1)
    const { effects } = JSON.parse(records[0]!.body) as { effects: readonly JsonObject[] }
    expect(effects).to.deep.include({
      ...{ kind: 'seat', target: 'models', old: null, new: null, wanted: 'full' },
      ...{ via: 'default:models', people: [third!.id] },
    })
  })

  it('that come free go to whoever waits the longest, in the same transaction and record', async () => {
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 1 } })
    const [first, second, third] = await people(3)
    await active(first!.id, false)
    expect(await held([first!, second!, third!])).to.deep.equal(['-', 'full', 'viewer for full'])
    const [record] = await test.store.reads.records.tail(tenant.orgId, 1)
    expect(record!.action).to.equal('user.deactivate')
    const { effects } = JSON.parse(record!.body) as { effects: readonly { people: readonly string[] }[] }
    expect(effects.some(({ people: reached }) => reached.includes(second!.id))).to.equal(true)
    await deleteUser(tenant.provisioning, tenant.idp, second!.id, { method: 'DELETE' }).durable
    expect(await held([third!])).to.deep.equal(['full'])
    await seat(third!.id, 'viewer')
    expect(await use()).to.include({ used: 0, seats_left: 1, waiting: 0 })
  })

  it('asked for by name are refused when none is left, also to somebody who waits for one already', async () => {
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 1 } })
    const [, second] = await people(2)
    await set({ seatPolicy: 'refuse' })
    expect(await refusal(seat(second!.id, 'full'))).to.equal('seat-limit seat.limit')
    expect(await held([second!])).to.deep.equal(['viewer for full'])
    // What does not concern the seat goes through.
    expect((await role(second!.id, 'member')).changed).to.equal(true)
  })

  it('of somebody who comes back are taken anew: with none left they stay deactivated, or come down', async () => {
    await buy({ models: { full: 1 } })
    const [first] = await people(1)
    await active(first!.id, false)
    const [second] = await people(1, 'q')
    expect(await refusal(active(first!.id, true))).to.equal('seat-limit seat.limit')
    expect(await held([first!, second!])).to.deep.equal(['-', 'full'])
    await set({ seatPolicy: 'downgrade' })
    await active(first!.id, true)
    expect(await held([first!, second!])).to.deep.equal(['viewer for full', 'full'])
  })

  it('stay with everybody where fewer are bought than are in use, and nothing new is given until there are fewer', async () => {
    const four = await people(4)
    await buy({ models: { full: 2 } })
    expect(await held(four)).to.deep.equal(['full', 'full', 'full', 'full'])
    expect(await use()).to.include({ bought: 2, used: 4, seats_left: -2 })
    await active(four[0]!.id, false)
    expect(await message(tenant.user('new'))).to.equal('Seat limit reached: 3 of 2 full seats of models are taken')
    await active(four[1]!.id, false)
    await active(four[2]!.id, false)
    await tenant.user('new')
    expect(await use()).to.include({ used: 2, seats_left: 0 })
  })

  it('move between types by first giving back: the last full seat can be changed for the last viewer seat', async () => {
    await buy({ models: { full: 1, viewer: 1 } })
    const [one] = await people(1)
    await seat(one!.id, 'viewer')
    const [two] = await people(1, 'q')
    expect(await held([one!, two!])).to.deep.equal(['viewer', 'full'])
    expect(await refusal(seat(two!.id, 'viewer'))).to.equal('seat-limit seat.limit')
    await role(one!.id, 'viewer')
    expect(await held([one!, two!])).to.deep.equal(['viewer', 'full'])
  })

  it('that are bought later go to those who wait, the longest first', async () => {
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 1 } })
    const four = await people(4)
    await buy({ models: { full: 3 } })
    expect(await held(four)).to.deep.equal(['full', 'full', 'full', 'viewer for full'])
    await buy({ models: null })
    expect(await held(four)).to.deep.equal(['full', 'full', 'full', 'full'])
  })

  it('wanted through a setting never fail: who gets none waits', async () => {
    await changeOrgSettings(tenant.provisioning, admin, { defaultSeats: { models: 'viewer' } }).durable
    const three = await people(3)
    await buy({ models: { full: 2 } })
    await changeOrgSettings(tenant.provisioning, admin, { defaultSeats: { models: 'full' } }).durable
    expect((await held(three)).toSorted()).to.deep.equal(['full', 'full', 'viewer for full'])
  })

  it('wanted through a rule never fail a change of a group: who gets none waits, and gets the next that comes free', async () => {
    await changeOrgSettings(tenant.provisioning, admin, { defaultSeats: { models: 'none' } }).durable
    await buy({ models: { full: 2, viewer: 0 } })
    const rule = { match: { kind: 'name', value: 'paid' }, grants: [{ seat: 'models', type: 'full' }] } as const
    await createRule(tenant.provisioning, admin, rule).durable
    // Who began to wait at the same time comes in the order of ids.
    const four = (await people(4)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const draft = { displayName: 'paid', externalId: undefined, members: [] }
    const { id } = await createGroup(tenant.provisioning, tenant.idp, draft).durable
    const patchGroup = (verb: 'add' | 'remove', list: readonly User[]) =>
      changeGroup(tenant.provisioning, tenant.idp, id, {
        method: 'PATCH',
        plan: { steps: [{ do: verb, members: list.map((user) => ({ value: user.id })) }] },
      }).durable
    await patchGroup('add', four.slice(0, 3))
    await patchGroup('add', four.slice(3))
    expect(await held(four)).to.deep.equal(['full', 'full', 'none for full', 'none for full'])
    await patchGroup('remove', four.slice(0, 1))
    expect(await held(four)).to.deep.equal(['none', 'full', 'full', 'none for full'])
    // Nothing of this is moved by doing the same again.
    await patchGroup('add', four.slice(1, 2))
    expect(await held(four)).to.deep.equal(['none', 'full', 'full', 'none for full'])
  })

  it('are reserved for people who were invited and have not arrived', async () => {
    const [one, two] = await people(2)
    const invited = { status: 'pending' } as const
    await test.connections.writer.updateTable('user').set(invited).where('id', '=', two!.id).execute()
    await buy({ models: { full: 2 } })
    await test.store.work.submit(tenant.orgId, async (stores) => {
      const effects = await reconcilePeople(stores, tenant.orgId, [two!.id])
      const { actor } = admin
      await stores.journal.append(tenant.orgId, {
        ...{ action: 'access.apply', actor, outcome: { result: 'success' }, targets: [], effects },
      })
    }).durable
    expect(await held([one!, two!])).to.deep.equal(['full', 'full'])
    expect(await use()).to.deep.equal({ bought: 2, used: 1, reserved: 1, seats_left: 0, waiting: 0 })
    expect(await refusal(tenant.user('late'))).to.equal('seat-limit seat.limit')
    // The first write of the identity provider brings the person, and takes no second seat.
    await patch(two!.id, (state) => ({ ...state, attributes: { ...state.attributes, title: 'Dr' } }))
    expect(await use()).to.deep.equal({ bought: 2, used: 2, reserved: 0, seats_left: 0, waiting: 0 })
  })

  it('in v_seat_use and v_access are those that SCIM and explain show', async () => {
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 2, viewer: 1 }, weave: { full: 1 } })
    const five = await people(5)
    await active(five[4]!.id, false)
    const { rows } = await sql<{ user_id: string; seats: string; active: number }>`
      select user_id, seats, active from v_access where org_id = ${tenant.orgId} order by user_name`.execute(
      test.connections.reader,
    )
    expect(rows.map(({ user_id }) => user_id)).to.deep.equal(five.map(({ id }) => id))
    const standing = await test.store.reads.users.standingOf(tenant.orgId, five)
    const totals = new Map<string, number>()
    for (const { user_id, seats, active: isActive } of rows) {
      const shown = JSON.parse(seats) as Record<string, string>
      expect(shown).to.deep.equal(Object.fromEntries(standing.get(user_id as UserId)!.access.seats))
      const explained = await explainPerson(test.store.reads, tenant.orgId, user_id as UserId)
      for (const { kind, target, held: shownNow } of explained.values) {
        if (kind === 'seat' && Number(isActive) === 1) expect(shownNow).to.equal(shown[target])
      }
      for (const [product, type] of Object.entries(shown)) {
        totals.set(`${product} ${type}`, (totals.get(`${product} ${type}`) ?? 0) + 1)
      }
    }
    for (const { product, type, used } of await test.store.reads.seats.use(tenant.orgId)) {
      expect(used, `${product} ${type}`).to.equal(totals.get(`${product} ${type}`) ?? 0)
    }
  })

  for (const [said, sentence] of [
    [{ models: { full: -1 } }, 'The full seats of models are a whole number from 0 to 1000000000, or null'],
    [{ models: { full: 2.5 } }, 'The full seats of models are a whole number'],
    [{ models: { full: '3' } }, 'The full seats of models are a whole number'],
    [{ modles: { full: 3 } }, 'There is no product "modles"; the products are models, weave'],
    [{ models: { none: 3 } }, 'A licence counts full and viewer seats; there is no type "none"'],
    [{ models: 3 }, 'The licence of models is an object with full and viewer, or null'],
  ] as const) {
    it(`are not bought by ${JSON.stringify(said)}, and nothing of it is kept`, async () => {
      expect(await message(buy({ weave: { full: 9 }, ...said }))).to.include(sentence)
      expect([...(await test.store.reads.orgs.policy(tenant.orgId)).licence]).to.deep.equal([])
    })
  }

  it('are bought with a record of the numbers before and after, and by one of two admins who save at once', async () => {
    const { version } = await test.store.reads.orgs.policy(tenant.orgId)
    const results = await Promise.all([
      refusal(buy({ models: { full: 5 } }, [String(version)])),
      refusal(buy({ models: { full: 6 } }, [String(version)])),
    ])
    expect(results.toSorted()).to.deep.equal(['', 'version-mismatch version.stale'])
    const [record] = (await test.store.reads.records.tail(tenant.orgId, 10))
      .filter(({ result }) => result === 'success')
      .slice(-1)
    const { action, changes } = JSON.parse(record!.body) as { action: string; changes: readonly JsonObject[] }
    const bought = results[0] === '' ? 5 : 6
    expect([action, changes]).to.deep.equal([
      'org.licence',
      [{ path: 'licence', old: [], new: [{ product: 'models', full: bought }] }],
    ])
  })

  it('give the last one to exactly one of 64 people who ask at the same time', async function () {
    this.timeout(60_000)
    await buy({ models: { full: 1 } })
    const results = await Promise.all(Array.from({ length: 64 }, (_, n) => refusal(tenant.user(`race${n}`))))
    expect(results.filter((result) => result === '').length).to.equal(1)
    expect(results.filter((result) => result === 'seat-limit seat.limit').length).to.equal(63)
    expect(await use()).to.include({ used: 1, seats_left: 0 })
  })

  it('wait in line: who comes later does not pass those who wait, also while a job is giving seats out', async function () {
    this.timeout(60_000)
    await set({ seatPolicy: 'downgrade' })
    await buy({ models: { full: 0 } })
    await tenant.people(1_100, 'wait')
    await buy({ models: { full: 1_100 } })
    const late = await tenant.user('late')
    await tenant.jobs()
    expect(await held([late])).to.deep.equal(['viewer for full'])
    expect(await use()).to.deep.equal({ bought: 1_100, used: 1_100, reserved: 0, seats_left: 0, waiting: 1 })
  })
})
