import { expect } from 'chai'
import fc from 'fast-check'
import type { Caller } from '../../src/domain/caller.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User } from '../../src/domain/user.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { restoreUser } from '../../src/provisioning/restore-user.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { pair, peopleIn, type ProviderVoice, providerOf } from '../support/sign-ins.ts'
import { actionsOf, foundTenant, problemsOf, refusal, seatsOf, teamsOf, type Tenant } from '../support/tenant.ts'

forEachDialect('who signs in, and as whom', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller
  let idp: ProviderVoice

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    idp = providerOf(tenant)
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const find = (id: UserId) => test.store.reads.users.find(tenant.orgId, id)
  const settle = (settings: JsonObject) => changeOrgSettings(tenant.provisioning, operator, { settings }).durable
  const activate = (user: Pick<User, 'id'>, active: boolean) =>
    changeUser(tenant.provisioning, tenant.idp, user.id, {
      method: 'PATCH',
      change: (state) => ({ ...state, active }),
    }).durable
  const remove = (user: Pick<User, 'id'>) =>
    deleteUser(tenant.provisioning, tenant.idp, user.id, { method: 'DELETE' }).durable
  const mailed = (value: string) => ({ attributes: { emails: [{ value, type: 'work', primary: true }] } })
  const admin = async (userName: string, more: JsonObject = {}): Promise<User> =>
    createUser(tenant.provisioning, operator, {
      ...{ active: true, externalId: undefined, attributes: { ...more, userName } },
      wishes: [{ kind: 'org_role', value: 'admin' }],
    }).durable
  const lastRecords = async (n: number): Promise<readonly JsonObject[]> =>
    (await test.store.reads.records.tail(tenant.orgId, n)).map(({ body }) => JSON.parse(body) as JsonObject)
  const unchangedBy = async (attempt: Promise<unknown>): Promise<string> => {
    const before = await peopleIn(test, tenant.orgId)
    const said = await refusal(attempt)
    expect(await peopleIn(test, tenant.orgId)).to.equal(before)
    return said.replace('forbidden sign-in.', '')
  }

  describe('just in time', () => {
    it("makes a person at the first sign-in with the org's default role and seats, logged with its cause", async () => {
      const { user, way } = await idp.signIn('s-1', { userName: 'ann', email: 'ann@x.example', displayName: 'Ann' })
      expect(way).to.equal('made')
      const ann = (await find(user.id))!
      expect(ann).to.deep.include({ status: 'active', orgRole: 'member', owner: undefined, externalId: undefined })
      expect(ann.attributes).to.deep.equal({
        ...{ userName: 'ann', displayName: 'Ann' },
        emails: [{ value: 'ann@x.example', type: 'work', primary: true }],
      })
      expect(await seatsOf(test, tenant.orgId, user.id)).to.include({ models: 'full' })
      const [login, made] = await lastRecords(2)
      expect([login!['action'], made!['action']]).to.deep.equal(['sso.login', 'sso.jit'])
      expect(made!['cause']).to.equal(login!['id'])
      expect(made!['actor']).to.deep.equal({ type: 'user', id: user.id, issuer: idp.issuer })
      expect(JSON.stringify([login, made])).not.to.match(/ann|s-1/i)
    })

    it('knows the person again by issuer and subject, whatever else of them has changed', async () => {
      const { user } = await idp.signIn('s-1', { userName: 'ann', email: 'ann@x.example' })
      const again = await idp.signIn('s-1', { userName: 'other', email: 'other@y.example', displayName: 'X' })
      expect(again).to.deep.include({ way: 'known' })
      expect(again.user.id).to.equal(user.id)
      expect((await find(user.id))!.attributes.userName).to.equal('ann')
      expect(await actionsOf(test, tenant.orgId).then((all) => all.slice(-3))).to.deep.equal([
        ...['sso.login', 'sso.jit', 'sso.login'],
      ])
    })

    it('S39: makes nobody while the deployment or the org says so, and records the refusal', async () => {
      const off = { provisioningDisabled: true }
      expect(await unchangedBy(idp.signIn('s-1', { email: 'ann@x.example' }, off))).to.equal('provisioning-off')
      const [record] = await lastRecords(1)
      expect(record).to.deep.include({ action: 'sso.refused' })
      expect(record!['outcome']).to.deep.include({ result: 'refused', reason: 'sign-in.provisioning-off' })
      expect(JSON.stringify(record)).not.to.match(/ann|s-1/)
      await settle({ 'signIn.makesPeople': false })
      expect(await unchangedBy(idp.signIn('s-2'))).to.equal('provisioning-off')
      await settle({ 'signIn.makesPeople': true })
      expect((await idp.signIn('s-2')).way).to.equal('made')
    })

    it('S39: the same refusal within an hour is counted, not chained again', async () => {
      const off = { provisioningDisabled: true }
      for (let n = 0; n < 3; n++) expect(await unchangedBy(idp.signIn('s-1', {}, off))).to.equal('provisioning-off')
      const refusals = (await actionsOf(test, tenant.orgId)).filter((action) => action === 'sso.refused')
      expect(refusals).to.have.length(1)
    })

    it('stays within the domains and the claim that the org asks for', async () => {
      await settle({ 'signIn.emailDomains': ['X.example'], 'signIn.requiredClaim': { name: 'roles', value: 'ml' } })
      const good = { email: 'ann@x.example', emailVerified: true, claims: { roles: ['web', 'ml'] } }
      const bad = [
        { ...good, email: 'ann@y.example' },
        { ...good, email: 'ann@x.example.evil.example' },
        { ...good, email: '"a@x.example"@evil.example' },
        { ...good, emailVerified: false },
        { ...good, email: undefined },
      ]
      for (const each of bad) {
        const { email, ...rest } = each
        const said = await unchangedBy(idp.signIn('s-1', email === undefined ? rest : { ...rest, email }))
        expect(said).to.equal('domain-not-allowed')
      }
      for (const claims of [{}, { roles: 'web' }, { roles: ['mlx'] }, { roles: { ml: true } }]) {
        expect(await unchangedBy(idp.signIn('s-1', { ...good, claims }))).to.equal('claim-missing')
      }
      expect((await idp.signIn('s-1', good)).way).to.equal('made')
      expect((await idp.signIn('s-2', { ...good, claims: { roles: 'ml' }, email: 'b@X.EXAMPLE' })).way).to.equal('made')
    })

    it('makes nobody of a name that somebody has, that cannot be one, or that is missing', async () => {
      await tenant.user('ann')
      expect(await unchangedBy(idp.signIn('s-1', { userName: 'ANN' }))).to.equal('name-taken')
      expect(await unchangedBy(idp.signIn('s-1', { userName: 'a\nb' }))).to.equal('unusable-name')
      expect(await unchangedBy(idp.signIn('s-1', { userName: ' ' }))).to.equal('unusable-name')
      const { userName: _none, ...nameless } = idp.proves('s-1')
      const attempt = (more: object) => idp.signIn('s-1', {}, { proved: { ...nameless, ...more } })
      expect(await unchangedBy(attempt({ email: 'u@x.example' }))).to.equal('no-name')
      const { user } = await attempt({ email: 'u@x.example', emailVerified: true })
      expect(user.attributes.userName).to.equal('u@x.example')
    })
  })

  describe('people who are gone', () => {
    it('a deactivated person is not let in, and is again once reactivated', async () => {
      await pair(test, tenant.idp, idp.id)
      const ann = await tenant.user('ann')
      await idp.signIn('ann')
      await activate(ann, false)
      expect(await unchangedBy(idp.signIn('ann'))).to.equal('deactivated')
      expect((await find(ann.id))!.status).to.equal('deactivated')
      await activate(ann, true)
      expect((await idp.signIn('ann')).user.id).to.equal(ann.id)
    })

    it('S39: nobody deactivated comes back under another subject by userName or address', async () => {
      const ann = await tenant.user('ann', mailed('ann@x.example'))
      await activate(ann, false)
      const vouched = { email: 'Ann@X.example', emailVerified: true }
      expect(await unchangedBy(idp.signIn('new', { userName: 'Ann' }))).to.equal('deactivated')
      expect(await unchangedBy(idp.signIn('new', { userName: 'new', ...vouched }))).to.equal('deactivated')
      await pair(test, tenant.idp, idp.id)
      expect(await unchangedBy(idp.signIn('new', { userName: 'ann' }))).to.equal('deactivated')
    })

    it('S39: a deleted person is not made again by the subject they had, nor by the externalId they were pushed with', async () => {
      await pair(test, tenant.idp, idp.id)
      const ann = await tenant.user('ann', { externalId: 'x-ann' })
      const bob = await tenant.user('bob', { externalId: 'x-bob' })
      await idp.signIn('s-ann', { userName: 'ann', externalId: 'x-ann' })
      await remove(ann)
      await remove(bob)
      expect(await unchangedBy(idp.signIn('s-ann', { userName: 'ann' }))).to.equal('deleted')
      expect(await unchangedBy(idp.signIn('s-ann', { userName: 'another' }))).to.equal('deleted')
      expect(await unchangedBy(idp.signIn('s-bob', { userName: 'bob', externalId: 'x-bob' }))).to.equal('deleted')
      const { user } = await restoreUser(tenant.provisioning, operator, ann.id).durable.then(() =>
        idp.signIn('s-ann', { userName: 'ann' }),
      )
      expect(user.id).to.equal(ann.id)
    })

    it('S13: an address that was used again after a deletion gets a new account', async () => {
      const { user: old } = await idp.signIn('old', { userName: 'ann', email: 'ann@x.example', emailVerified: true })
      await deleteUser(tenant.provisioning, operator, old.id, { method: 'DELETE' }).durable
      const { user, way } = await idp.signIn('new', { userName: 'ann', email: 'ann@x.example', emailVerified: true })
      expect(way).to.equal('made')
      expect(user.id).not.to.equal(old.id)
    })

    it('a deleted person blocks no link to one who is pushed later', async () => {
      await pair(test, tenant.idp, idp.id)
      const old = await tenant.user('ann', { externalId: 'x-1' })
      await idp.signIn('s-1', { userName: 'ann', externalId: 'x-1' })
      await remove(old)
      const ann = await tenant.user('ann', { externalId: 'x-1' })
      const { user, way } = await idp.signIn('s-1', { userName: 'ann', externalId: 'x-1' })
      expect([user.id, way]).to.deep.equal([ann.id, 'paired'])
      expect((await idp.signIn('s-1')).way).to.equal('known')
    })
  })

  describe('a paired connection', () => {
    beforeEach(() => pair(test, tenant.idp, idp.id))

    it('links whom it pushed by externalId, else by userName, with no address compared and nobody made', async () => {
      const ann = await tenant.user('ann', { externalId: 'oid-1' })
      const bob = await tenant.user('bob@corp.example')
      const off = { provisioningDisabled: true }
      const first = await idp.signIn('s-1', { externalId: 'oid-1', userName: 'renamed', email: 'x@evil.example' }, off)
      expect([first.user.id, first.way]).to.deep.equal([ann.id, 'paired'])
      const second = await idp.signIn('s-2', { externalId: 'oid-2', userName: 'BOB@corp.example' }, off)
      expect([second.user.id, second.way]).to.deep.equal([bob.id, 'paired'])
      expect(await unchangedBy(idp.signIn('s-3', { externalId: 'oid-3' }, off))).to.equal('provisioning-off')
      expect((await lastRecords(3)).map((record) => record['action'])).to.deep.equal([
        ...['sso.login', 'sso.link', 'sso.refused'],
      ])
    })

    it('links an admin too', async () => {
      const ann = await tenant.user('ann')
      await changeUser(tenant.provisioning, operator, ann.id, {
        ...{ method: 'PATCH', change: (state) => ({ ...state, wishes: [{ kind: 'org_role', value: 'admin' }] }) },
      }).durable
      expect((await idp.signIn('ann')).user.id).to.equal(ann.id)
    })

    it('links nobody that another connection, or nobody, owns', async () => {
      const other = await tenant.connect('idp', 'other')
      const draft = { active: true, externalId: 'o-1', attributes: { userName: 'theirs' } }
      await createUser(tenant.provisioning, other, draft).durable
      await admin('by-hand')
      expect(await unchangedBy(idp.signIn('s', { externalId: 'o-1', userName: 'theirs' }))).to.equal('name-taken')
      expect(await unchangedBy(idp.signIn('s', { userName: 'by-hand' }))).to.equal('name-taken')
    })

    it('gives a userName that went to somebody else no second subject', async () => {
      await tenant.user('ann')
      await idp.signIn('first', { userName: 'ann' })
      expect(await unchangedBy(idp.signIn('second', { userName: 'ann' }))).to.equal('not-linked')
    })
  })

  describe('an address', () => {
    it('S12: links nobody unless it is verified and its domain is proved, and makes no second person beside', async () => {
      const ann = await tenant.user('ann', mailed('ann@x.example'))
      for (const emailVerified of [false, true]) {
        const said = await unchangedBy(idp.signIn('s', { userName: 'mallory', email: 'ann@x.example', emailVerified }))
        expect(said).to.equal('not-linked')
      }
      expect(await test.store.reads.identities.list(tenant.orgId, ann.id)).to.deep.equal([])
    })

    it('S05, S12: links one whose domain is proved, verified, no admin and nobody else there; else nobody', async () => {
      const claim = {
        org_id: tenant.orgId,
        domain_key: 'proved.example',
        challenge: 'c',
        captures: 0,
        created: 1,
      } as const
      await test.connections.writer
        .insertInto('domain_claim')
        .values({ ...claim, proved_at: 1, next_ms: 1, team_id: null, checked: null, failing_since: null })
        .execute()
      const vouched = (name: string) => ({
        userName: `other-${name}`,
        email: `${name}@Proved.example`,
        emailVerified: true,
      })
      const ann = await tenant.user('ann', mailed('ann@proved.example'))
      expect(await unchangedBy(idp.signIn('s-ann', { ...vouched('ann'), emailVerified: false }))).to.equal('not-linked')
      const linked = await idp.signIn('s-ann', vouched('ann'))
      expect([linked.user.id, linked.way]).to.deep.equal([ann.id, 'email'])
      expect(await unchangedBy(idp.signIn('another', vouched('ann')))).to.equal('not-linked')
      await admin('boss', mailed('boss@proved.example').attributes)
      expect(await unchangedBy(idp.signIn('s-boss', vouched('boss')))).to.equal('not-linked')
      const elsewhere = await foundTenant(test)
      const theirs = await elsewhere.user('cara', mailed('cara@proved.example'))
      const foreign = providerOf(elsewhere)
      expect(await refusal(foreign.signIn('s-cara', vouched('cara')))).to.contain('not-linked')
      expect(await test.store.reads.identities.list(elsewhere.orgId, theirs.id)).to.deep.equal([])
    })

    it('S13: two people who swap their addresses at the provider stay who they are', async () => {
      const as = (email: string, userName: string) => ({ email, userName, emailVerified: true })
      const { user: ann } = await idp.signIn('s-ann', as('ann@x.example', 'ann'))
      const { user: bob } = await idp.signIn('s-bob', as('bob@x.example', 'bob'))
      expect((await idp.signIn('s-ann', as('bob@x.example', 'bob'))).user.id).to.equal(ann.id)
      expect((await idp.signIn('s-bob', as('ann@x.example', 'ann'))).user.id).to.equal(bob.id)
    })
  })

  it("S11, S06: one issuer's subject is nobody at another, and in another org another person", async () => {
    const { user: ann } = await idp.signIn('s-1', { userName: 'ann' })
    const foreign = providerOf(tenant)
    expect(await unchangedBy(foreign.signIn('s-1', { userName: 'ann' }))).to.equal('name-taken')
    const elsewhere = await foundTenant(test)
    const there = providerOf(elsewhere, idp.issuer)
    const { user: other } = await there.signIn('s-1', { userName: 'ann' })
    expect(other.id).not.to.equal(ann.id)
    expect(await test.store.reads.users.find(tenant.orgId, other.id)).to.equal(undefined)
    const keys = await Promise.all([
      test.store.reads.identities.list(tenant.orgId, ann.id),
      test.store.reads.identities.list(elsewhere.orgId, other.id),
    ])
    expect(keys[0][0]!.key).not.to.equal(keys[1][0]!.key)
  })

  it('never lets any two subjects be one person, nor one subject two (property)', async () => {
    const subject = fc.string({ minLength: 1, maxLength: 8, unit: 'binary' })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(subject, { minLength: 2, maxLength: 3 }), async (subjects) => {
        const fresh = providerOf(tenant)
        const ids = []
        for (const [n, each] of subjects.entries()) {
          ids.push((await fresh.signIn(each, { userName: `${fresh.issuer} ${n}` })).user.id)
        }
        expect(new Set(ids).size).to.equal(subjects.length)
        for (const [n, each] of subjects.entries()) expect((await fresh.signIn(each)).user.id).to.equal(ids[n])
      }),
      { numRuns: 2 },
    )
  })

  it('two first sign-ins of one person at once make one', async () => {
    const both = await Promise.all([idp.signIn('s-1'), idp.signIn('s-1')])
    expect(both.map(({ way }) => way).sort()).to.deep.equal(['known', 'made'])
    expect(both[0].user.id).to.equal(both[1].user.id)
  })

  describe('the groups claim', () => {
    it('decides memberships of its own and of no other origin; names without a team make none', async () => {
      const lab = await createTeam(tenant.provisioning, operator, { name: 'Lab' }).durable
      const ops = await createTeam(tenant.provisioning, operator, { name: 'Ops' }).durable
      const { user } = await idp.signIn('s', { groups: ['lab', 'Unknown'] })
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([`${lab.id} member`])
      const pushed = { displayName: 'Pushed', externalId: undefined, members: [{ value: user.id }] }
      const group = await createGroup(tenant.provisioning, tenant.idp, pushed).durable
      await idp.signIn('s', { groups: ['OPS'] })
      const expected = [`${ops.id} member`, `${group.id} member`].sort()
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal(expected)
      const [record] = await lastRecords(1)
      expect(record!['changes']).to.deep.equal([{ path: 'groups', added: [ops.id], removed: [lab.id] }])
      await idp.signIn('s', { groups: ['ops'] })
      expect((await lastRecords(1))[0]!['action']).to.equal('sso.login')
      await idp.signIn('s')
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal(expected)
      await idp.signIn('s', { groups: [] })
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([`${group.id} member`])
    })

    it('puts nobody into a group that makes admins, unless a paired connection may', async () => {
      const draft = { displayName: 'Bosses', externalId: undefined, members: [] }
      const bosses = await createGroup(tenant.provisioning, tenant.idp, draft).durable
      const match = { kind: 'name', value: 'Bosses' } as const
      await createRule(tenant.provisioning, operator, { match, grants: [{ orgRole: 'admin' }] }).durable
      const { user } = await idp.signIn('s', { groups: ['Bosses'] })
      expect((await find(user.id))!.orgRole).to.equal('member')
      await pair(test, tenant.idp, idp.id)
      await test.connections.writer.updateTable('connection').set({ may_grant_admin: 1 }).execute()
      expect((await idp.signIn('s', { groups: ['Bosses'] })).user.orgRole).to.equal('admin')
      // The last admin keeps the group, and signs in.
      expect((await idp.signIn('s', { groups: [] })).user.orgRole).to.equal('admin')
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([`${bosses.id} member`])
      await admin('another')
      expect((await idp.signIn('s', { groups: [] })).user.orgRole).to.equal('member')
    })
  })
})
