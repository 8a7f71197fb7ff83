import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import type { Rule } from '../../src/domain/rule.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteRole } from '../../src/provisioning/delete-role.ts'
import { deleteRule } from '../../src/provisioning/delete-rule.ts'
import { setTeamArchived } from '../../src/provisioning/archive-team.ts'
import { planChange } from '../../src/provisioning/plan-change.ts'
import { explainPerson } from '../../src/provisioning/explain-person.ts'
import type { PlannedChange } from '../../src/provisioning/planned-change.ts'
import { preview, type PreviewPerson, type PreviewSummary } from '../../src/provisioning/preview.ts'
import type { RuleDraft } from '../../src/provisioning/rule-draft.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, operation, problemsOf, refusal, type Tenant } from '../support/tenant.ts'

const at = { ord: 1, version: 1, created: 0, updated: 0 }

forEachDialect('explaining and previewing access', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let admin: Caller
  let trusted: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    admin = { ...operation(), orgId: tenant.orgId, connection: undefined }
    trusted = { ...tenant.idp, connection: { ...tenant.idp.connection!, mayGrantAdmin: true } }
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const group = async (displayName: string, people: readonly UserId[] = []) => {
    const members = people.map((value) => ({ value }))
    return (await createGroup(tenant.provisioning, trusted, { displayName, externalId: undefined, members }).durable).id
  }
  const rule = (draft: RuleDraft): Promise<Rule> => createRule(tenant.provisioning, admin, draft).durable
  const named = (value: string, ...grants: RuleDraft['grants']): RuleDraft => ({
    match: { kind: 'name', value },
    grants,
  })
  const explained = (id: UserId) => explainPerson(test.store.reads, tenant.orgId, id)
  const previewed = async (change: PlannedChange) => {
    const people: PreviewPerson[] = []
    let summary: PreviewSummary | undefined
    for await (const event of preview(test.store.reads, tenant.orgId, change)) {
      if (event.type === 'person') people.push(event)
      if (event.type === 'summary') summary = event
    }
    return { people, summary: summary! }
  }

  it('names the groups that only hold a group the person is in, at any depth, and that they give nothing', async () => {
    const { id } = await tenant.user('ann')
    const nest = async (displayName: string, ...inner: readonly GroupId[]) => {
      const draft = { displayName, externalId: undefined, members: inner.map((value) => ({ value })) }
      return (await createGroup(tenant.provisioning, trusted, draft).durable).id
    }
    const inner = await group('Inner', [id])
    const middle = await nest('Middle', inner)
    const outer = await nest('Outer', middle, inner)
    const link = (holder: GroupId, name: string, through: GroupId, throughName: string) => ({
      ...{ group: holder, name },
      ...{ through, throughName },
    })
    const found = await explained(id)
    expect(found.nested).to.deep.equal([
      link(middle, 'Middle', inner, 'Inner'),
      link(outer, 'Outer', inner, 'Inner'),
      link(outer, 'Outer', middle, 'Middle'),
    ])
    expect(found.values.filter(({ kind }) => kind === 'team_role').map(({ target }) => target)).to.deep.equal([inner])
    const steps = [{ do: 'add', members: [{ value: inner }] }] as const
    const ring = await group('Ring', [id])
    await changeGroup(tenant.provisioning, trusted, ring, { plan: { steps }, method: 'PATCH' }).durable
    await deleteGroup(tenant.provisioning, trusted, middle, { method: 'DELETE' }).durable
    expect((await explained(id)).nested).to.deep.equal([link(outer, 'Outer', inner, 'Inner')])
  })

  it('names for each value what gave it, and what lost to it', async () => {
    const ann = await tenant.user('ann@example.com')
    const target = await group('Target', [ann.id])
    const feeding = await group('Feeding', [ann.id])
    const made = await rule({
      ...named('feeding', { team: target, role: 'admin' }, { orgRole: 'viewer' }),
      name: 'Ops',
    })
    const lower = await rule(named('target', { orgRole: 'member' }))
    const found = await explained(ann.id)
    expect(found).to.include({ userName: 'ann@example.com', status: 'active', pending: false })
    const orgRole = found.values.find(({ kind }) => kind === 'org_role')
    expect(orgRole).to.include({ value: 'member', held: 'member' })
    expect(orgRole?.by).to.deep.equal({
      ...{ kind: 'rule', rule: lower.id, group: target },
      text: 'rule "name target" through the group Target',
    })
    expect(orgRole?.losers.map(({ value, by }) => [value, by.text])).to.deep.equal([
      ['viewer', 'rule "Ops" through the group Feeding'],
      ['member', 'default of the organization'],
    ])
    const team = found.values.find(({ targetName }) => targetName === 'Target')
    expect(team).to.deep.include({ value: 'admin', held: 'admin', capped: null })
    expect(team?.by).to.include({ rule: made.id, group: feeding })
    expect(team?.losers.map(({ by }) => by.text)).to.deep.equal(['member of the group Target'])
  })

  it('shows what a viewer of the organization would have, and roles that stand equally high', async () => {
    const ann = await tenant.user('ann@example.com')
    const target = await group('Target')
    await group('Feeding', [ann.id])
    await group('Other', [ann.id])
    const state = { description: undefined, base: 'member' } as const
    const [one, two] = [
      await createRole(tenant.provisioning, admin, { ...state, name: 'One', permissions: ['run:delete'] }).durable,
      await createRole(tenant.provisioning, admin, { ...state, name: 'Two', permissions: ['report:delete'] }).durable,
    ]
    await rule(named('feeding', { team: target, role: one.id }))
    await rule(named('other', { team: target, role: two.id }))
    const [lower, higher] = one.id < two.id ? [one, two] : [two, one]
    const inTarget = async () => (await explained(ann.id)).values.find(({ targetName }) => targetName === 'Target')
    expect(await inTarget()).to.deep.include({ value: lower.name, ties: [higher.name] })
    const made = await rule({ match: { kind: 'everyone' }, grants: [{ orgRole: 'viewer' }] })
    expect(await inTarget()).to.deep.include({ value: 'viewer', capped: lower.name })
    const again = await previewed({ kind: 'rules', before: [made], after: [] })
    expect(again.summary.ties).to.deep.equal([{ team: target, roles: [one.id, two.id].sort().join(' and ') }])
  })

  it('tells before a rule is saved who gains and who loses, and saving it does just that', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, (_, n) => tenant.user(`p${n}`)))
    const [ann, bob] = people.map(({ id }) => id) as [UserId, UserId]
    const target = await group('target')
    await group('a', [ann])
    await group('b', [bob])
    const before = await rule(named('a', { team: 'target', role: 'member' }, { orgRole: 'admin' }))
    const after: Rule = {
      ...before,
      match: { kind: 'name', value: 'b', connection: undefined },
    }
    const { people: changed, summary } = await previewed({ kind: 'rules', before: [before], after: [after] })
    const changesOf = (id: UserId) =>
      changed.find((person) => person.id === id)?.changes.map(({ kind, old, new: now }) => [kind, old, now])
    expect(changesOf(ann)).to.deep.equal([
      ['org_role', 'admin', 'member'],
      ['team', 'member', null],
    ])
    expect(changesOf(bob)).to.deep.equal([
      ['org_role', 'member', 'admin'],
      ['team', null, 'member'],
    ])
    expect(summary).to.include({ touched: 2, changed: 2, gaining: 1, losing: 1, adminsBefore: 1, adminsAfter: 1 })
    expect(summary.warnings).to.deep.equal([
      'The rule "name b" protects groups whose connection may not grant admin and can no longer change them: b',
    ])
    const draft = named('b', { team: target, role: 'member' }, { orgRole: 'admin' })
    await changeRule(tenant.provisioning, admin, before.id, { draft, method: 'PUT' }).durable
    expect((await previewed({ kind: 'rules', before: [before], after: [after] })).people).to.deep.equal([])
  })

  it('warns of rules that match nothing, everything or everybody, and of the last admin', async () => {
    const ann = await tenant.user('ann')
    await group('a', [ann.id])
    await group('b')
    const made = await rule(named('a', { orgRole: 'admin' }))
    const gone = await previewed({ kind: 'rules', before: [made], after: [] })
    expect(gone.summary).to.include({ adminsBefore: 1, adminsAfter: 0 })
    expect(gone.summary.warnings).to.deep.equal([
      'The organization would have no admin left: saving this will be refused',
    ])
    const planned = (kind: Rule['match']['kind'], value: string): Rule => ({
      ...{ ...at, id: made.id, name: '', directoryOnly: false, enabled: true },
      match: { kind, value, connection: undefined },
      grants: [{ kind: 'org_role', target: '', value: 'member' }],
    })
    const warned = async (next: Rule) =>
      (await previewed({ kind: 'rules', before: [], after: [next] })).summary.warnings.map((text) => text.slice(9))
    expect(await warned(planned('name', 'missing'))).to.include(
      '"name missing" matches no group of an identity provider',
    )
    expect(await warned(planned('glob', '*'))).to.include('"glob *" matches every group of an identity provider')
    expect(await warned(planned('everyone', ''))).to.include('"everyone" is for every person of the organization')
  })

  it('asks what becomes of teams whose groups are to have none, and archives them as it said it would', async () => {
    const [ann, bob] = [await tenant.user('ann'), await tenant.user('bob')]
    const [one, two] = [await group('dir-one', [ann.id]), await group('other', [bob.id])]
    await setTeamArchived(tenant.provisioning, admin, await group('dir-old', [ann.id]), { archived: true }).durable
    const draft: RuleDraft = { match: { kind: 'glob', value: 'dir-*' }, directoryOnly: true, grants: [] }
    const planned = async (existingTeams?: 'keep' | 'archive') => {
      const stated = { kind: 'rule', id: undefined, draft: { ...draft, existingTeams } } as const
      return previewed(await planChange(tenant.provisioning, tenant.orgId, stated).durable)
    }
    const kept = await planned()
    expect(kept.people).to.deep.equal([])
    expect(kept.summary.warnings.join()).to.include('stay unless they are archived with it').and.include('dir-one')
    const foreseen = await planned('archive')
    expect(foreseen.summary.warnings.join()).to.include('are archived with it')
    expect(foreseen.people.map(({ id, changes }) => [id, changes])).to.deep.equal([
      [ann.id, [{ kind: 'team', target: one, old: 'member', new: null, via: foreseen.people[0]!.changes[0]!.via }]],
    ])
    const made = await rule({ ...draft, existingTeams: 'archive' })
    const archived = async (id: GroupId) => (await test.store.reads.teams.find(tenant.orgId, id))?.archivedAt
    expect([await archived(one), await archived(two)].map((each) => each !== undefined)).to.deep.equal([true, false])
    expect((await explained(ann.id)).values.filter(({ kind }) => kind === 'team')).to.deep.equal([])
    const [record] = (await test.store.reads.records.tail(tenant.orgId, 1)).map(
      ({ body }) => JSON.parse(body) as object,
    )
    expect(record).to.have.property('action', 'rule.create')
    expect(record).to.have.deep.nested.property('targets.1.id', one)
    // A team that was restored is archived again only where that is asked for again.
    await setTeamArchived(tenant.provisioning, admin, one, { archived: false }).durable
    const again = { method: 'PUT', draft } as const
    expect((await changeRule(tenant.provisioning, admin, made.id, again).durable).changed).to.equal(false)
    const asked = { method: 'PUT', draft: { ...draft, existingTeams: 'archive' } } as const
    expect((await changeRule(tenant.provisioning, admin, made.id, asked).durable).changed).to.equal(true)
    expect(await archived(one)).not.to.equal(undefined)
    expect(await refusal(rule({ ...named('x', { orgRole: 'member' }), existingTeams: 'archive' }))).to.equal(
      'invalid-value',
    )
  })

  it('says of a licence and of new defaults which seats are needed and missing', async () => {
    for (let n = 0; n < 4; n++) await tenant.user(`p${n}`)
    const policy = await test.store.reads.orgs.policy(tenant.orgId)
    const licensed = { ...policy, licence: new Map([['models', new Map([['full' as const, 3]])]]) }
    const { summary } = await previewed({ kind: 'policy', policy: licensed })
    expect(summary.seats.find(({ product, type }) => product === 'models' && type === 'full')).to.deep.equal({
      ...{ product: 'models', type: 'full', usedNow: 4, wantedThen: 4, bought: 3, missing: 1 },
    })
    const lower = await previewed({ kind: 'policy', policy: { ...policy, defaultOrgRole: 'viewer' } })
    expect(lower.summary).to.include({ changed: 4, losing: 4, gaining: 0 })
  })

  it('tells what deleting a custom role comes to, as deleting it does', async () => {
    const ann = await tenant.user('ann')
    await group('target')
    await group('a', [ann.id])
    const state = { name: 'Reviewer', description: undefined, base: 'member', permissions: ['run:delete'] } as const
    const role = await createRole(tenant.provisioning, admin, state).durable
    const made = await rule(named('a', { team: 'target', role: 'Reviewer' }))
    const { people, summary } = await previewed({ kind: 'role', role, to: undefined })
    expect(people[0]?.changes.map(({ old, new: now }) => [old, now])).to.deep.equal([[role.id, 'member']])
    expect(summary.warnings).to.deep.equal(['1 rules name this role and will grant member instead'])
    await deleteRule(tenant.provisioning, admin, made.id, {}).durable
    await deleteRole(tenant.provisioning, admin, role.id, { method: 'DELETE' }).durable
  })
})
