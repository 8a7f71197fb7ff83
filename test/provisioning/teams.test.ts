import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import type { GroupId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { readStorageBucket } from '../../src/domain/team.ts'
import type { User } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeTeam, type TeamPlan } from '../../src/provisioning/change-team.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { removeTeamMember } from '../../src/provisioning/team-members.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'
import { teamActs } from './team-acts.ts'

const PATCH = { method: 'PATCH' } as const

forEachDialect('teams', (dialect) => {
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

  const change = (id: GroupId, plan: TeamPlan, caller = operator) =>
    changeTeam(tenant.provisioning, caller, id, { plan }).durable
  const remove = (id: GroupId, plan: { readonly person: string; readonly successor?: string }, caller = operator) =>
    removeTeamMember(tenant.provisioning, caller, id, plan).durable
  const settings = (changes: JsonObject) =>
    changeOrgSettings(tenant.provisioning, operator, { settings: changes }).durable
  const teams = (user: User) => teamsOf(test, tenant.orgId, user.id)
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject
  const find = (id: GroupId) => test.store.reads.teams.find(tenant.orgId, id)

  describe('made by hand', () => {
    it('have a group of the same id and name, which an identity provider finds', async () => {
      const team = await create({ name: 'Research', hidden: true })
      const group = await test.store.reads.groups.find(tenant.orgId, team.id)
      expect(group).to.include({ displayName: 'Research', owner: undefined, version: team.version })
      expect(await find(team.id)).to.deep.equal(team)
      expect(team).to.include({ defaultRole: 'member', hidden: true, inviters: 'admins' })
      const { action, targets } = await lastRecord()
      expect([action, (targets as JsonObject[]).map(({ type }) => type)]).to.deep.equal([
        'team.create',
        ['team', 'group'],
      ])
    })

    it('have one live name in an org, also beside pushed groups, and a name that can be shown', async () => {
      await push('Research', [])
      expect(await refusal(create({ name: 'RESEARCH' }))).to.equal('uniqueness group.name-taken')
      for (const name of ['', ' ', 'a\u0007b', 'x'.repeat(257)]) {
        expect(await refusal(create({ name })), JSON.stringify(name)).to.equal('invalid-value')
      }
    })

    it('are made by members only where a setting lets them, who are then their admins', async () => {
      const member = personOf(tenant.orgId, ann)
      expect(await refusal(create({ name: 'Own' }, member))).to.equal('forbidden team.not-allowed')
      expect(await refusal(create({ name: 'Own' }, tenant.idp))).to.equal('forbidden team.not-allowed')
      await settings({ membersMayCreateTeams: true })
      const team = await create({ name: 'Own' }, member)
      expect([team.memberCount, await teams(ann)]).to.deep.equal([1, [`${team.id} admin`]])
      const bucket = { name: 'Other', storage: { name: 'b', provider: 'AWS' } }
      expect(await refusal(create(bucket, member))).to.equal('forbidden right.org-admin')
      const wishes = [{ kind: 'org_role', value: 'viewer' }] as const
      await changeUser(tenant.provisioning, tenant.idp, bob.id, {
        ...{ method: 'PATCH', change: (state) => ({ ...state, wishes }) },
      }).durable
      const viewer = personOf(tenant.orgId, bob)
      expect(await refusal(create({ name: 'Mine' }, viewer))).to.equal('forbidden team.not-allowed')
    })
  })

  describe('settings', () => {
    it("are changed by the team's admins, but for its name and bucket, and by nobody else", async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      await add(id, { person: bob.id })
      const [admin, member, outsider] = [ann, bob, cy].map((user) => personOf(tenant.orgId, user))
      const plan: TeamPlan = { hidden: true, inviters: 'members', defaultRole: 'viewer' }
      const storage = { name: 'b', provider: 'AWS' }
      expect((await change(id, plan, admin)).value).to.include(plan)
      expect(await refusal(change(id, { name: 'Other' }, admin))).to.equal('forbidden right.org-admin')
      expect(await refusal(change(id, { storage }, admin))).to.equal('forbidden right.org-admin')
      expect(await refusal(change(id, { hidden: false }, member))).to.equal('forbidden right.team-admin')
      expect(await refusal(change(id, { hidden: false }, outsider))).to.equal('not-found')
      expect((await change(id, { name: 'Other', storage })).value).to.deep.include({ name: 'Other', storage })
      expect((await change(id, { storage: null })).value.storage).to.equal(undefined)
      expect(await change(id, {})).to.include({ changed: false })
    })

    it('are refused with the version of a state that is gone (RFC 9110 §13.1.1)', async () => {
      const { id } = await create({ name: 'Lab' })
      await change(id, { hidden: true })
      const late = changeTeam(tenant.provisioning, operator, id, { plan: { hidden: false }, ifMatch: ['1'] })
      expect(await refusal(late.durable)).to.equal('version-mismatch version.stale')
    })

    it('give a new default role to all members who have no other', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id })
      await add(id, { person: bob.id, role: 'admin' })
      await change(id, { defaultRole: 'Viewer' })
      expect([await teams(ann), await teams(bob)]).to.deep.equal([[`${id} viewer`], [`${id} admin`]])
      const role = await createRole(tenant.provisioning, operator, {
        ...{ name: 'Own', description: undefined, base: 'member', permissions: ['run:delete'] },
      }).durable
      await change(id, { defaultRole: 'Own' })
      expect(await teams(ann)).to.deep.equal([`${id} ${role.id}`])
      expect(await refusal(change(id, { defaultRole: 'nobody' }))).to.equal('invalid-value')
      expect(await refusal(change(id, { defaultRole: 'admin' }))).to.equal('invalid-value')
    })

    it('take a storage bucket as W&B does: name and a provider in upper case are required', () => {
      const bucket = { name: 'b', provider: 'GCP', path: 'p', kmsKeyId: '' }
      expect(readStorageBucket(bucket)).to.deep.equal({ name: 'b', provider: 'GCP', path: 'p' })
      const wrong: readonly JsonObject[] = [
        { provider: 'GCP' },
        { name: 'b' },
        { name: 'b', provider: 'gcp' },
        { name: 'b', provider: 'AWS', path: 1 },
        { name: 'b', provider: 'AWS', region: 'x' },
      ]
      for (const value of wrong) expect(() => readStorageBucket(value), JSON.stringify(value)).to.throw('storageBucket')
      expect(() => readStorageBucket({ name: 'b', provider: 'IBM' })).to.throw('COREWEAVE, AWS, AZURE, GCP, MINIO')
    })
  })

  describe('members by hand', () => {
    it('are named by id, userName or e-mail address, in any case, and by nothing else', async () => {
      const { id } = await create({ name: 'Lab' })
      for (const person of [bob.id, 'CY', 'ANN@example.com']) await add(id, { person })
      for (const user of [ann, bob, cy]) expect(await teams(user)).to.deep.equal([`${id} member`])
      expect(await find(id)).to.include({ memberCount: 3 })
      const listed = await test.store.reads.teams.members(tenant.orgId, id, undefined, 10)
      expect(listed.map(({ userName, role, origins }) => [userName, role, origins.join()])).to.have.deep.members([
        ['ann', 'member', 'manual'],
        ['bob', 'member', 'manual'],
        ['cy', 'member', 'manual'],
      ])
      await tenant.user('ann2', { attributes: { emails: [{ value: 'ann@example.com', primary: true }] } })
      expect(await refusal(add(id, { person: 'ann@example.com' }))).to.equal('invalid-value member.ambiguous')
    })

    it('are refused to a team admin who names somebody outside the organization', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      const elsewhere = await foundTenant(test)
      const stranger = await elsewhere.user('stranger')
      for (const person of ['nobody', stranger.id, 'stranger']) {
        const refused = add(id, { person }, personOf(tenant.orgId, ann))
        expect(await refusal(refused)).to.equal('invalid-value member.not-in-org')
        await refused.catch((error: unknown) => {
          expect((error as Error).message).to.contain('invite them to the organization first')
        })
      }
    })

    it('are refused where an identity provider manages the team; the refusal names the group and its connection', async () => {
      const group = await push('Pushed', [ann])
      const refused = add(group.id, { person: bob.id })
      expect(await refusal(refused)).to.equal('invalid-value team.managed')
      await refused.catch((error: unknown) => {
        expect((error as Error).message)
          .to.contain('"Pushed"')
          .and.to.contain(group.id)
      })
      expect(await refusal(remove(group.id, { person: ann.id }))).to.equal('invalid-value team.managed')
      expect(await refusal(change(group.id, { name: 'Mine' }))).to.equal('invalid-value team.managed')
      await settings({ scriptMayAddToIdpTeams: true })
      await add(group.id, { person: bob.id })
      expect(await teams(bob)).to.deep.equal([`${group.id} member`])
      await remove(group.id, { person: bob.id })
      // A role is nothing the group states.
      await give(group.id, { person: ann.id, role: 'admin' })
      expect(await teams(ann)).to.deep.equal([`${group.id} admin`])
    })

    it('are added by members where the team lets them, with no role above their own', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id })
      const member = personOf(tenant.orgId, ann)
      expect(await refusal(add(id, { person: bob.id }, member))).to.equal('forbidden right.team-admin')
      await change(id, { inviters: 'members' })
      expect(await refusal(add(id, { person: bob.id, role: 'admin' }, member))).to.equal('forbidden role.above-own')
      await createRole(tenant.provisioning, operator, {
        ...{ name: 'Wide', description: undefined, base: 'member', permissions: ['run:delete'] },
      }).durable
      expect(await refusal(add(id, { person: bob.id, role: 'Wide' }, member))).to.equal('forbidden role.above-own')
      await add(id, { person: bob.id, role: 'viewer' }, member)
      expect(await teams(bob)).to.deep.equal([`${id} viewer`])
      // Who is in the team already has a role that its admins decide on.
      expect(await refusal(add(id, { person: bob.id, role: 'member' }, member))).to.equal('forbidden right.team-admin')
      expect(await refusal(add(id, { person: cy.id }, personOf(tenant.orgId, bob)))).to.equal(
        'forbidden right.team-admin',
      )
    })

    it("have custom roles from their team's admins, within what these may do", async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      await add(id, { person: bob.id })
      const role = await createRole(tenant.provisioning, operator, {
        ...{ name: 'Wide', description: undefined, base: 'viewer', permissions: ['run:delete', 'team:update'] },
      }).durable
      await give(id, { person: bob.id, role: 'Wide' }, personOf(tenant.orgId, ann))
      expect(await teams(bob)).to.deep.equal([`${id} ${role.id}`])
      expect(await refusal(give(id, { person: cy.id, role: 'Wide' }, personOf(tenant.orgId, ann)))).to.equal(
        'invalid-value member.not-in-team',
      )
      expect((await give(id, { person: bob.id, role: null })).role).to.equal('member')
      expect(await give(id, { person: bob.id, role: null })).to.include({ changed: false })
    })

    it('lose an explicit role with their last way into the team, and do not get it back when they are added again', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      expect(await remove(id, { person: ann.id })).to.deep.equal({ user: ann.id, role: undefined, changed: true })
      await add(id, { person: ann.id })
      expect(await teams(ann)).to.deep.equal([`${id} member`])
      const group = await push('Pushed', [bob])
      await give(group.id, { person: bob.id, role: 'admin' })
      for (const step of ['remove', 'add'] as const) {
        const steps = [{ do: step, members: [{ value: bob.id }] }]
        await changeGroup(tenant.provisioning, tenant.idp, group.id, { plan: { steps }, ...PATCH }).durable
      }
      expect(await teams(bob)).to.deep.equal([`${group.id} member`])
    })

    it('leave by themselves, and nobody else does it for them but admins', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id })
      await add(id, { person: bob.id })
      expect(await refusal(remove(id, { person: ann.id }, personOf(tenant.orgId, bob)))).to.equal(
        'forbidden right.team-admin',
      )
      await remove(id, { person: 'ANN' }, personOf(tenant.orgId, ann))
      expect(await teams(ann)).to.deep.equal([])
      expect(await remove(id, { person: ann.id })).to.include({ changed: false })
    })

    it('keep the last admin of a team from demoting or removing themself without naming another', async () => {
      const { id } = await create({ name: 'Lab' })
      await add(id, { person: ann.id, role: 'admin' })
      await add(id, { person: bob.id })
      const self = personOf(tenant.orgId, ann)
      for (const role of ['member', null]) {
        expect(await refusal(give(id, { person: ann.id, role }, self))).to.equal('last-admin team.last-admin')
      }
      expect(await refusal(remove(id, { person: ann.id }, self))).to.equal('last-admin team.last-admin')
      expect(await refusal(remove(id, { person: ann.id, successor: cy.id }, self))).to.equal(
        'invalid-value member.not-in-team',
      )
      await remove(id, { person: ann.id, successor: 'bob' }, self)
      expect([await teams(ann), await teams(bob)]).to.deep.equal([[], [`${id} admin`]])
      // An admin of the org may leave a team without any.
      await give(id, { person: bob.id, role: 'member' })
      expect(await teams(bob)).to.deep.equal([`${id} member`])
    })
  })

  it('keep what a deactivated member had for their return', async () => {
    const { id } = await create({ name: 'Lab' })
    await add(id, { person: ann.id, role: 'admin' })
    for (const active of [false, true]) {
      await changeUser(tenant.provisioning, tenant.idp, ann.id, {
        ...{ method: 'PATCH', change: (state) => ({ ...state, active }) },
      }).durable
    }
    expect(await teams(ann)).to.deep.equal([`${id} admin`])
  })
})
