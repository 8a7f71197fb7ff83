import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { Group } from '../../src/domain/group.ts'
import type { GroupId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User } from '../../src/domain/user.ts'
import { setTeamArchived } from '../../src/provisioning/archive-team.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { restoreGroup } from '../../src/provisioning/restore-group.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'
import { teamActs } from './team-acts.ts'

const PATCH = { method: 'PATCH' } as const
const DELETE = { method: 'DELETE' } as const

forEachDialect('teams that go and come back', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller
  let ann: User
  let bob: User
  let cy: User

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    ann = await tenant.user('ann', { attributes: { emails: [{ value: 'ann@example.com', primary: true }] } })
    bob = await tenant.user('bob')
    cy = await tenant.user('cy')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const { create, add, give, push } = teamActs(() => tenant)

  const archive = (id: GroupId, archived: boolean, caller = operator) =>
    setTeamArchived(tenant.provisioning, caller, id, { archived }).durable
  const teams = (user: User) => teamsOf(test, tenant.orgId, user.id)
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject
  const find = (id: GroupId) => test.store.reads.teams.find(tenant.orgId, id)

  describe('archived', () => {
    it('have no members until they are restored, from the facts of that day; SCIM goes on meanwhile', async () => {
      const group = await push('Pushed', [ann])
      await give(group.id, { person: ann.id, role: 'admin' })
      await archive(group.id, true)
      expect(await teams(ann)).to.deep.equal([])
      expect(await archive(group.id, true)).to.include({ changed: false })
      const steps = [{ do: 'add', members: [{ value: bob.id }] }] as const
      const { value } = await changeGroup(tenant.provisioning, tenant.idp, group.id, { plan: { steps }, ...PATCH })
        .durable
      expect(value.memberCount).to.equal(2)
      expect(await teams(bob)).to.deep.equal([])
      expect(await refusal(add(group.id, { person: cy.id }))).to.equal('forbidden team.archived')
      await archive(group.id, false)
      expect([await teams(ann), await teams(bob)]).to.deep.equal([[`${group.id} admin`], [`${group.id} member`]])
      expect((await actionsOf(test, tenant.orgId)).slice(-1)).to.deep.equal(['team.restore'])
    })

    it('are archived and restored by admins of the org alone', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      expect(await refusal(archive(id, true, personOf(tenant.orgId, ann)))).to.equal('forbidden right.org-admin')
      await archive(id, true, personOf(tenant.orgId, ann, { isOrgAdmin: true }))
      expect(await find(id))
        .to.have.property('archivedAt')
        .that.is.a('number')
    })
  })

  describe('whose group is deleted', () => {
    const restore = (id: GroupId, name?: string, caller = operator) =>
      restoreGroup(tenant.provisioning, caller, id, name).durable
    const erase = (id: GroupId) => deleteGroup(tenant.provisioning, tenant.idp, id, DELETE).durable

    it('come back with their members and explicit roles when an admin restores them within 30 days', async () => {
      const group = await push('Pushed', [ann, bob, cy], 'ext-1')
      await give(group.id, { person: ann.id, role: 'admin' })
      await erase(group.id)
      await deleteUser(tenant.provisioning, tenant.idp, cy.id, DELETE).durable
      expect(await teams(ann)).to.deep.equal([])
      const [listed] = await test.store.reads.teams.page(tenant.orgId, { state: 'deleted', limit: 5 })
      expect(listed).to.include({ id: group.id, name: 'Pushed' })
      const team = await restore(group.id)
      expect(team).to.include({ id: group.id, name: 'Pushed', memberCount: 2, archivedAt: undefined })
      expect(await test.store.reads.groups.find(tenant.orgId, group.id)).to.include({ externalId: 'ext-1' })
      expect([await teams(ann), await teams(bob)]).to.deep.equal([[`${group.id} admin`], [`${group.id} member`]])
      expect((await lastRecord())['action']).to.equal('team.restore')
      expect(await refusal(restore(group.id))).to.equal('not-found')
    })

    it('need another name where theirs is taken, and do not come back after 30 days', async () => {
      const group = await push('Pushed', [ann])
      await erase(group.id)
      await create({ name: 'pushed' })
      expect(await refusal(restore(group.id))).to.equal('uniqueness group.name-taken')
      expect(await refusal(restore(group.id, undefined, personOf(tenant.orgId, ann)))).to.equal(
        'forbidden right.org-admin',
      )
      expect(await restore(group.id, 'Pushed (old)')).to.include({ name: 'Pushed (old)', id: group.id })
      await erase(group.id)
      await test.connections.writer
        .updateTable('scim_group')
        .set((eb) => ({ deleted_at: eb('deleted_at', '-', 31 * 86_400_000) }))
        .where('id', '=', group.id)
        .execute()
      expect(await refusal(restore(group.id))).to.equal('not-found')
    })

    it('come back empty, without any explicit role, when the same connection pushes the name again', async () => {
      const group = await push('Pushed', [ann, bob])
      await give(group.id, { person: ann.id, role: 'admin' })
      await give(group.id, { person: bob.id, role: 'admin' })
      await erase(group.id)
      const again = await push('Pushed', [ann])
      expect(again.id).to.equal(group.id)
      expect([await teams(ann), await teams(bob)]).to.deep.equal([[`${group.id} member`], []])
    })

    it('stay archived where an admin had archived them before', async () => {
      for (const [name, back] of [
        ['one', (group: Group) => restore(group.id)],
        ['two', () => push('two', [ann])],
      ] as const) {
        const group = await push(name, [ann])
        await archive(group.id, true)
        await erase(group.id)
        await back(group)
        expect((await find(group.id))?.archivedAt, name).to.be.a('number')
        expect(await teams(ann)).to.deep.equal([])
      }
    })
  })
})
