import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { Group } from '../../src/domain/group.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { CustomRole, RoleState } from '../../src/domain/role.ts'
import type { User } from '../../src/domain/user.ts'
import { changeRole } from '../../src/provisioning/change-role.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { deleteRole } from '../../src/provisioning/delete-role.ts'
import { addTeamMember } from '../../src/provisioning/team-members.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, teamsOf, type Tenant } from '../support/tenant.ts'

forEachDialect('custom roles that rules and teams name', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller
  let [ann, bob]: readonly User[] = []

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    ann = await tenant.user('ann')
    bob = await tenant.user('bob')
  })
  afterEach(async () => {
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const role = (name: string, more: Partial<RoleState> = {}): Promise<CustomRole> => {
    const state: RoleState = { name, description: undefined, base: 'member', permissions: [], ...more }
    return createRole(tenant.provisioning, operator, state).durable
  }
  const push = (displayName: string, ...people: (User | undefined)[]): Promise<Group> => {
    const members = people.map((user) => ({ value: user!.id }))
    return createGroup(tenant.provisioning, tenant.idp, { displayName, externalId: undefined, members }).durable
  }
  const rule = (group: string, team: string, given: string) =>
    createRule(tenant.provisioning, operator, {
      ...{ match: { kind: 'name', value: group }, grants: [{ team, role: given }] },
    }).durable
  const teams = (user: User | undefined) => teamsOf(test, tenant.orgId, user!.id)

  it('leave rules and default roles their base when they are deleted, each rewritten in the log', async () => {
    const own = await role('Own', { base: 'viewer' })
    const lab = await createTeam(tenant.provisioning, operator, { name: 'Lab', defaultRole: 'Own' }).durable
    await addTeamMember(tenant.provisioning, operator, lab.id, { person: bob!.id }).durable
    const group = await push('Staff', ann)
    const made = await rule('Staff', 'Lab', 'Own')
    expect([await teams(ann), await teams(bob)]).to.deep.equal([
      [`${group.id} member`, `${lab.id} ${own.id}`].sort(),
      [`${lab.id} ${own.id}`],
    ])
    const from = (await test.store.reads.records.head(tenant.orgId))!.seq
    await deleteRole(tenant.provisioning, operator, own.id, { method: 'DELETE' }).durable
    expect([await teams(ann), await teams(bob)]).to.deep.equal([
      [`${group.id} member`, `${lab.id} viewer`].sort(),
      [`${lab.id} viewer`],
    ])
    const records = await test.store.reads.records.page(tenant.orgId, from, from + 10, 10)
    expect(records.map(({ action }) => action)).to.deep.equal(['role.delete', 'rule.update', 'team.update'])
    const [, rewritten] = records.map(({ body }) => JSON.parse(body) as JsonObject)
    expect(rewritten!['targets']).to.deep.equal([{ type: 'rule', id: made.id }])
    expect(rewritten!['changes']).to.deep.equal([
      { path: 'grants', old: { team: lab.id, role: own.id }, new: { team: lab.id, role: 'viewer' } },
    ])
    expect((await test.store.reads.teams.find(tenant.orgId, lab.id))?.defaultRole).to.equal('viewer')
  })

  it('win or lose against each other as they are changed: the one that permits more, else the lower id', async () => {
    const [first, second] = [await role('First', { permissions: ['run:delete'] }), await role('Second')]
    const lab = await createTeam(tenant.provisioning, operator, { name: 'Lab' }).durable
    await push('One', ann)
    await push('Two', ann)
    await rule('One', 'Lab', 'First')
    await rule('Two', 'Lab', 'Second')
    const held = async () => (await teams(ann)).find((line) => line.startsWith(lab.id))
    expect(await held()).to.equal(`${lab.id} ${first.id}`)
    const permit = (to: CustomRole, ...permissions: string[]) =>
      changeRole(tenant.provisioning, operator, to.id, {
        ...{ method: 'PATCH', change: (current) => ({ ...current, permissions }) },
      }).durable
    await permit(second, 'run:delete', 'team:update')
    expect(await held()).to.equal(`${lab.id} ${second.id}`)
    await permit(second, 'team:update')
    const [lower] = [first.id, second.id].sort()
    expect(await held()).to.equal(`${lab.id} ${lower!}`)
  })
})
