import { expect } from 'chai'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { newState } from '../../src/provisioning/person-draft.ts'
import { signedIn } from '../console/browser.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { actionsOf } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('domains over the admin API', (dialect) => {
  let gateway: AdminGateway
  let dns: DnsServer
  let admin: ApiClient

  before(async () => {
    dns = await openDnsServer()
    gateway = await openAdminGateway(dialect, undefined, { ROLLCALL_DNS_SERVERS: dns.address })
    admin = gateway.client(await gateway.key('admin'))
  })
  after(async () => {
    await gateway.close()
    await dns.close()
  })

  const claim = async (domain: string) => {
    const made = await admin.post('/domains', { domain })
    expect(made.status, made.text).to.equal(201)
    return made.json['record'] as { readonly name: string; readonly value: string }
  }

  it('are claimed, proved by a real DNS answer, changed and let go, each with its record', async () => {
    const made = await admin.post('/domains', { domain: 'People.example', captures: true })
    expect(made.json).to.include({ domain: 'people.example', state: 'unproved', captures: true, proved: null })
    expect(made.headers.get('location')).to.equal('/api/v1/domains/people.example')
    const { name, value } = made.json['record'] as { name: string; value: string }
    const early = await admin.post('/domains/people.example/prove', {})
    expect(problemCode(early, 409)).to.equal('domain.not-shown')
    expect(String(early.json['detail'])).to.include(name).and.include(value)
    dns.zone.set(name, ['unrelated', value])
    const proved = await admin.post('/domains/PEOPLE.example/prove', {})
    expect(proved.json).to.include({ state: 'proved', lapses: null })
    const auditor = gateway.client(await gateway.key('auditor'))
    expect((await auditor.get('/domains')).json['items']).to.have.length(1)
    expect((await auditor.get('/domains/people.example')).json).to.include({ state: 'proved' })
    expect((await admin.patch('/domains/people.example', { captures: false })).json).to.include({ captures: false })
    expect((await admin.delete('/domains/people.example')).status).to.equal(204)
    expect(problemCode(await admin.get('/domains/people.example'), 404)).to.equal('not-found')
    expect(
      (await actionsOf(gateway.test, gateway.tenant.orgId)).filter((each) => each.startsWith('domain')),
    ).to.deep.equal([...['domain.claim', 'domain.prove', 'domain.prove', 'domain.update', 'domain.release']])
  })

  it('answer what is no domain of anybody with the field and a sentence', async () => {
    for (const domain of ['gmail.com', 'x', 'ann@people.example']) {
      const answer = await admin.post('/domains', { domain })
      expect(problemCode(answer, 400)).to.equal('domain.invalid')
      expect(answer.json['errors']).to.have.nested.property('0.field', 'domain')
    }
    for (const path of ['/domains/nobody.example', `/domains/${encodeURIComponent("x'; --")}`]) {
      problemCode(await admin.get(path), 404)
      problemCode(await admin.delete(path), 404)
      problemCode(await admin.post(`${path}/prove`, {}), 404)
    }
  })

  it('say 409 for a team that nobody may join, and while it is a default team', async () => {
    await claim('team.example')
    const team = await admin.post('/teams', { name: 'Newcomers' })
    const id = String(team.json['id'])
    expect(team.json).to.include({ joinable: false })
    const set = (to: string | null) => admin.patch('/domains/team.example', { team: to })
    expect(problemCode(await set('Newcomers'), 409)).to.equal('domain.team-closed')
    expect((await admin.patch(`/teams/${id}`, { joinable: true })).json).to.include({ joinable: true })
    expect((await set('newcomers')).json).to.include({ team: id })
    const off = await admin.patch(`/teams/${id}`, { joinable: false })
    expect(problemCode(off, 409)).to.equal('team.domain-default')
    expect(String(off.json['detail'])).to.include('team.example')
    expect((await set(null)).json).to.include({ team: null })
    expect((await admin.patch(`/teams/${id}`, { joinable: false })).json).to.include({ joinable: false })
  })

  it('let people of them find and join teams, by key and by page', async () => {
    const record = await claim('join.example')
    dns.zone.set(record.name, [record.value])
    await admin.post('/domains/join.example/prove', {})
    const operator = operatorOf(gateway.tenant.orgId)
    const { provisioning } = gateway.tenant
    const teams = []
    for (const name of ['Alpha', 'Beta']) {
      teams.push(await createTeam(provisioning, operator, { name, joinable: true }).durable)
    }
    const person = (userName: string, email: string) =>
      createUser(provisioning, operator, newState({ userName, email })).durable
    const ann = await person('ann', 'ann@join.example')
    const mine = gateway.client(await gateway.key('user', ann.id))
    const items = async () =>
      ((await mine.get('/joinable-teams')).json['items'] as { readonly name: string }[]).map(({ name }) => name)
    expect(await items()).to.deep.equal(['Alpha', 'Beta'])
    expect((await mine.post(`/teams/${teams[0]!.id}/join`, {})).json).to.include({ joined: true })
    expect(await items()).to.deep.equal(['Beta'])
    const browser = await signedIn(gateway, ann.id)
    expect((await browser.get('/account')).html).to.include('/account/teams')
    expect((await browser.get('/account/teams')).html)
      .to.include('Join Beta')
      .and.not.include('Alpha')
    const joined = await browser.submit('/account/teams', '/account/teams/join')
    expect([joined.status, joined.headers.get('location')]).to.deep.equal([303, '/account/teams?joined=1'])
    expect((await browser.get('/account/teams?joined=1')).html).to.include('You are in the team now')
    expect(await items()).to.deep.equal([])
    const eve = await person('eve', 'eve@elsewhere.example')
    const theirs = gateway.client(await gateway.key('user', eve.id))
    expect((await theirs.get('/joinable-teams')).json['items']).to.deep.equal([])
    expect(problemCode(await theirs.post(`/teams/${teams[0]!.id}/join`, {}), 403)).to.equal('team.other-domain')
    expect((await admin.get('/joinable-teams')).json['items']).to.deep.equal([])
    expect(problemCode(await admin.post(`/teams/${teams[0]!.id}/join`, {}), 403)).to.equal('right.person')
  })
})
