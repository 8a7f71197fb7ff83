import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupPlan } from '../../src/domain/group.ts'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { Rule } from '../../src/domain/rule.ts'
import type { UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteRule } from '../../src/provisioning/delete-rule.ts'
import { revokeConnection } from '../../src/provisioning/revoke-connection.ts'
import type { RuleDraft } from '../../src/provisioning/rule-draft.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import {
  actionsOf,
  foundTenant,
  operation,
  problemsOf,
  refusal,
  seatsOf,
  teamsOf,
  type Tenant,
} from '../support/tenant.ts'

const DELETE = { method: 'DELETE' } as const

forEachDialect('rules', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = { ...operation(), orgId: tenant.orgId, connection: undefined }
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const group = async (displayName: string, people: readonly UserId[] = [], more: { externalId?: string } = {}) => {
    const draft = { displayName, externalId: more.externalId, members: people.map((value) => ({ value })) }
    return (await createGroup(tenant.provisioning, tenant.idp, draft).durable).id
  }
  const rule = (draft: RuleDraft): Promise<Rule> => createRule(tenant.provisioning, admin, draft).durable
  const named = (value: string, ...grants: RuleDraft['grants']): RuleDraft => ({
    match: { kind: 'name', value },
    grants,
  })
  const patch = (id: GroupId, plan: GroupPlan, caller: Caller = tenant.idp) =>
    changeGroup(tenant.provisioning, caller, id, { plan, method: 'PATCH' }).durable
  const roleOf = async (id: UserId): Promise<string | undefined> =>
    (await test.store.reads.users.find(tenant.orgId, id))?.orgRole
  const teams = (id: UserId) => teamsOf(test, tenant.orgId, id)
  const records = async (count: number): Promise<readonly JsonObject[]> =>
    (await test.store.reads.records.tail(tenant.orgId, count)).map(({ body }) => JSON.parse(body) as JsonObject)
  const people = async (count: number): Promise<UserId[]> => {
    const made: UserId[] = []
    for (let n = 0; n < count; n++) made.push((await tenant.user(`p${n}@example.com`)).id)
    return made
  }

  it('give the people of a group they name a role in another team, an org role and a seat', async () => {
    const [ann, bob] = (await people(2)) as [UserId, UserId]
    const research = await group('research')
    const feeding = await group('ML-Research', [ann])
    const made = await rule(
      named('ml-research', { team: 'Research', role: 'admin' }, { orgRole: 'viewer' }, { seat: 'weave', type: 'none' }),
    )
    expect(await teams(ann)).to.deep.equal([`${research} viewer`, `${feeding} viewer`].sort())
    expect(await roleOf(ann)).to.equal('viewer')
    expect(await seatsOf(test, tenant.orgId, ann)).to.deep.equal({ models: 'viewer', weave: 'none' })
    expect(await teams(bob)).to.deep.equal([])
    const [record] = await records(1)
    expect(record).to.deep.include({ action: 'rule.create' })
    expect(record?.['targets']).to.deep.equal([{ type: 'rule', id: made.id, display: 'name ml-research' }])
    const effects = record?.['effects'] as readonly { kind: string; via: string }[]
    expect(effects.find(({ kind }) => kind === 'org_role')?.via).to.equal(`rule:${made.id}/${feeding}`)
  })

  it('give what they say to who joins later, and take it from who leaves', async () => {
    const [ann] = (await people(1)) as [UserId]
    const target = await group('target')
    const feeding = await group('feeding')
    await rule(named('feeding', { team: target, role: 'viewer' }, { orgRole: 'viewer' }))
    await patch(feeding, { steps: [{ do: 'add', members: [{ value: ann }] }] })
    expect(await roleOf(ann)).to.equal('viewer')
    expect(await teams(ann)).to.have.length(2)
    await patch(feeding, { steps: [{ do: 'remove', members: [{ value: ann }] }] })
    expect(await roleOf(ann)).to.equal('member')
    expect(await teams(ann)).to.deep.equal([])
  })

  it('match by pattern and by externalId of one identity provider, and never a group nobody owns', async () => {
    const [ann, bob, cid] = (await people(3)) as [UserId, UserId, UserId]
    await group('Eng-Platform', [ann])
    await group('other', [bob], { externalId: 'ext-1' })
    const script = await tenant.connect('script', 'script')
    const mine = { displayName: 'eng-by-hand', externalId: undefined, members: [{ value: cid }] }
    await createGroup(tenant.provisioning, script, mine).durable
    await rule({ match: { kind: 'glob', value: 'eng-*' }, grants: [{ orgRole: 'viewer' }] })
    await rule({
      match: { kind: 'externalId', value: 'ext-1', connection: 'IDP' },
      grants: [{ seat: 'weave', type: 'none' }],
    })
    expect(await roleOf(ann)).to.equal('viewer')
    expect((await seatsOf(test, tenant.orgId, bob))['weave']).to.equal('none')
    expect(await roleOf(cid)).to.equal('member')
  })

  it('are fed by members that an identity provider stated, not by those added by hand', async () => {
    const [ann, bob] = (await people(2)) as [UserId, UserId]
    const feeding = await group('feeding', [ann])
    await rule(named('feeding', { orgRole: 'viewer' }))
    const script = await tenant.connect('script', 'script')
    await patch(feeding, { steps: [{ do: 'add', members: [{ value: bob }] }] }, script)
    expect([await roleOf(ann), await roleOf(bob)]).to.deep.equal(['viewer', 'member'])
    expect(await teams(bob), 'the group’s own team').to.deep.equal([`${feeding} member`])
  })

  it('may be for every person of the org, who then has it from the first moment', async () => {
    const [ann] = (await people(1)) as [UserId]
    const lobby = await group('lobby')
    await rule({ match: { kind: 'everyone' }, grants: [{ team: 'lobby', role: 'viewer' }] })
    const bob = await tenant.user('late@example.com')
    expect(await teams(ann)).to.deep.equal([`${lobby} viewer`])
    expect(await teams(bob.id)).to.deep.equal([`${lobby} viewer`])
    const all = { match: { kind: 'everyone' }, grants: [{ orgRole: 'admin' }] } as const
    expect(await refusal(rule(all))).to.equal('invalid-value rule.invalid')
  })

  it('can lower the default of their own group’s team, and joining a further group lowers nothing', async () => {
    const [ann] = (await people(1)) as [UserId]
    const own = await group('own', [ann])
    await rule(named('own', { team: 'own', role: 'viewer' }))
    expect(await teams(ann)).to.deep.equal([`${own} viewer`])
    await rule(named('second', { team: 'own', role: 'admin' }))
    const second = await group('second', [ann])
    expect(await teams(ann)).to.deep.equal([`${own} admin`, `${second} member`].sort())
    await rule(named('third', { team: 'second', role: 'viewer' }))
    await group('third', [ann])
    expect(await teams(ann)).to.include(`${second} member`)
  })

  it('give way to a value that was set on the person', async () => {
    const ann = await tenant.user('ann@example.com')
    await group('g', [ann.id])
    await rule(named('g', { orgRole: 'viewer' }))
    const wishes = [{ kind: 'org_role', value: 'member' }] as const
    const change = { change: (current: UserState): UserState => ({ ...current, wishes }), method: 'PATCH' } as const
    await changeUser(tenant.provisioning, tenant.idp, ann.id, change).durable
    expect(await roleOf(ann.id)).to.equal('member')
  })

  it('that change or go change at once what they gave; one that says the same keeps its version', async () => {
    const [ann, bob] = (await people(2)) as [UserId, UserId]
    const target = await group('target')
    const [a, b] = [await group('a', [ann]), await group('b', [bob])]
    const draft = named('a', { team: 'target', role: 'admin' })
    const made = await rule(draft)
    const change = async (to: RuleDraft) =>
      changeRule(tenant.provisioning, admin, made.id, { draft: to, method: 'PUT' }).durable
    expect(await change({ ...draft, grants: [{ team: target, role: 'ADMIN' }] })).to.deep.include({ changed: false })
    expect((await change(named('b', { team: 'target', role: 'viewer' }))).value.version).to.equal(2)
    expect(await teams(ann)).to.deep.equal([`${a} member`])
    expect(await teams(bob)).to.deep.equal([`${target} viewer`, `${b} member`].sort())
    await change({ ...named('b', { team: 'target', role: 'viewer' }), enabled: false })
    expect(await teams(bob)).to.deep.equal([`${b} member`])
    const stale = deleteRule(tenant.provisioning, admin, made.id, { ifMatch: ['1'] }).durable
    expect(await refusal(stale)).to.equal('version-mismatch version.stale')
    await deleteRule(tenant.provisioning, admin, made.id, {}).durable
    expect(await refusal(deleteRule(tenant.provisioning, admin, made.id, {}).durable)).to.equal('not-found')
    const ruled = (await actionsOf(test, tenant.orgId)).filter((action) => action.startsWith('rule.'))
    expect(ruled).to.deep.equal(['rule.create', 'rule.update', 'rule.update', 'rule.delete', 'rule.delete'])
  })

  it('grant custom roles, above the built-in role they start from', async () => {
    const [ann] = (await people(1)) as [UserId]
    const target = await group('target')
    await group('a', [ann])
    await group('b', [ann])
    const state = { name: 'Reviewer', description: undefined, base: 'member', permissions: ['run:delete'] } as const
    const role = await createRole(tenant.provisioning, admin, state).durable
    await rule(named('a', { team: 'target', role: 'Reviewer' }))
    await rule(named('b', { team: 'target', role: 'member' }))
    expect(await teams(ann)).to.include(`${target} ${role.id}`)
  })

  it('are refused with the field that is wrong, and nothing is written', async () => {
    await group('real')
    await tenant.connect('script', 'script')
    const wrong: readonly (readonly [RuleDraft, string])[] = [
      [named('g', { team: 'missing', role: 'admin' }), 'grants[0].team'],
      [named('g', { orgRole: 'member' }, { team: 'real', role: 'missing' }), 'grants[1].role'],
      [named('g', { seat: 'missing', type: 'full' }), 'grants[0].seat'],
      [named('g', { seat: 'models', type: 'half' }), 'grants[0].type'],
      [named('g', { orgRole: 'owner' }), 'grants[0].orgRole'],
      [named('g', { orgRole: 'member' }, { orgRole: 'admin' }), 'grants[1]'],
      [named('g'), 'grants'],
      [named(' ', { orgRole: 'member' }), 'match.value'],
      [{ match: { kind: 'externalId', value: 'x' }, grants: [{ orgRole: 'member' }] }, 'match.connection'],
      [
        { match: { kind: 'name', value: 'x', connection: 'nobody' }, grants: [{ orgRole: 'member' }] },
        'match.connection',
      ],
      [
        { match: { kind: 'name', value: 'x', connection: 'script' }, grants: [{ orgRole: 'member' }] },
        'match.connection',
      ],
      [{ match: { kind: 'everyone' }, directoryOnly: true, grants: [{ orgRole: 'member' }] }, 'directoryOnly'],
      [{ ...named('g', { orgRole: 'member' }), name: 'a\nb' }, 'name'],
    ]
    const before = await actionsOf(test, tenant.orgId)
    for (const [draft, path] of wrong) {
      const error = await rule(draft).catch((caught: unknown) => caught)
      expect(error, path).to.include({ code: 'invalid-value' })
      expect((error as Error).message, path).to.include(path)
      expect((error as { params: JsonObject }).params, path).to.deep.equal({ path })
    }
    expect(await test.store.reads.rules.list(tenant.orgId)).to.deep.equal([])
    expect(await actionsOf(test, tenant.orgId)).to.deep.equal(before)
  })

  it('are one to a match, whatever its case, and the refusal names the holder', async () => {
    const { id } = await rule(named('g', { orgRole: 'member' }))
    const again = await rule(named('G', { orgRole: 'viewer' })).catch((caught: unknown) => caught)
    expect(again).to.include({ code: 'uniqueness', reason: 'rule.match-taken' })
    expect((again as Error).message).to.include(id)
    expect(
      await refusal(createRule(tenant.provisioning, tenant.idp, named('h', { orgRole: 'admin' })).durable),
    ).to.equal('forbidden rule.not-allowed')
  })

  it('are asked again when a group is renamed, with the rename as the cause in the log', async () => {
    const [ann] = (await people(1)) as [UserId]
    const { id } = await rule(named('new name', { orgRole: 'viewer' }))
    const feeding = await group('old name', [ann])
    expect(await roleOf(ann)).to.equal('member')
    await patch(feeding, { displayName: 'New Name', steps: [] })
    expect(await roleOf(ann)).to.equal('viewer')
    const [record] = await records(1)
    expect(record?.['steps']).to.deep.equal([{ name: 'rules', cause: 'group.rename', begun: [id], ended: [] }])
    await patch(feeding, { displayName: 'NEW NAME', steps: [] })
    expect(await roleOf(ann)).to.equal('viewer')
    await patch(feeding, { displayName: 'another', steps: [] })
    expect(await roleOf(ann)).to.equal('member')
  })

  it('hold a team for people outside its group until it is deleted, and again when it is pushed again', async () => {
    const [ann, bob] = (await people(2)) as [UserId, UserId]
    const target = await group('target', [bob])
    const feeding = await group('feeding', [ann])
    await rule(named('feeding', { team: 'target', role: 'admin' }))
    expect(await teams(ann)).to.include(`${target} admin`)
    await deleteGroup(tenant.provisioning, tenant.idp, target, DELETE).durable
    expect(await teams(ann)).to.deep.equal([`${feeding} member`])
    expect(await group('target')).to.equal(target)
    expect(await teams(ann)).to.include(`${target} admin`)
    expect(await teams(bob)).to.deep.equal([])
  })

  it('keep groups without a team of their own while one says so, and the team is made when none does', async () => {
    const [ann] = (await people(1)) as [UserId]
    const draft: RuleDraft = { match: { kind: 'glob', value: 'dir-*' }, directoryOnly: true, grants: [] }
    const made = await rule(draft)
    const listed = await group('dir-one', [ann])
    const renamed = await group('dir-two', [ann])
    expect(await teams(ann)).to.deep.equal([])
    expect((await records(1))[0]?.['targets']).to.have.length(1)
    await patch(renamed, { displayName: 'team two', steps: [] })
    expect(await teams(ann)).to.deep.equal([`${renamed} member`])
    await patch(renamed, { displayName: 'dir-two', steps: [] })
    expect(await teams(ann), 'a team that is there stays').to.deep.equal([`${renamed} member`])
    await changeRule(tenant.provisioning, admin, made.id, {
      draft: { ...draft, directoryOnly: false, grants: [{ orgRole: 'member' }] },
      method: 'PUT',
    }).durable
    expect(await teams(ann)).to.deep.equal([`${listed} member`, `${renamed} member`].sort())
  })

  it('guard groups whose people they make admins: no connection without the right may touch one', async () => {
    const [ann, bob] = (await people(2)) as [UserId, UserId]
    const guarded = await group('admins', [ann])
    const plain = await group('plain', [bob])
    await rule(named('admins', { orgRole: 'admin' }))
    await rule({ match: { kind: 'externalId', value: 'adm', connection: 'idp' }, grants: [{ orgRole: 'admin' }] })
    await rule(named('roots', { orgRole: 'admin' }))
    expect(await roleOf(ann)).to.equal('admin')
    const add = { do: 'add', members: [{ value: bob }] } as const
    const refused = 'forbidden group.protected'
    expect(await refusal(patch(guarded, { steps: [add] }))).to.equal(refused)
    expect(await refusal(patch(guarded, { steps: [{ do: 'removeAll' }] }))).to.equal(refused)
    expect(await refusal(patch(guarded, { displayName: 'harmless', steps: [] }))).to.equal(refused)
    expect(await refusal(patch(plain, { displayName: 'Roots', steps: [] }))).to.equal(refused)
    expect(await refusal(patch(plain, { externalId: 'adm', steps: [] }))).to.equal(refused)
    expect(await refusal(group('roots', [bob]))).to.equal(refused)
    expect(await refusal(deleteGroup(tenant.provisioning, tenant.idp, guarded, DELETE).durable)).to.equal(refused)
    const script = await tenant.connect('script', 'script')
    expect(await refusal(patch(guarded, { steps: [add] }, script))).to.equal(refused)
    // What is there already is no change.
    await patch(guarded, { displayName: 'admins', steps: [{ do: 'add', members: [{ value: ann }] }] })
    expect(await roleOf(bob)).to.equal('member')
    const trusted = { ...tenant.idp, connection: { ...tenant.idp.connection!, mayGrantAdmin: true } }
    await patch(guarded, { steps: [add] }, trusted)
    expect(await roleOf(bob)).to.equal('admin')
  })

  it('never take the last admin: changing, deleting or unowning what made them is refused, and all stays', async () => {
    const [ann] = (await people(1)) as [UserId]
    await group('admins', [ann])
    const made = await rule(named('admins', { orgRole: 'admin' }))
    const last = 'last-admin admin.last'
    expect(await refusal(deleteRule(tenant.provisioning, admin, made.id, {}).durable)).to.equal(last)
    const demoted = { draft: named('admins', { orgRole: 'member' }), method: 'PUT' } as const
    expect(await refusal(changeRule(tenant.provisioning, admin, made.id, demoted).durable)).to.equal(last)
    const revoked = revokeConnection(tenant.provisioning, operation(), tenant.orgId, tenant.idp.connection!.id).durable
    expect(await refusal(revoked)).to.equal(last)
    expect(await roleOf(ann)).to.equal('admin')
    expect(await test.store.reads.rules.find(tenant.orgId, made.id)).to.deep.equal(made)
  })

  it('are for groups of a connection until it is revoked', async () => {
    const [ann] = (await people(1)) as [UserId]
    await group('g', [ann])
    await rule(named('g', { orgRole: 'viewer' }))
    await revokeConnection(tenant.provisioning, operation(), tenant.orgId, tenant.idp.connection!.id).durable
    expect(await roleOf(ann)).to.equal('member')
  })

  it('change the access of more than 1,000 people by a job, but that of org admins at once', async function () {
    this.timeout(120_000)
    const all = (await tenant.people(1_003, 'many')).map(({ id }) => id)
    const [boss, other] = all as [UserId, UserId]
    await rule(named('bosses', { orgRole: 'admin' }))
    const trusted = { ...tenant.idp, connection: { ...tenant.idp.connection!, mayGrantAdmin: true } }
    const bosses = { displayName: 'bosses', externalId: undefined, members: [{ value: boss }] }
    await createGroup(tenant.provisioning, trusted, bosses).durable
    const trustedOther = { displayName: 'more bosses', externalId: undefined, members: [{ value: other }] }
    await createGroup(tenant.provisioning, trusted, trustedOther).durable
    await rule(named('more bosses', { orgRole: 'admin' }))
    const target = await group('target')
    await group('all', all)
    await tenant.jobs()
    const made = await rule(named('all', { team: target, role: 'viewer' }, { seat: 'weave', type: 'none' }))
    const [record] = await records(1)
    expect(record, 'admins').to.deep.include({ action: 'rule.create' })
    const effects = record?.['effects'] as readonly { kind: string; people: readonly string[] }[]
    expect(effects.find(({ kind }) => kind === 'team')?.people).to.have.members([boss, other])
    await tenant.jobs()
    const holders = await test.connections.reader
      .selectFrom('team_membership')
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .where('org_id', '=', tenant.orgId)
      .where('team_id', '=', target)
      .executeTakeFirstOrThrow()
    expect(holders.n).to.equal(1_003)
    const applied = (await records(30)).filter(({ cause }) => cause === record?.['id'])
    expect(applied, 'batches of 100').to.have.length(11)
    expect(applied.every(({ outcome }) => (outcome as JsonObject)['reason'] === 'rule.create')).to.equal(true)
    const causes = applied.flatMap(({ effects: done }) => done as readonly { via: string; people: string[] }[])
    expect(causes.every(({ via }) => via.startsWith(`rule:${made.id}/`))).to.equal(true)
  })
})
