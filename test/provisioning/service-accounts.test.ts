import { expect } from 'chai'
import { sql } from 'kysely'
import type { AccessWish } from '../../src/domain/access.ts'
import type { Caller } from '../../src/domain/caller.ts'
import type { Group } from '../../src/domain/group.ts'
import type { GroupId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { confirmLink } from '../../src/provisioning/link-confirmation.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'

const DELETE = { method: 'DELETE' } as const

forEachDialect('service accounts', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let script: Caller
  let team: Group

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    script = await tenant.connect('script', 'script')
    team = await createTeam('platform', script)
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const createTeam = (displayName: string, caller: Caller = tenant.idp): Promise<Group> =>
    createGroup(tenant.provisioning, caller, { displayName, externalId: undefined, members: [] }).durable
  const kind = (value: string): AccessWish => ({ kind: 'account_type', value })
  const home = (teamName: string): AccessWish => ({ kind: 'default_team', teamName })
  const create = (userName: string, wishes: readonly AccessWish[], caller = script, more: object = {}): Promise<User> =>
    createUser(tenant.provisioning, caller, {
      ...{ active: true, externalId: undefined, attributes: { userName, ...more }, wishes },
    }).durable
  const bot = (userName: string, caller = script) => create(userName, [kind('SERVICE'), home('Platform')], caller)
  const change = async (user: User, state: Partial<UserState>, caller = script): Promise<User> => {
    const to = (current: UserState): UserState => ({ ...current, ...state })
    return (await changeUser(tenant.provisioning, caller, user.id, { change: to, method: 'PATCH' }).durable).value
  }
  const orgBot = (userName: string) => create(userName, [kind('ORG_SERVICE'), home('platform')])
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject
  const teams = (user: User) => teamsOf(test, tenant.orgId, user.id)
  const listed = async (id: GroupId) => [
    (await test.store.reads.groups.find(tenant.orgId, id))?.memberCount,
    (await test.store.reads.groups.members(tenant.orgId, id, undefined, 10)).length,
  ]
  const rowOf = (user: User) =>
    test.connections.reader
      .selectFrom('service_account')
      .selectAll()
      .where('org_id', '=', tenant.orgId)
      .where('user_id', '=', user.id)
      .executeTakeFirst()

  it('are members of their default team without being listed in it, take no seat and leave one record', async () => {
    const user = await bot('deploy-bot')
    expect(user).to.include({ accountType: 'SERVICE', orgRole: 'member' })
    expect(user.attributes).to.deep.equal({ userName: 'deploy-bot', displayName: 'deploy-bot' })
    expect(await teams(user)).to.deep.equal([`${team.id} member`])
    expect(await listed(team.id)).to.deep.equal([0, 0])
    expect(await rowOf(user)).to.include({ scope: 'team', default_team_id: team.id, owner_user_id: null })
    const access = (await test.store.reads.users.standingOf(tenant.orgId, [user])).get(user.id)?.access
    expect([...access!.seats]).to.deep.equal([])
    const record = await lastRecord()
    expect(record).to.include({ action: 'user.create' })
    expect(record['changes']).to.deep.include({ path: 'accountType', new: 'SERVICE' })
    expect(record['changes']).to.deep.include({
      ...{ path: 'defaultTeam', new: { team: team.id, teamName: 'platform' } },
    })
    expect(record['changes']).to.deep.include({ path: 'teams', added: [team.id] })
    expect(record['targets']).to.deep.include({ type: 'team', id: team.id, display: 'platform' })
    expect(JSON.stringify(record['effects'])).to.include(team.id).and.not.include('seat')
    expect(await actionsOf(test, tenant.orgId)).to.have.lengthOf(5)
  })

  it('keep a name of their own where they are given one, and further teams beside the default one', async () => {
    const other = await createTeam('other', script)
    const wishes = [kind('service'), home('platform'), ...['OTHER', 'platform'].map(join)]
    const user = await create('b', wishes, script, { displayName: 'The bot' })
    expect(user.attributes['displayName']).to.equal('The bot')
    expect(await teams(user)).to.have.members([`${team.id} member`, `${other.id} member`])
  })

  const join = (teamName: string): AccessWish => ({ kind: 'join', teamName })
  const refused: readonly [string, readonly AccessWish[], object?][] = [
    ['an unknown type', [kind('ROBOT'), home('platform')]],
    ['two types', [kind('SERVICE'), kind('USER'), home('platform')]],
    ['no default team', [kind('SERVICE')]],
    ['two default teams', [kind('SERVICE'), home('platform'), home('other')]],
    ['an unknown default team', [kind('ORG_SERVICE'), home('nowhere')]],
    ['teams without the default one', [kind('SERVICE'), home('platform'), join('other')]],
    ['a seat', [kind('SERVICE'), home('platform'), { kind: 'seat', product: 'models', value: 'none' }]],
    ['a role in the org', [kind('SERVICE'), home('platform'), { kind: 'org_role', value: 'viewer' }]],
    [
      'a role in a team',
      [kind('SERVICE'), home('platform'), { kind: 'team_role', teamName: 'platform', value: 'admin' }],
    ],
    [
      'a role in a registry',
      [kind('SERVICE'), home('platform'), { kind: 'registry_role', registryName: 'r', value: 'x' }],
    ],
    ['an address', [kind('SERVICE'), home('platform')], { emails: [{ value: 'bot@example.com' }] }],
    ['a default team for a person', [home('platform')]],
  ]
  for (const [what, wishes, attributes] of refused) {
    it(`are refused with ${what}, and nothing of them stays`, async () => {
      await createTeam('other', script)
      const before = await actionsOf(test, tenant.orgId)
      expect(await refusal(create('no-bot', wishes, script, attributes))).to.match(/^invalid-value/)
      expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
      const rows = await test.connections.reader
        .selectFrom('service_account')
        .where('org_id', '=', tenant.orgId)
        .select('user_id')
        .execute()
      expect(rows).to.deep.equal([])
    })
  }

  it('are no admins: 403 through a connection that may make none, 400 through one that may', async () => {
    const wishes: readonly AccessWish[] = [kind('SERVICE'), home('platform'), { kind: 'org_role', value: 'admin' }]
    expect(await refusal(create('b', wishes))).to.equal('forbidden admin.not-grantable')
    const trusted = { ...script, connection: { ...script.connection!, mayGrantAdmin: true } }
    expect(await refusal(create('b', wishes, trusted))).to.match(/^invalid-value/)
  })

  it('keep `roles` as stated, which give them nothing; the record says so', async () => {
    const wishes = [kind('SERVICE'), home('platform')]
    const user = await create('b', wishes, script, { roles: [{ value: 'admin' }] })
    expect(user).to.include({ orgRole: 'member' })
    expect((await lastRecord())['steps']).to.deep.equal([
      { name: 'withheld', attribute: 'roles', value: 'admin', reason: 'account.service' },
    ])
  })

  it('belong to no team that another identity provider manages', async () => {
    const owned = await createTeam('owned')
    const other = await tenant.connect('idp', 'other')
    const wishes = [kind('SERVICE'), home('owned')]
    expect(await refusal(create('b', wishes, other))).to.equal('forbidden owner.other-connection')
    expect(await teams(await create('b', wishes, tenant.idp))).to.deep.equal([`${owned.id} member`])
  })

  it('stay as they are when what they have is said again, and get nothing else', async () => {
    const user = await bot('b')
    const same: readonly AccessWish[] = [
      ...[kind('SERVICE'), home('PLATFORM'), join('Platform')],
      { kind: 'org_role', value: 'Member' },
      { kind: 'team_role', teamName: 'platform', value: 'member' },
      { kind: 'seat', product: 'weave', value: undefined },
    ]
    expect(await change(user, { wishes: same })).to.include({ version: user.version })
    await createTeam('other', script)
    for (const [wish, problem] of [
      [kind('ORG_SERVICE'), /^mutability/],
      [home('other'), /^mutability/],
      [join('other'), /^invalid-value/],
      [{ kind: 'seat', product: 'models', value: 'full' }, /^invalid-value/],
      [{ kind: 'team_role', teamName: 'platform', value: 'viewer' }, /^invalid-value/],
      [{ kind: 'org_role', value: 'admin' }, /^forbidden/],
    ] as const) {
      expect(await refusal(change(user, { wishes: [wish] })), JSON.stringify(wish)).to.match(problem)
    }
    const emails = { userName: 'b', emails: [{ value: 'b@example.com' }] }
    expect(await refusal(change(user, { attributes: emails }))).to.match(/^invalid-value/)
  })

  it('lose their access when deactivated, get it back, and are deleted, each in the log', async () => {
    const user = await bot('b')
    expect(await change(user, { active: false })).to.include({ status: 'deactivated', orgRole: 'none' })
    expect(await teams(user)).to.deep.equal([])
    expect(await change(user, { active: true })).to.include({ status: 'active', orgRole: 'member' })
    expect(await teams(user)).to.deep.equal([`${team.id} member`])
    await deleteUser(tenant.provisioning, script, user.id, DELETE).durable
    expect(await teams(user)).to.deep.equal([])
    expect((await actionsOf(test, tenant.orgId)).slice(-4)).to.deep.equal([
      ...['user.create', 'user.deactivate', 'user.reactivate', 'user.delete'],
    ])
  })

  it('are not touched by any operation on their group, and cannot be its members', async () => {
    const user = await bot('b')
    const step = (...steps: Parameters<typeof changeGroup>[3]['plan']['steps'][number][]) =>
      changeGroup(tenant.provisioning, script, team.id, { plan: { steps }, method: 'PATCH' }).durable
    await step({ do: 'set', members: [] })
    await step({ do: 'removeAll' })
    await step({ do: 'remove', members: [{ value: user.id }] })
    expect(await teams(user)).to.deep.equal([`${team.id} member`])
    expect(await refusal(step({ do: 'add', members: [{ value: user.id }] }))).to.equal('invalid-value members.invalid')
    const ann = await tenant.user('ann')
    await step({ do: 'add', members: [{ value: ann.id }] })
    expect(await listed(team.id)).to.deep.equal([1, 1])
  })

  it('of the org join every team that SCIM makes later, which its record names', async () => {
    const [one, gone] = [await orgBot('one'), await orgBot('gone')]
    await deleteUser(tenant.provisioning, script, gone.id, DELETE).durable
    const off = await orgBot('off')
    await change(off, { active: false })
    const alone = await bot('alone')
    const version = (await test.store.reads.users.find(tenant.orgId, one.id))!.version
    const later = await createTeam('later')
    expect(later.memberCount).to.equal(0)
    expect(await listed(later.id)).to.deep.equal([0, 0])
    expect(await teams(one)).to.have.members([`${team.id} member`, `${later.id} member`])
    expect((await test.store.reads.users.find(tenant.orgId, one.id))!.version).to.equal(version + 1)
    expect(await teams(alone)).to.deep.equal([`${team.id} member`])
    const record = await lastRecord()
    expect(record['changes']).to.deep.include({ path: 'serviceAccounts', added: [one.id, off.id].sort() })
    expect(JSON.stringify(record['effects'])).to.include(one.id).and.not.include(off.id)
    await change(off, { active: true })
    expect(await teams(off)).to.have.members([`${team.id} member`, `${later.id} member`])
  })

  it('leave a team that is deleted and are in it again when it comes back', async () => {
    const owned = await createTeam('owned')
    const user = await create('b', [kind('SERVICE'), home('owned')], tenant.idp)
    await deleteGroup(tenant.provisioning, tenant.idp, owned.id, DELETE).durable
    expect(await teams(user)).to.deep.equal([])
    const org = await orgBot('org')
    const back = await createTeam('owned')
    expect(back.id).to.equal(owned.id)
    expect(await teams(user)).to.deep.equal([`${owned.id} member`])
    expect(await teams(org)).to.include(`${owned.id} member`)
    expect(await listed(owned.id)).to.deep.equal([0, 0])
  })

  it("are taken over by an identity provider only with an administrator's confirmation", async () => {
    const user = await bot('b')
    const attributes = { userName: 'b', displayName: 'Bot' }
    expect(await refusal(change(user, { attributes }, tenant.idp))).to.equal('forbidden link.unconfirmed')
    const link = { connectionId: tenant.idp.connection!.id, subjectType: 'user', subjectId: user.id } as const
    await confirmLink(tenant.provisioning, { ...operation(), orgId: tenant.orgId, link }).durable
    expect(await change(user, { attributes }, tenant.idp)).to.include({ owner: link.connectionId })
  })

  it('are shown by v_access with their teams, their type and no seat', async () => {
    const user = await bot('b')
    const { rows } = await sql<JsonObject>`select * from v_access where user_id = ${user.id}`.execute(
      test.connections.reader,
    )
    expect(rows).to.have.lengthOf(1)
    expect(rows[0]).to.include({
      ...{ user_name: 'b', active: 1, org_role: 'member', seats: '{}', team_name: 'platform', team_role: 'member' },
      ...{ permissions: '', team_base_role: 'member', account_type: 'SERVICE' },
    })
  })
})
