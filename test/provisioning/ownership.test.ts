import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { handOver } from '../../src/provisioning/hand-over.ts'
import { confirmLink, rejectLink } from '../../src/provisioning/link-confirmation.ts'
import { setPersonFlag } from '../../src/provisioning/person-flags.ts'
import { renameOrg } from '../../src/provisioning/rename-org.ts'
import { settleWithheldAdmin } from '../../src/provisioning/withheld-admin.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'

forEachDialect('who owns and links what, and what waits for an admin', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller
  let other: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    other = await tenant.connect('idp', 'other')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const patch = (user: Pick<User, 'id'>, change: (state: UserState) => UserState, caller = tenant.idp) =>
    changeUser(tenant.provisioning, caller, user.id, { method: 'PATCH', change }).durable
  const titled = (title: string) => (state: UserState) => ({ ...state, attributes: { ...state.attributes, title } })
  const named = (userName: string) => (state: UserState) => ({
    ...state,
    attributes: { ...state.attributes, userName },
  })
  const byHand = (userName: string): Promise<User> =>
    createUser(tenant.provisioning, operator, { active: true, externalId: undefined, attributes: { userName } }).durable
  const find = (user: Pick<User, 'id'>) => test.store.reads.users.find(tenant.orgId, user.id)
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject

  it('another connection may read and name what one owns, not write or delete it; the refusal names the owner', async () => {
    const ann = await tenant.user('ann')
    await refusal(patch(ann, titled('x'), other)).then((said) => {
      expect(said).to.equal('forbidden owner.other-connection')
    })
    await patch(ann, titled('x'), other).catch((error: unknown) => {
      expect((error as Error).message).to.contain('"idp"')
    })
    const gone = deleteUser(tenant.provisioning, other, ann.id, { method: 'DELETE' }).durable
    expect(await refusal(gone)).to.equal('forbidden owner.other-connection')
    const draft = { displayName: 'Theirs', externalId: undefined, members: [{ value: ann.id }] }
    const group = await createGroup(tenant.provisioning, other, draft).durable
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${group.id} member`])
  })

  it("an admin hands one person over, who is then the other connection's to change", async () => {
    const ann = await tenant.user('ann', { externalId: 'x-1' })
    const to = other.connection!.id
    const what = { type: 'user', id: ann.id } as const
    const done = await handOver(tenant.provisioning, operator, { to, what }).durable
    expect(done).to.deep.equal({ users: 1, groups: 0 })
    await patch(ann, titled('x'), other)
    expect(await find(ann)).to.include({ owner: to, externalId: 'x-1' })
    expect(await refusal(patch(ann, titled('y')))).to.equal('forbidden owner.other-connection')
    expect(await handOver(tenant.provisioning, operator, { to, what }).durable).to.deep.equal({ users: 0, groups: 0 })
    await handOver(tenant.provisioning, operator, { to: undefined, what }).durable
    expect(await find(ann)).to.include({ owner: undefined, externalId: undefined })
    const script = (await tenant.connect('script', 'script')).connection!.id
    const wrong = handOver(tenant.provisioning, operator, { to: script, what }).durable
    expect(await refusal(wrong)).to.equal('invalid-value owner.cannot-own')
    const member = handOver(tenant.provisioning, personOf(tenant.orgId, ann), { to, what }).durable
    expect(await refusal(member)).to.equal('forbidden right.org-admin')
  })

  it('an admin hands over all that a connection owns; rules about its groups follow the new owner at once', async () => {
    const [ann, bob] = [await tenant.user('ann'), await tenant.user('bob')]
    const members = [{ value: ann.id }, { value: bob.id }]
    const group = await createGroup(tenant.provisioning, tenant.idp, {
      ...{ displayName: 'Staff', externalId: 'g-1', members },
    }).durable
    const lab = await createTeam(tenant.provisioning, operator, { name: 'Lab' }).durable
    const match = { kind: 'name', value: 'Staff', connection: 'idp' } as const
    await createRule(tenant.provisioning, operator, { match, grants: [{ team: 'Lab', role: 'member' }] }).durable
    const both = [`${group.id} member`, `${lab.id} member`].sort()
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal(both)
    const [from, to] = [tenant.idp.connection!.id, other.connection!.id]
    expect(await handOver(tenant.provisioning, operator, { to, what: { allOf: from } }).durable).to.deep.equal({
      ...{ users: 2, groups: 1 },
    })
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${group.id} member`])
    const { action, targets } = await lastRecord()
    expect(action).to.equal('owner.change')
    expect((targets as JsonObject[]).map(({ type }) => type)).to.deep.equal([
      ...['connection', 'connection', 'group', 'user', 'user'],
    ])
    await handOver(tenant.provisioning, operator, { to: from, what: { allOf: to } }).durable
    expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal(both)
  })

  it('is not handed over where the new owner has the same externalId, and nothing of it is', async () => {
    await tenant.user('ann', { externalId: 'same' })
    await tenant.user('bob', { externalId: 'bob' })
    const draft = { active: true, externalId: 'same', attributes: { userName: 'theirs' } }
    await createUser(tenant.provisioning, other, draft).durable
    const what = { allOf: tenant.idp.connection!.id }
    const refused = handOver(tenant.provisioning, operator, { to: other.connection!.id, what }).durable
    expect(await refusal(refused)).to.equal('uniqueness user.external-id-taken')
  })

  it('is linked by the first plain update; POST stays a conflict, DELETE is refused', async () => {
    const ann = await byHand('ann')
    const again = createUser(tenant.provisioning, tenant.idp, {
      ...{ active: true, externalId: 'x', attributes: { userName: 'ann' } },
    }).durable
    expect(await refusal(again)).to.equal('uniqueness user.name-taken')
    const gone = deleteUser(tenant.provisioning, tenant.idp, ann.id, { method: 'DELETE' }).durable
    expect(await refusal(gone)).to.equal('forbidden owner.none')
    await patch(ann, (state) => ({ ...titled('x')(state), externalId: 'x' }))
    expect(await find(ann)).to.include({ owner: tenant.idp.connection!.id, externalId: 'x' })
    const bob = await byHand('bob')
    await patch(bob, (state) => ({ ...state, active: false }))
    expect(await find(bob)).to.include({ status: 'deactivated', owner: tenant.idp.connection!.id })
    const team = await createTeam(tenant.provisioning, operator, { name: 'Lab' }).durable
    const erased = deleteGroup(tenant.provisioning, tenant.idp, team.id, { method: 'DELETE' }).durable
    expect(await refusal(erased)).to.equal('forbidden owner.none')
    const plan = { steps: [{ do: 'add', members: [{ value: ann.id }] }] } as const
    await changeGroup(tenant.provisioning, tenant.idp, team.id, { plan, method: 'PATCH' }).durable
    expect((await test.store.reads.teams.find(tenant.orgId, team.id))?.owner).to.equal(tenant.idp.connection!.id)
  })

  it('waits once for an admin where a link would change who somebody is, who refuses or confirms it', async () => {
    const ann = await byHand('ann')
    for (let retry = 0; retry < 2; retry++) {
      expect(await refusal(patch(ann, named('anna')))).to.equal('forbidden link.unconfirmed')
    }
    const items = await test.store.reads.waiting.links(tenant.orgId)
    expect(items.map(({ subjectId, subjectName, state }) => [subjectId, subjectName, state])).to.deep.equal([
      [ann.id, 'ann', 'waiting'],
    ])
    const link = { connectionId: tenant.idp.connection!.id, subjectType: 'user', subjectId: ann.id } as const
    const decision = { ...operator, link }
    await rejectLink(tenant.provisioning, decision).durable
    expect(await refusal(patch(ann, named('anna')))).to.equal('forbidden link.rejected')
    await confirmLink(tenant.provisioning, decision).durable
    await patch(ann, named('anna'))
    expect((await find(ann))?.attributes.userName).to.equal('anna')
    expect(await test.store.reads.waiting.links(tenant.orgId)).to.deep.equal([])
    expect(await refusal(confirmLink(tenant.provisioning, decision).durable)).to.equal('not-found')
    // Let go and linked anew, it is to be decided anew.
    await handOver(tenant.provisioning, operator, { to: undefined, what: { type: 'user', id: ann.id } }).durable
    expect(await refusal(patch(ann, named('annette')))).to.equal('forbidden link.unconfirmed')
    expect((await test.store.reads.waiting.links(tenant.orgId))[0]).to.include({ state: 'waiting' })
  })

  it('keeps an admin whom a connection may not make as an item, which an admin grants or refuses for good', async () => {
    const roles = [{ value: 'admin' }]
    const [ann, bob] = [await tenant.user('ann'), await tenant.user('bob')]
    const say = (user: User) => patch(user, (state) => ({ ...state, attributes: { ...state.attributes, roles } }))
    await say(ann)
    await say(bob)
    const waiting = await test.store.reads.waiting.withheldAdmins(tenant.orgId)
    expect(waiting.map(({ userName, attribute, state }) => [userName, attribute, state])).to.deep.equal([
      ['ann', 'roles', 'waiting'],
      ['bob', 'roles', 'waiting'],
    ])
    await settleWithheldAdmin(tenant.provisioning, operator, ann.id, 'grant').durable
    expect(await find(ann)).to.include({ orgRole: 'admin' })
    await settleWithheldAdmin(tenant.provisioning, operator, bob.id, 'refuse').durable
    expect(await find(bob)).to.include({ orgRole: 'member' })
    const again = settleWithheldAdmin(tenant.provisioning, operator, bob.id, 'refuse').durable
    expect(await refusal(again)).to.equal('not-found')
    expect((await test.store.reads.waiting.withheldAdmins(tenant.orgId)).map(({ state }) => state)).to.deep.equal([
      'refused',
    ])
  })

  it('has billing admins and auditors by the word of an org admin alone', async () => {
    const ann = await tenant.user('ann')
    const flag = (on: boolean, caller = operator) =>
      setPersonFlag(tenant.provisioning, caller, ann.id, { flag: 'billing_admin', on }).durable
    expect(await refusal(flag(true, personOf(tenant.orgId, ann)))).to.equal('forbidden right.org-admin')
    expect(await refusal(flag(true, tenant.idp))).to.equal('forbidden right.org-admin')
    expect([await flag(true), await flag(true)]).to.deep.equal([true, false])
    expect((await lastRecord())['changes']).to.deep.equal([{ path: 'billingAdmin', old: false, new: true }])
    // Who is billing admin is guarded as an admin is.
    expect(await refusal(patch(ann, named('anna')))).to.equal('forbidden admin.untouchable')
    expect([await flag(false), await flag(false)]).to.deep.equal([true, false])
    const auditor = { flag: 'auditor', on: true } as const
    expect(await setPersonFlag(tenant.provisioning, operator, ann.id, auditor).durable).to.equal(true)
  })

  it('renames an org, unless another has the name', async () => {
    const elsewhere = await foundTenant(test, `taken ${tenant.orgId}`)
    expect(elsewhere.orgId).not.to.equal(tenant.orgId)
    const rename = (name: string, caller = operator) => renameOrg(tenant.provisioning, caller, name).durable
    expect(await refusal(rename(`TAKEN ${tenant.orgId}`))).to.equal('uniqueness org.name-taken')
    expect(await refusal(rename('new', tenant.idp))).to.equal('forbidden right.org-admin')
    for (const name of ['', ' x', 'a\u0007', tenant.orgId, 'x'.repeat(201)]) {
      expect(await refusal(rename(name)), name).to.equal('invalid-value')
    }
    const name = `renamed ${tenant.orgId}`
    expect([await rename(name), await rename(name)]).to.deep.equal([true, false])
    expect((await test.store.reads.orgs.find(name))?.id).to.equal(tenant.orgId)
    const records = await test.store.reads.records.tail(tenant.orgId, 50)
    const renamed = records.filter(({ action, result }) => action === 'org.rename' && result === 'success')
    expect(renamed).to.have.length(1)
  })
})
