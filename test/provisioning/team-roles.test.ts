import { expect } from 'chai'
import { sql } from 'kysely'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupId, RoleId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { type CustomRole, effectivePermissions, ROLE_BASES, type RoleState } from '../../src/domain/role.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import type { AccessWish } from '../../src/domain/access.ts'
import { changeRole } from '../../src/provisioning/change-role.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { deleteRole } from '../../src/provisioning/delete-role.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'

forEachDialect('custom roles in teams', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller
  let team: GroupId
  let ann: User

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = await tenant.connect('script', 'admin key')
    const draft = { displayName: 'research', externalId: undefined, members: [] }
    team = (await createGroup(tenant.provisioning, admin, draft).durable).id
    ann = await tenant.user('ann')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const create = (name: string, more: Partial<RoleState> = {}): Promise<CustomRole> =>
    createRole(tenant.provisioning, admin, { name, description: undefined, base: 'member', permissions: [], ...more })
      .durable
  const wish = async (wishes: readonly AccessWish[], user = ann): Promise<User> => {
    const change = (state: UserState): UserState => ({ ...state, wishes })
    return (await changeUser(tenant.provisioning, admin, user.id, { method: 'PATCH', change }).durable).value
  }
  const give = (roleName: string | undefined): Promise<User> =>
    wish([{ kind: 'team_role', teamName: 'Research', value: roleName }])
  const rebase = (id: RoleId, base: RoleState['base']) =>
    changeRole(tenant.provisioning, admin, id, { method: 'PATCH', change: (state) => ({ ...state, base }) }).durable
  const remove = (id: RoleId) => deleteRole(tenant.provisioning, admin, id, { method: 'DELETE' }).durable
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject
  const roles = async (user = ann) =>
    (await test.store.reads.users.standingOf(tenant.orgId, [user]))
      .get(user.id)
      ?.access.teamRoles.map(({ roleName }) => roleName)
  const view = async (user = ann): Promise<JsonObject> => {
    const rows = sql<JsonObject>`select team_role, team_base_role, permissions from v_access where user_id = ${user.id}`
    return (await rows.execute(test.connections.reader)).rows[0]!
  }

  it('are given by name in exact case or by id, kept by id, and shown by name', async () => {
    const [upper, lower] = [await create('Reviewer'), await create('reviewer')]
    await give('Reviewer')
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${team} ${upper.id}`])
    expect(await roles()).to.deep.equal(['Reviewer'])
    const { changes, effects } = await lastRecord()
    expect(changes).to.deep.include({
      ...{ path: 'teamRoles', new: { teamName: 'research', roleName: 'Reviewer', role: upper.id } },
    })
    expect((effects as JsonObject[])[0]).to.deep.include({ kind: 'team', target: team, new: upper.id })
    const { version } = await give('reviewer')
    expect(await roles()).to.deep.equal(['reviewer'])
    expect((await lastRecord())['changes']).to.deep.equal([
      {
        path: 'teamRoles',
        old: { teamName: 'research', roleName: 'Reviewer', role: upper.id },
        new: { teamName: 'research', roleName: 'reviewer', role: lower.id },
      },
    ])
    expect(await give(lower.id)).to.include({ version })
    await give(undefined)
    expect(await roles()).to.deep.equal(['member'])
  })

  it('are refused where there is no such role in the org, whatever other orgs have', async () => {
    const { id } = await create('Reviewer')
    const elsewhere = await foundTenant(test)
    const other = await elsewhere.connect('script', 'admin key')
    const state = { name: 'Theirs', description: undefined, base: 'member', permissions: [] } as const
    const theirs = await createRole(elsewhere.provisioning, other, state).durable
    for (const name of ['REVIEWER', 'Reviewer ', 'owner', 'Theirs', theirs.id, id.replace(/.$/, 'x')]) {
      expect(await refusal(give(name)), name).to.match(/^invalid-value/)
    }
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([])
  })

  for (const base of ROLE_BASES) {
    it(`come to the permissions of ${base} and their own in v_access`, async () => {
      const role = await create('Own', { base, permissions: ['registry:delete', 'run:read', 'project:update'] })
      await give('Own')
      const { permissions, ...shown } = await view()
      expect(shown).to.deep.equal({ team_role: 'Own', team_base_role: base })
      const expected = effectivePermissions(role).map(({ name }) => name)
      expect(JSON.parse(permissions as string))
        .to.have.members(expected)
        .and.have.length(expected.length)
      await give(base)
      expect(await view()).to.deep.equal({ team_role: base, team_base_role: base, permissions: '' })
    })
  }

  it('follow their base, and leave the new one to their holders when they are deleted', async () => {
    const { id } = await create('Own')
    await give('Own')
    await rebase(id, 'viewer')
    expect(await view()).to.include({ team_role: 'Own', team_base_role: 'viewer' })
    // What is read while the role of very many people is still being taken from them.
    await test.connections.writer.deleteFrom('custom_role').where('id', '=', id).execute()
    expect([await roles(), (await view())['team_role']]).to.deep.equal([['viewer'], 'viewer'])
  })

  it('fall back to their base in the same transaction, in the log, when they are deleted', async () => {
    const { id } = await create('Own', { base: 'viewer' })
    await give('Own')
    await remove(id)
    expect(await roles()).to.deep.equal(['viewer'])
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${team} viewer`])
    const { changes, effects } = await lastRecord()
    expect(changes).to.deep.include({
      ...{ path: 'teamRoles', old: { user: ann.id, team, role: id }, new: { user: ann.id, team, role: 'viewer' } },
    })
    expect((effects as JsonObject[])[0]).to.deep.include({ kind: 'team', old: id, new: 'viewer' })
    expect(await refusal(give('Own'))).to.match(/^invalid-value/)
  })

  it('count as viewer while their holder is a viewer of the organization, and come back', async () => {
    const { id } = await create('Own')
    await give('Own')
    await wish([{ kind: 'org_role', value: 'viewer' }])
    expect(await view()).to.deep.equal({ team_role: 'viewer', team_base_role: 'viewer', permissions: '' })
    await wish([{ kind: 'org_role', value: undefined }])
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${team} ${id}`])
  })

  it('are not given to service accounts', async () => {
    await create('Own')
    const wishes = [
      { kind: 'account_type', value: 'SERVICE' },
      { kind: 'default_team', teamName: 'research' },
      { kind: 'team_role', teamName: 'research', value: 'Own' },
    ] as const
    const draft = { active: true, externalId: undefined, attributes: { userName: 'bot' }, wishes }
    expect(await refusal(createUser(tenant.provisioning, admin, draft).durable)).to.match(/^invalid-value/)
  })
})
