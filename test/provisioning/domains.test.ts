import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import { type DomainClaim, domainState, NEVER, proofRecord } from '../../src/domain/domain-claim.ts'
import type { GroupId, OrgId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { User } from '../../src/domain/user.ts'
import { recheckDomains } from '../../src/rounds.ts'
import { setTeamArchived } from '../../src/provisioning/archive-team.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeTeam, type TeamPlan } from '../../src/provisioning/change-team.ts'
import { changeDomain, claimDomain, proveDomain, releaseDomain } from '../../src/provisioning/claim-domain.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { joinableTeams, joinByDomain } from '../../src/provisioning/domain-team.ts'
import { newState } from '../../src/provisioning/person-draft.ts'
import { removeTeamMember } from '../../src/provisioning/team-members.ts'
import { createProofLookUp } from '../../src/signin/domain-proof.ts'
import { operatorOf, personOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { type DnsServer, openDnsServer, type ZoneAnswer } from '../support/dns-server.ts'
import { peopleIn, type ProviderVoice, providerOf } from '../support/sign-ins.ts'
import { actionsOf, foundTenant, problemsOf, refusal, teamsOf, type Tenant } from '../support/tenant.ts'
import { teamActs } from './team-acts.ts'

const DAY = 86_400_000
let numbered = 0

forEachDialect('a domain of an organisation', (dialect) => {
  let test: TestStore
  let dns: DnsServer
  let lookUp: ReturnType<typeof createProofLookUp>
  let tenant: Tenant
  let operator: Caller
  let idp: ProviderVoice
  /** Of its own for each test: proved ones are unique over orgs. */
  let name: string

  before(async () => {
    test = await openTestStore(dialect, undefined, true)
    dns = await openDnsServer()
    lookUp = createProofLookUp([dns.address])
  })
  after(async () => {
    await dns.close()
    await test.close()
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    idp = providerOf(tenant)
    name = `d${++numbered}.example`
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const { create, add } = teamActs(() => tenant)
  const claim = (more: Parameters<typeof claimDomain>[2] = { domain: name }, by = operator) =>
    claimDomain(tenant.provisioning, by, more).durable
  const say = (of: DomainClaim, answer: ZoneAnswer = [proofRecord(of).value]) =>
    dns.zone.set(proofRecord(of).name, answer)
  const prove = async (of: DomainClaim, by = operator): Promise<DomainClaim> => {
    const look = { challenge: of.challenge, seen: await lookUp(of) }
    return proveDomain(tenant.provisioning, by, of.domain, look).durable
  }
  const proved = async (more: Omit<Parameters<typeof claimDomain>[2], 'domain'> = {}): Promise<DomainClaim> => {
    const made = await claim({ ...more, domain: name })
    say(made)
    return prove(made)
  }
  const find = async (orgId: OrgId = tenant.orgId): Promise<DomainClaim> =>
    (await test.store.reads.domains.find(orgId, name))!
  const change = (id: GroupId, plan: TeamPlan) => changeTeam(tenant.provisioning, operator, id, { plan }).durable
  const settle = (settings: JsonObject) => changeOrgSettings(tenant.provisioning, operator, { settings }).durable
  const person = (userName: string, email: string): Promise<User> =>
    createUser(tenant.provisioning, operator, newState({ userName, email })).durable
  const lastRecord = async (): Promise<JsonObject> =>
    JSON.parse((await test.store.reads.records.tail(tenant.orgId, 1))[0]!.body) as JsonObject

  describe('claimed', () => {
    it('says which record proves it, and is nothing until the DNS shows that', async () => {
      const made = await claim({ domain: ` ${name.toUpperCase()}. ` })
      expect([made.domain, domainState(made), made.next]).to.deep.equal([name, 'unproved', NEVER])
      expect(proofRecord(made).name).to.equal(`_rollcall-challenge.${name}`)
      expect(proofRecord(made).value).to.match(/^rollcall-domain-verification=[0-9a-f]{40}$/)
      expect(await refusal(prove(made))).to.equal('conflict domain.not-shown')
      for (const wrong of [['other'], [`x${proofRecord(made).value}`], 'nodata'] as const) {
        say(made, wrong)
        expect(await refusal(prove(made))).to.equal('conflict domain.not-shown')
      }
      say(made, 'servfail')
      expect(await refusal(prove(made))).to.equal('conflict domain.unanswered')
      expect(await refusal(idp.signIn('s', { email: `ann@${name}`, emailVerified: true }))).to.equal('')
      say(made, ['v=spf1 -all', `"${proofRecord(made).value}"`])
      expect(domainState(await prove(made))).to.equal('proved')
      expect(await actionsOf(test, tenant.orgId)).to.include.members(['domain.claim', 'domain.prove'])
      expect(await lastRecord()).to.deep.include({ targets: [{ type: 'domain', id: name }] })
    })

    it('S38: is no mail provider’s, no part of one and no text that is none', async () => {
      for (const domain of ['gmail.com', 'GMail.com', 'mail.yahoo.co.uk', 'hotmail.de', 'qq.com', 'proton.me']) {
        expect(await refusal(claim({ domain })), domain).to.equal('invalid-value domain.invalid')
      }
      const nonsense = [
        'com',
        'localhost',
        'a b.example',
        'ann@x.example',
        'x.example:53',
        '10.0.0.1',
        '*.x.example',
        'münchen.example',
      ]
      for (const domain of nonsense) {
        expect(await refusal(claim({ domain })), domain).to.equal('invalid-value domain.invalid')
      }
    })

    it('is claimed by admins of the org alone, and once', async () => {
      const ann = personOf(tenant.orgId, await tenant.user('ann'))
      expect(await refusal(claim({ domain: name }, ann))).to.equal('forbidden right.org-admin')
      const made = await claim()
      expect(await refusal(claim())).to.equal('uniqueness domain.claimed')
      say(made)
      expect(await refusal(prove(made, ann))).to.equal('forbidden right.org-admin')
    })

    it('S38: is one org’s once it is proved, though others claimed it before and prove it at the same time', async () => {
      const other = await foundTenant(test)
      const theirs = await claimDomain(other.provisioning, operatorOf(other.orgId), { domain: name }).durable
      const ours = await claim()
      dns.zone.set(proofRecord(ours).name, [proofRecord(ours).value, proofRecord(theirs).value])
      const seen = 'shown'
      const outcomes = await Promise.all([
        refusal(prove(ours)),
        refusal(
          proveDomain(other.provisioning, operatorOf(other.orgId), name, { challenge: theirs.challenge, seen }).durable,
        ),
      ])
      expect(outcomes.sort()).to.deep.equal(['', 'uniqueness domain.taken'])
      const owner = await test.store.reads.domains.ownerOf(name)
      const loser = owner === tenant.orgId ? other : tenant
      expect(domainState(await find(loser.orgId))).to.equal('unproved')
      await releaseDomain(tenant.provisioning, operatorOf(owner!), name).durable
      expect(await test.store.reads.domains.ownerOf(name)).to.equal(undefined)
      const { challenge } = await find(loser.orgId)
      const again = proveDomain(loser.provisioning, operatorOf(loser.orgId), name, { challenge, seen: 'shown' })
      expect(domainState(await again.durable)).to.equal('proved')
    })
  })

  describe('looked at again', () => {
    const rounds = () => recheckDomains(test.store, lookUp, Date.now())
    const later = (ms: number) =>
      test.connections.writer
        .updateTable('domain_claim')
        .set((eb) => ({
          next_ms: 0,
          failing_since: eb('failing_since', '-', ms),
        }))
        .where('org_id', '=', tenant.orgId)
        .execute()
    const kinds = async () =>
      (await test.store.reads.outbox.list(tenant.orgId, 10))
        .map(({ kind }) => kind)
        .filter((kind) => /domain/.test(kind))
    const changes = async () =>
      (await actionsOf(test, tenant.orgId)).filter((action) => /^domain[.](fail|recover|lapse)$/.test(action))

    beforeEach(async () => {
      await createUser(tenant.provisioning, operator, {
        ...newState({ userName: 'root', email: 'root@admins.example' }),
        wishes: [{ kind: 'org_role', value: 'admin' }],
      }).durable
    })

    it('is not asked about before its time, and stays proved while the record is there', async () => {
      await proved()
      dns.asked.length = 0
      await rounds()
      expect(dns.asked.filter((each) => each.endsWith(name))).to.deep.equal([])
      await later(0)
      await rounds()
      expect(dns.asked.filter((each) => each.endsWith(name))).to.have.length(1)
      expect(domainState(await find())).to.equal('proved')
      expect((await find()).next).to.be.greaterThan(Date.now() + DAY / 2)
      expect(await changes()).to.deep.equal([])
    })

    it('S38: is not dropped by one missing record: the admins are told, and it recovers by itself', async () => {
      const made = await proved()
      say(made, 'nxdomain')
      await later(0)
      await Promise.all([rounds(), rounds()])
      expect(domainState(await find())).to.equal('failing')
      expect(await test.store.reads.domains.ownerOf(name)).to.equal(tenant.orgId)
      expect(await kinds()).to.deep.equal(['domain-failing'])
      say(made)
      await later(DAY)
      await rounds()
      expect(domainState(await find())).to.equal('proved')
      expect(await changes()).to.deep.equal(['domain.fail', 'domain.recover'])
    })

    it('says nothing of it where nobody answers, however long that lasts', async () => {
      const made = await proved()
      say(made, 'servfail')
      for (let day = 0; day < 3; day++) {
        await later(10 * DAY)
        await rounds()
      }
      expect(domainState(await find())).to.equal('proved')
      say(made, 'nxdomain')
      await later(0)
      await rounds()
      say(made, 'servfail')
      await later(30 * DAY)
      await rounds()
      expect(domainState(await find())).to.equal('failing')
    })

    it('lapses when the record is missing after the seven days, and can be proved again', async () => {
      const made = await proved({ captures: true })
      say(made, 'nxdomain')
      await later(0)
      await rounds()
      await later(6 * DAY)
      await rounds()
      expect(domainState(await find())).to.equal('failing')
      await later(2 * DAY)
      await rounds()
      expect(domainState(await find())).to.equal('unproved')
      expect(await changes()).to.deep.equal(['domain.fail', 'domain.lapse'])
      expect((await kinds()).sort()).to.deep.equal(['domain-failing', 'domain-lapsed'])
      expect((await test.store.reads.domains.due(NEVER - 1, 10)).filter(({ domain }) => domain === name)).to.deep.equal(
        [],
      )
      say(made)
      expect(domainState(await prove(made))).to.equal('proved')
    })
  })

  describe('with a default team', () => {
    it('takes only a team that people may join, which stays so while it is the default', async () => {
      const { id } = await create({ name: 'Newcomers' })
      await claim()
      const set = (team: string | null) =>
        changeDomain(tenant.provisioning, operator, name, { captures: true, team }).durable
      expect(await refusal(set('newcomers'))).to.equal('conflict domain.team-closed')
      expect(await refusal(set('nobody'))).to.equal('invalid-value')
      await change(id, { joinable: true })
      expect((await set('newcomers')).value).to.include({ team: id, captures: true })
      expect(await refusal(change(id, { joinable: false }))).to.equal('conflict team.domain-default')
      expect((await change(id, { hidden: true })).value).to.include({ joinable: true })
      await set(null)
      expect((await change(id, { joinable: false })).value).to.include({ joinable: false })
    })

    it('puts whoever is made at sign-in into the org and the team, origin domain, logged with its cause', async () => {
      const { id } = await create({ name: 'Newcomers', joinable: true })
      await proved({ captures: true, team: id })
      await settle({ 'signIn.emailDomains': ['elsewhere.example'] })
      const { user, way } = await idp.signIn('s-1', { email: `ann@${name.toUpperCase()}`, emailVerified: true })
      expect(way).to.equal('made')
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([`${id} member`])
      const { people } = await test.store.work.submit(tenant.orgId, (stores) =>
        stores.access.facts(tenant.orgId, [user.id]),
      ).durable
      expect(people[0]?.members).to.deep.equal([{ groupId: id, origin: 'domain' }])
      const record = await lastRecord()
      expect(record['action']).to.equal('sso.jit')
      expect(record['targets']).to.deep.include({ type: 'team', id, display: 'Newcomers' })
      expect(record['steps']).to.deep.equal([{ name: 'sign-in', kind: 'oidc', domain: name }])
    })

    it('captures nobody by an address that is not verified, while it is not proved, or is not to capture', async () => {
      const { id } = await create({ name: 'Newcomers', joinable: true })
      const made = await claim({ domain: name, captures: true, team: id })
      await settle({ 'signIn.emailDomains': ['elsewhere.example'] })
      const attempt = (emailVerified = true) => refusal(idp.signIn('s-1', { email: `ann@${name}`, emailVerified }))
      expect(await attempt()).to.equal('forbidden sign-in.domain-not-allowed')
      say(made)
      await prove(made)
      expect(await attempt(false)).to.equal('forbidden sign-in.domain-not-allowed')
      await changeDomain(tenant.provisioning, operator, name, { captures: false }).durable
      expect(await attempt()).to.equal('forbidden sign-in.domain-not-allowed')
      await changeDomain(tenant.provisioning, operator, name, { captures: true }).durable
      const off = { provisioningDisabled: true }
      const whole = { email: `ann@${name}`, emailVerified: true }
      expect(await refusal(idp.signIn('s-1', whole, off))).to.equal('forbidden sign-in.provisioning-off')
      await settle({ 'signIn.makesPeople': false })
      expect(await attempt()).to.equal('forbidden sign-in.provisioning-off')
      expect(await peopleIn(test, tenant.orgId)).to.equal(0)
    })

    it('passes over a team that was archived meanwhile', async () => {
      const { id } = await create({ name: 'Newcomers', joinable: true })
      await proved({ captures: true, team: id })
      await setTeamArchived(tenant.provisioning, operator, id, { archived: true }).durable
      const { user } = await idp.signIn('s-1', { email: `ann@${name}`, emailVerified: true })
      expect((await test.store.reads.teams.find(tenant.orgId, id))?.memberCount).to.equal(0)
      expect(await teamsOf(test, tenant.orgId, user.id)).to.deep.equal([])
    })

    it('S38: pulls nobody who is there already, here or in another org, and nobody who was pushed', async () => {
      const other = await foundTenant(test)
      const foreign = await createUser(other.provisioning, operatorOf(other.orgId), {
        ...newState({ userName: 'far', email: `far@${name}` }),
      }).durable
      const here = await person('near', `near@${name}`)
      const { id } = await create({ name: 'Newcomers', joinable: true })
      await proved({ captures: true, team: id })
      const pushed = await tenant.user('pushed', { attributes: { emails: [{ value: `p@${name}`, primary: true }] } })
      const { user, way } = await idp.signIn('s-near', { email: `near@${name}`, emailVerified: true })
      expect([user.id, way]).to.deep.equal([here.id, 'email'])
      for (const each of [here, pushed]) expect(await teamsOf(test, tenant.orgId, each.id)).to.deep.equal([])
      expect(await teamsOf(test, other.orgId, foreign.id)).to.deep.equal([])
      expect(await test.store.reads.users.find(tenant.orgId, foreign.id)).to.equal(undefined)
      // Signing in where they are makes them nobody of the org that has the domain.
      const before = await peopleIn(test, tenant.orgId)
      await providerOf(other).signIn('s-new', { email: `new@${name}`, emailVerified: true })
      expect(await peopleIn(test, tenant.orgId)).to.equal(before)
    })

    it('links an account by its address only while it is proved', async () => {
      await person('near', `near@${name}`)
      const whole = { email: `near@${name}`, emailVerified: true }
      expect(await refusal(idp.signIn('s', whole))).to.equal('forbidden sign-in.not-linked')
      await proved()
      expect((await idp.signIn('s', whole)).way).to.equal('email')
      await releaseDomain(tenant.provisioning, operator, name).durable
      expect((await idp.signIn('s', whole)).way).to.equal('known')
      expect(await refusal(idp.signIn('s-2', whole))).to.equal('forbidden sign-in.not-linked')
    })
  })

  describe('with teams that its people may join', () => {
    const open = async (user: User) =>
      (await joinableTeams(test.store.reads, tenant.orgId, user.id)).map(({ name: team }) => team)
    const join = (user: User, id: GroupId) =>
      joinByDomain(tenant.provisioning, personOf(tenant.orgId, user), id).durable

    it('shows them to people of the domain alone, and lets these join and leave', async () => {
      const ann = await person('ann', `ann@${name}`)
      const eve = await person('eve', 'eve@elsewhere.example')
      const lab = await create({ name: 'Lab', joinable: true, defaultRole: 'viewer' })
      const secret = await create({ name: 'Secret', joinable: true, hidden: true })
      const closed = await create({ name: 'Closed' })
      expect(await open(ann)).to.deep.equal([])
      expect(await refusal(join(ann, lab.id))).to.equal('forbidden team.other-domain')
      await proved()
      expect([await open(ann), await open(eve)]).to.deep.equal([['Lab'], []])
      for (const { id } of [secret, closed]) expect(await refusal(join(ann, id))).to.equal('not-found')
      expect(await refusal(join(eve, lab.id))).to.equal('forbidden team.other-domain')
      expect(await join(ann, lab.id)).to.include({ joined: true })
      expect(await join(ann, lab.id)).to.include({ joined: false })
      expect(await lastRecord()).to.include({ action: 'member.add' })
      expect(await teamsOf(test, tenant.orgId, ann.id)).to.deep.equal([`${lab.id} viewer`])
      expect((await test.store.reads.teams.find(tenant.orgId, lab.id))?.memberCount).to.equal(1)
      expect(await open(ann)).to.deep.equal([])
      const left = removeTeamMember(tenant.provisioning, personOf(tenant.orgId, ann), lab.id, { person: ann.id })
      expect(await left.durable).to.include({ changed: true })
      expect(await open(ann)).to.deep.equal(['Lab'])
    })

    it('shows none that one is in, or that an identity provider manages', async () => {
      const ann = await person('ann', `ann@${name}`)
      const lab = await create({ name: 'Lab', joinable: true })
      await proved()
      await add(lab.id, { person: ann.id })
      expect(await open(ann)).to.deep.equal([])
      const managed = await create({ name: 'Managed', joinable: true })
      await test.connections.writer
        .updateTable('scim_group')
        .set({ owner_connection_id: tenant.idp.connection!.id })
        .where('org_id', '=', tenant.orgId)
        .where('id', '=', managed.id)
        .execute()
      expect(await open(ann)).to.deep.equal([])
      expect(await refusal(join(ann, managed.id))).to.equal('invalid-value team.managed')
    })
  })
})
