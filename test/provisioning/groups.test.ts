import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { Group, GroupPlan, MemberStep } from '../../src/domain/group.ts'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'

const PATCH = { method: 'PATCH' } as const
const DELETE = { method: 'DELETE' } as const

forEachDialect('groups and teams', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let [ann, bob, cy]: readonly User[] = []

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    ann = await tenant.user('ann', { attributes: { emails: [{ value: 'ann@example.com', primary: true }] } })
    bob = await tenant.user('bob')
    cy = await tenant.user('cy')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const named = (...users: (User | undefined)[]) => users.map((user) => ({ value: user!.id }))
  const create = (displayName: string, users: (User | undefined)[] = [], caller: Caller = tenant.idp): Promise<Group> =>
    createGroup(tenant.provisioning, caller, { displayName, externalId: undefined, members: named(...users) }).durable
  const change = (id: GroupId, plan: Partial<GroupPlan>, caller: Caller = tenant.idp) =>
    changeGroup(tenant.provisioning, caller, id, { plan: { steps: [], ...plan }, ...PATCH }).durable
  const step = (id: GroupId, ...steps: MemberStep[]) => change(id, { steps })
  const members = async (id: GroupId): Promise<readonly string[]> =>
    (await test.store.reads.groups.members(tenant.orgId, id, undefined, 1_000)).map((member) => member.display)

  it('make a team of the same id, whose members have its default role', async () => {
    const group = await create('research', [ann, bob])
    expect(group).to.include({ memberCount: 2, version: 1 })
    expect(await teamsOf(test, tenant.orgId, ann!.id)).to.deep.equal([`${group.id} member`])
    const body = (await test.store.reads.records.tail(tenant.orgId, 1))[0]?.body ?? ''
    const record = JSON.parse(body) as JsonObject
    expect(record['action']).to.equal('group.create')
    expect((record['targets'] as JsonObject[]).map((target) => target['type'])).to.deep.equal(['group', 'team'])
  })

  it('have one live name in an org, whatever its case; the refusal names the holder (RFC 7644 §3.12)', async () => {
    const group = await create('Research')
    try {
      await create('RESEARCH')
      expect.fail('the second group was made')
    } catch (error) {
      expect(error).to.include({ code: 'uniqueness' })
      expect((error as Error).message).to.contain(group.id)
    }
    await change(group.id, { displayName: 'research' })
    const other = await create('Sales')
    expect(await refusal(change(other.id, { displayName: 'RESEARCH' }))).to.equal('uniqueness group.name-taken')
  })

  it('take members by id and by primary e-mail address, and count each once', async () => {
    const group = await create('mixed')
    const { value } = await step(group.id, { do: 'add', members: [{ value: 'ANN@example.com' }, ...named(ann, bob)] })
    expect(value.memberCount).to.equal(2)
    expect(await members(group.id)).to.have.members(['ann', 'bob'])
  })

  it('refuse unknown members, up to ten by name, and change nothing', async () => {
    const group = await create('strict')
    const unknown = Array.from({ length: 12 }, (_, index) => ({ value: `unknown-${index}` }))
    try {
      await step(group.id, { do: 'add', members: [...named(ann), ...unknown] })
      expect.fail('unknown members were taken')
    } catch (error) {
      expect(error).to.include({ code: 'invalid-value' })
      expect((error as Error).message).to.contain('"unknown-9" and 2 more')
    }
    expect(await members(group.id)).to.deep.equal([])
  })

  it('pass over deleted people, and let go of absent ones with success', async () => {
    const group = await create('lagging', [ann])
    await deleteUser(tenant.provisioning, tenant.idp, bob!.id, DELETE).durable
    const { changed } = await step(group.id, { do: 'add', members: named(bob) })
    expect(changed).to.equal(false)
    const removed = await step(group.id, { do: 'remove', members: [{ value: 'nobody' }, ...named(cy)] })
    expect(removed.changed).to.equal(false)
    expect(await members(group.id)).to.deep.equal(['ann'])
  })

  it('add no second fact, version or record for a member already present (RFC 7644 §3.5.2.1)', async () => {
    const group = await create('same', [ann])
    const before = await actionsOf(test, tenant.orgId)
    const { value, changed } = await step(group.id, { do: 'add', members: named(ann) })
    expect({ changed, version: value.version }).to.deep.equal({ changed: false, version: 1 })
    expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
  })

  it('replace all members as a difference (RFC 7644 §3.5.2.3)', async () => {
    const group = await create('swap', [ann, bob])
    const { value } = await step(group.id, { do: 'set', members: named(bob, cy) })
    expect(value.memberCount).to.equal(2)
    expect(await members(group.id)).to.have.members(['bob', 'cy'])
    const record = JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]?.body ?? '') as JsonObject
    const [delta] = record['changes'] as JsonObject[]
    expect(delta).to.include({ path: 'members' })
    expect(delta?.['added']).to.deep.equal([cy!.id])
    expect(delta?.['removed']).to.deep.equal([ann!.id])
  })

  it('keep facts of another origin when their own are replaced; naming the person ends all', async () => {
    const script = await tenant.connect('script', 'script')
    const group = await create('origins', [ann])
    await change(group.id, { steps: [{ do: 'add', members: named(ann, bob) }] }, script)
    expect((await step(group.id, { do: 'removeAll' })).value.memberCount).to.equal(2)
    expect((await step(group.id, { do: 'remove', members: named(ann) })).value.memberCount).to.equal(1)
    await change(group.id, { steps: [{ do: 'removeAll' }] }, script)
    expect(await members(group.id)).to.deep.equal([])
  })

  it('store nested groups and grant nothing through them', async () => {
    const inner = await create('inner', [ann])
    const outer = await create('outer')
    const { value } = await step(outer.id, { do: 'add', members: [{ value: inner.id }] })
    expect(value.memberCount).to.equal(1)
    expect(await teamsOf(test, tenant.orgId, ann!.id)).to.deep.equal([`${inner.id} member`])
    const self: MemberStep = { do: 'add', members: [{ value: outer.id }] }
    expect(await refusal(step(outer.id, self))).to.equal('invalid-value')
    await deleteGroup(tenant.provisioning, tenant.idp, inner.id, DELETE).durable
    expect((await test.store.reads.groups.find(tenant.orgId, outer.id))?.memberCount).to.equal(0)
  })

  it('bump the version of each person whose membership changed, and not at a rename', async () => {
    const group = await create('versions', [ann])
    const version = async () => (await test.store.reads.users.find(tenant.orgId, ann!.id))?.version
    expect(await version()).to.equal(2)
    await change(group.id, { displayName: 'renamed' })
    expect(await version()).to.equal(2)
    await step(group.id, { do: 'remove', members: named(ann) })
    expect(await version()).to.equal(3)
  })

  it('hold deactivated people as members, who get their team back at reactivation', async () => {
    const group = await create('held', [ann])
    const active = (value: boolean) =>
      changeUser(tenant.provisioning, tenant.idp, ann!.id, { change: (s) => ({ ...s, active: value }), ...PATCH })
        .durable
    await active(false)
    expect(await members(group.id)).to.deep.equal(['ann'])
    expect(await teamsOf(test, tenant.orgId, ann!.id)).to.deep.equal([])
    await active(true)
    expect(await teamsOf(test, tenant.orgId, ann!.id)).to.deep.equal([`${group.id} member`])
  })

  it('lose a deleted person, in members and count', async () => {
    const group = await create('shrinking', [ann, bob])
    await deleteUser(tenant.provisioning, tenant.idp, ann!.id, DELETE).durable
    expect(await members(group.id)).to.deep.equal(['bob'])
    expect(await test.store.reads.groups.find(tenant.orgId, group.id)).to.include({ memberCount: 1, version: 2 })
  })

  it('deleted and pushed again within 30 days are the same team, empty but for the members named', async () => {
    const group = await create('returning', [ann, bob])
    await deleteGroup(tenant.provisioning, tenant.idp, group.id, DELETE).durable
    expect(await teamsOf(test, tenant.orgId, ann!.id)).to.deep.equal([])
    const again = await create('Returning', [cy])
    expect(again.id).to.equal(group.id)
    expect(await members(group.id)).to.deep.equal(['cy'])
    expect((await actionsOf(test, tenant.orgId)).at(-1)).to.equal('team.restore')
    const [record] = await test.store.reads.records.tail(tenant.orgId, 1)
    const { changes } = JSON.parse(record!.body) as { changes: { path: string; removed?: string[] }[] }
    const ended = changes.find(({ path }) => path === 'members')?.removed
    expect(ended).to.have.members([ann!.id, bob!.id])
    await deleteGroup(tenant.provisioning, tenant.idp, group.id, DELETE).durable
    const other = await tenant.connect('idp', 'other')
    expect((await create('returning', [], other)).id).to.not.equal(group.id)
  })

  it('apply steps in order, all or nothing (RFC 7644 §3.5.2)', async () => {
    const group = await create('atomic', [ann])
    const bad: MemberStep = { do: 'add', members: [{ value: 'nobody' }] }
    const attempt = change(group.id, { displayName: 'other', steps: [{ do: 'add', members: named(bob) }, bad] })
    expect(await refusal(attempt)).to.equal('invalid-value members.invalid')
    expect(await test.store.reads.groups.find(tenant.orgId, group.id)).to.include({ displayName: 'atomic', version: 1 })
    const steps: MemberStep[] = [
      { do: 'add', members: named(bob) },
      { do: 'remove', members: named(bob) },
    ]
    await change(group.id, { steps })
    expect(await members(group.id)).to.deep.equal(['ann'])
  })

  it('store 32 parallel adds of different members (no lost update)', async () => {
    const people = await Promise.all(Array.from({ length: 32 }, (_, index) => tenant.user(`parallel-${index}`)))
    const group = await create('parallel')
    await Promise.all(people.map((person) => step(group.id, { do: 'add', members: named(person) })))
    expect(await members(group.id)).to.have.lengthOf(32)
    expect(await test.store.reads.groups.find(tenant.orgId, group.id)).to.include({ memberCount: 32, version: 33 })
  })

  it('of more than 1,000 touched people apply access in a job, with its cause in the log', async () => {
    const people = [...(await tenant.people(1_001, 'many-'))]
    const group = await create('many', people)
    expect(group.memberCount).to.equal(1_001)
    await tenant.jobs()
    const { reader } = test.connections
    const rows = await reader.selectFrom('team_membership').select('user_id').where('team_id', '=', group.id).execute()
    expect(new Set(rows.map((row) => row.user_id as UserId)).size).to.equal(1_001)
    const records = await test.store.reads.records.tail(tenant.orgId, 20)
    const created = records.filter((record) => record.action === 'group.create')
    const applied = records.filter((record) => record.action === 'access.apply')
    expect(created).to.have.lengthOf(3)
    expect(applied).to.have.lengthOf(11)
    expect(new Set(applied.map((record) => record.causeId))).to.deep.equal(new Set([created[0]?.id]))
  })
})
