import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupId, RoleId, UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { CustomRole, RoleState } from '../../src/domain/role.ts'
import type { User } from '../../src/domain/user.ts'
import { changeRole } from '../../src/provisioning/change-role.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole, MAX_ROLES } from '../../src/provisioning/create-role.ts'
import { deleteRole } from '../../src/provisioning/delete-role.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'

const PATCH = { method: 'PATCH' } as const
const DELETE = { method: 'DELETE' } as const

forEachDialect('custom roles', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = await tenant.connect('script', 'admin key')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const create = (name: string, more: Partial<RoleState> = {}, caller: Caller = admin): Promise<CustomRole> =>
    createRole(tenant.provisioning, caller, { name, description: undefined, base: 'member', permissions: [], ...more })
      .durable
  const change = async (id: RoleId, wanted: Partial<RoleState>, caller: Caller = admin): Promise<CustomRole> => {
    const to = (current: RoleState): RoleState => ({ ...current, ...wanted })
    return (await changeRole(tenant.provisioning, caller, id, { change: to, ...PATCH }).durable).value
  }
  const remove = (id: RoleId, caller: Caller = admin): Promise<void> =>
    deleteRole(tenant.provisioning, caller, id, DELETE).durable
  const find = (id: RoleId) => test.store.reads.roles.find(tenant.orgId, id)
  const lastRecords = async (count: number): Promise<readonly JsonObject[]> =>
    (await test.store.reads.records.tail(tenant.orgId, count)).map(({ body }) => JSON.parse(body) as JsonObject)

  /** States a role of people in a team as a fact, the way an import or an administrator would. */
  const grant = (people: readonly User[], team: GroupId, value: string): Promise<unknown> =>
    test.connections.writer
      .insertInto('explicit_grant')
      .values(
        people.map((user) => ({
          ...{ org_id: tenant.orgId, user_id: user.id, kind: 'team_role', target: team, value },
          ...{ set_by: null, set_at: 1 },
        })),
      )
      .execute()
  const reconcile = (people: readonly UserId[]) =>
    tenant.provisioning.work.submit(tenant.orgId, async (stores) => {
      const effects = await reconcilePeople(stores, tenant.orgId, people)
      await stores.journal.append(tenant.orgId, {
        ...{ action: 'access.apply', actor: { type: 'system' }, outcome: { result: 'success' }, targets: [], effects },
      })
    }).durable

  it('are kept with what they add to their base, in the order of the catalogue, and nothing twice', async () => {
    const permissions = ['run:delete', 'project:update', 'run:delete', 'artifact:read']
    const made = await create('Reviewer', { description: 'May clean up', permissions })
    expect(made).to.deep.include({ version: 1, permissions: ['project:update', 'run:delete'] })
    expect(await find(made.id)).to.deep.equal(made)
    const [record] = await lastRecords(1)
    expect(record).to.deep.include({ action: 'role.create' })
    expect(record?.['targets']).to.deep.equal([{ type: 'role', id: made.id, display: 'Reviewer' }])
    expect(record?.['changes']).to.deep.equal([
      { path: 'name', new: 'Reviewer' },
      { path: 'description', new: 'May clean up' },
      { path: 'inheritedFrom', new: 'member' },
      { path: 'permissions', new: ['project:update', 'run:delete'] },
    ])
  })

  it('have names that are unique in exact case, and the refusal names the holder', async () => {
    const { id } = await create('Reviewer')
    const reviewer = await create('reviewer')
    try {
      await create('Reviewer')
      expect.fail('the second role was made')
    } catch (error) {
      expect(error).to.include({ code: 'uniqueness', reason: 'role.name-taken' })
      expect((error as Error).message).to.include(id)
    }
    expect(await refusal(change(reviewer.id, { name: 'Reviewer' }))).to.equal('uniqueness role.name-taken')
    const elsewhere = await foundTenant(test)
    const other = await elsewhere.connect('script', 'admin key')
    const state = { name: 'Reviewer', description: undefined, base: 'viewer', permissions: [] } as const
    expect(await createRole(elsewhere.provisioning, other, state).durable).to.include({ name: 'Reviewer' })
  })

  it('cannot be called like a built-in role in any case or width, nothing, or more than a line', async () => {
    const { id } = await create('fine')
    for (const name of ['admin', 'Member', 'VIEWER', ' viewer ', 'ａｄｍｉｎ', '', '  ', 'a\nb', 'x'.repeat(257)]) {
      expect(await refusal(create(name)), name).to.equal('invalid-value role.name')
      expect(await refusal(change(id, { name })), name).to.equal('invalid-value role.name')
    }
    expect(await find(id)).to.include({ name: 'fine', version: 1 })
  })

  it('keep added permissions when their base changes, and log what changed only', async () => {
    const { id } = await create('r', { permissions: ['project:update'] })
    expect(await change(id, { base: 'viewer' })).to.deep.include({ version: 2, permissions: ['project:update'] })
    const [record] = await lastRecords(1)
    expect(record).to.deep.include({ action: 'role.update' })
    expect(record?.['changes']).to.deep.equal([{ path: 'inheritedFrom', old: 'member', new: 'viewer' }])
    await change(id, { permissions: [], description: 'bare' })
    expect((await lastRecords(1))[0]?.['changes']).to.deep.equal([
      { path: 'description', new: 'bare' },
      { path: 'permissions', old: ['project:update'], new: [] },
    ])
  })

  it('keep their version, and leave no record, when a change changes nothing', async () => {
    const { id } = await create('r', { permissions: ['run:delete'] })
    const before = await actionsOf(test, tenant.orgId)
    expect(await change(id, { name: 'r', permissions: ['run:delete'] })).to.include({ version: 1 })
    expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
    expect(tenant.tally.drain().map(({ draft }) => draft.action)).to.deep.equal(['sync.noop'])
  })

  it('compare If-Match inside the transaction (RFC 7644 §3.14)', async () => {
    const { id } = await create('r')
    const stale = { ifMatch: ['7'] }
    const state = (current: RoleState): RoleState => ({ ...current, name: 's' })
    const changed = changeRole(tenant.provisioning, admin, id, { change: state, ...PATCH, ...stale }).durable
    expect(await refusal(changed)).to.equal('version-mismatch version.stale')
    const removed = deleteRole(tenant.provisioning, admin, id, { ...DELETE, ...stale }).durable
    expect(await refusal(removed)).to.equal('version-mismatch version.stale')
    expect(await find(id)).to.include({ name: 'r' })
    await deleteRole(tenant.provisioning, admin, id, { ...DELETE, ifMatch: ['1'] }).durable
    expect(await find(id)).to.equal(undefined)
    expect(await refusal(remove(id))).to.equal('not-found')
  })

  it('are made by scripts, and by an identity provider only with the right to make administrators', async () => {
    const { id } = await create('r')
    const tries = [
      () => create('s', {}, tenant.idp),
      () => change(id, { name: 's' }, tenant.idp),
      () => remove(id, tenant.idp),
    ]
    for (const attempt of tries) expect(await refusal(attempt())).to.equal('forbidden role.not-allowed')
    expect((await lastRecords(3)).map((record) => (record['outcome'] as JsonObject)['result'])).to.deep.equal(
      Array.from({ length: 3 }, () => 'refused'),
    )
    const { connection } = tenant.idp
    const trusted: Caller = { ...tenant.idp, connection: { ...connection!, mayGrantAdmin: true } }
    const made = await create('s', {}, trusted)
    expect(await change(made.id, { base: 'viewer' }, trusted)).to.include({ base: 'viewer' })
    await remove(made.id, trusted)
    expect(await find(made.id)).to.equal(undefined)
  })

  it('stay apart by org: neither found, changed nor deleted from another', async () => {
    const { id } = await create('r')
    const elsewhere = await foundTenant(test)
    const other = await elsewhere.connect('script', 'admin key')
    expect(await test.store.reads.roles.find(elsewhere.orgId, id)).to.equal(undefined)
    expect(await refusal(deleteRole(tenant.provisioning, other, id, DELETE).durable)).to.equal('not-found')
    expect(await find(id)).to.include({ id })
  })

  it('leave their base to whoever held them, in the same transaction and each in the log, when deleted', async () => {
    const [ann, bob, cy] = [await tenant.user('ann'), await tenant.user('bob'), await tenant.user('cy')]
    const members = [ann, bob, cy].map(({ id }) => ({ value: id }))
    const draft = { displayName: 'research', externalId: undefined, members }
    const team = (await createGroup(tenant.provisioning, tenant.idp, draft).durable).id
    const gone = await create('gone', { base: 'viewer' })
    const stays = await create('stays')
    await grant([ann, bob], team, gone.id)
    await grant([cy], team, stays.id)
    await reconcile([ann.id, bob.id, cy.id])
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${team} ${gone.id}`])
    const version = (await test.store.reads.users.find(tenant.orgId, ann.id))!.version

    await remove(gone.id)
    expect(await find(gone.id)).to.equal(undefined)
    for (const { id } of [ann, bob]) {
      expect(await teamsOf(test, tenant.orgId, id)).to.deep.equal([`${team} viewer`])
    }
    expect(await teamsOf(test, tenant.orgId, cy.id)).to.deep.equal([`${team} ${stays.id}`])
    expect((await test.store.reads.users.find(tenant.orgId, ann.id))!.version).to.equal(version + 1)

    const [record] = await lastRecords(1)
    expect(record).to.include({ action: 'role.delete' })
    const changes = record?.['changes'] as JsonObject[]
    const rewritten = changes.filter(({ path }) => path === 'teamRoles')
    expect(rewritten).to.have.deep.members(
      [ann, bob].map(({ id: user }) => ({
        ...{ path: 'teamRoles', old: { user, team, role: gone.id }, new: { user, team, role: 'viewer' } },
      })),
    )
    const [effect] = record?.['effects'] as JsonObject[]
    expect(effect).to.deep.include({ kind: 'team', target: team, old: gone.id, new: 'viewer' })
    expect(effect?.['people']).to.have.members([ann.id, bob.id])
    const rows = await test.connections.reader
      .selectFrom('event_target')
      .select('target_id')
      .where('org_id', '=', tenant.orgId)
      .where('target_id', 'in', [ann.id, bob.id])
      .where('seq', '=', (await test.store.reads.records.head(tenant.orgId))!.seq)
      .execute()
    expect(rows).to.have.lengthOf(2)
  })

  it('leave their base to more than 500 people in several records, one causing the others', async function () {
    this.timeout(120_000)
    const people = await tenant.people(501, 'user-')
    const draft = { displayName: 'all', externalId: undefined, members: people.map(({ id }) => ({ value: id })) }
    const team = (await createGroup(tenant.provisioning, tenant.idp, draft).durable).id
    const { id } = await create('wide', { base: 'viewer' })
    await grant(people, team, id)
    await reconcile(people.map((person) => person.id))
    await remove(id)
    const [first, second] = await lastRecords(2)
    expect([first?.['action'], second?.['action']]).to.deep.equal(['role.delete', 'role.delete'])
    expect(second?.['cause']).to.equal(first?.['id'])
    expect((first?.['changes'] as JsonObject[]).filter(({ path }) => path === 'teamRoles')).to.have.lengthOf(500)
    expect(second?.['changes']).to.have.lengthOf(1)
    expect(await teamsOf(test, tenant.orgId, people[0]!.id)).to.deep.equal([`${team} viewer`])
  })

  it('are listed in the order they were made, and the org may have so many', async () => {
    const viewer = { connectionId: undefined, kind: 'script' } as const
    const rows = Array.from({ length: MAX_ROLES }, (_, index) => ({
      ...{
        org_id: tenant.orgId,
        id: crypto.randomUUID(),
        ord: index + 1,
        name: `role ${index}`,
        name_key: '',
        description: null,
      },
      ...{ base: 'member', version: 1, created: 1, updated: 1 },
    }))
    await test.connections.writer.insertInto('custom_role').values(rows).execute()
    const query = { filter: undefined, sort: undefined, startIndex: 499, count: 10, viewer }
    const page = await test.store.reads.roles.page(tenant.orgId, query)
    expect([page.total, ...page.rows.map(({ name }) => name)]).to.deep.equal([MAX_ROLES, 'role 498', 'role 499'])
    expect(await refusal(create('one more'))).to.equal('forbidden role.too-many')
  })
})
