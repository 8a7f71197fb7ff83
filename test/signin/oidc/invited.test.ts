import { expect } from 'chai'
import type { InviteId } from '../../../src/domain/ids.ts'
import type { JsonObject } from '../../../src/domain/json.ts'
import type { SignInProvider } from '../../../src/domain/sign-in-provider.ts'
import { changeOrgSettings } from '../../../src/provisioning/change-org-settings.ts'
import { revokeInvite } from '../../../src/provisioning/change-invite.ts'
import { createTeam } from '../../../src/provisioning/create-team.ts'
import { createProvider } from '../../../src/provisioning/sign-in-providers.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, PUBLIC_URL } from '../../admin/api.ts'
import { Browser, type PageAnswer } from '../../console/browser.ts'
import { operatorOf } from '../../support/callers.ts'
import { forEachDialect } from '../../support/databases.ts'
import { type LyingIssuer, openLyingIssuer } from '../../support/lying-issuer.ts'
import { peopleIn } from '../../support/sign-ins.ts'
import { actionsOf, problemsOf, teamsOf } from '../../support/tenant.ts'

forEachDialect('an invitation that is accepted by single sign-on', (dialect) => {
  let gateway: AdminGateway
  let issuer: LyingIssuer
  let provider: SignInProvider
  let admin: ApiClient
  let team: string

  before(async () => {
    gateway = await openAdminGateway(dialect, undefined, {
      ALLOW_PRIVATE_ISSUERS: 'true',
      DISABLE_SSO_PROVISIONING: 'true',
    })
    issuer = await openLyingIssuer()
    const config = { issuer: issuer.issuer, clientId: issuer.clientId, clientAuth: 'none' }
    const draft = { kind: 'oidc', name: 'Lab', config } as const
    provider = await createProvider(gateway.tenant.provisioning, operator(), draft).durable
    team = (await createTeam(gateway.tenant.provisioning, operator(), { name: 'research' }).durable).id
    admin = gateway.client(await gateway.key('admin'))
    await settle({ ssoRequired: true })
  })
  after(async () => {
    await issuer.close()
    await gateway.close()
  })
  afterEach(async () => {
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
  })

  const operator = () => operatorOf(gateway.tenant.orgId)
  const settle = (settings: JsonObject) =>
    changeOrgSettings(gateway.tenant.provisioning, operator(), { settings }).durable
  const invited = async (email: string) => {
    const answer = await admin.post('/invites', { email, teams: [{ team: 'research' }] })
    expect(answer.status, answer.text).to.equal(201)
    const path = String(answer.json['link']).slice(PUBLIC_URL.length)
    return { id: String(answer.json['id']) as InviteId, user: String(answer.json['user']), path }
  }
  const stateOf = async (id: string) => (await admin.get(`/invites/${id}`)).json['state']
  /** Follows the link on the invitation's page to the provider, who says that. */
  const follow = async (who: Browser, path: string, claims: JsonObject): Promise<PageAnswer> => {
    const { html } = await who.get(path)
    const to = /href="(\/signin\/oidc\?[^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&')
    expect(to, html).to.include(`provider=${provider.id}`)
    const began = await who.get(to!)
    const back = issuer.answer(began.headers.get('location')!, (answers) => Object.assign(answers.claims, claims))
    return who.get(back.pathname + back.search)
  }
  const visitor = () => new Browser(gateway.origin, PUBLIC_URL)
  const isIn = async (who: Browser): Promise<boolean> => (await who.get('/account')).status === 200

  it('makes the pending person active, with what the invitation says, though sign-in makes nobody', async () => {
    const { path, id, user } = await invited('ann@people.example')
    const page = await visitor().get(path)
    expect(page.html).to.include('identity provider alone')
    expect(page.html).not.to.include('<form action="/invite"')
    const who = visitor()
    const answer = await follow(who, path, { sub: 'ann', email: 'ANN@people.example', preferred_username: 'ann' })
    expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/account'])
    expect(await isIn(who)).to.equal(true)
    expect(await stateOf(id)).to.equal('active')
    expect(await teamsOf(gateway.test, gateway.tenant.orgId, user as never)).to.deep.equal([`${team} member`])
    expect((await actionsOf(gateway.test, gateway.tenant.orgId)).slice(-4)).to.deep.equal([
      ...['sso.login', 'sso.link', 'invite.accept', 'session.start'],
    ])
    // The link is used up; the person is known from now on.
    expect((await visitor().get(path)).status).to.equal(403)
    const rows = await gateway.test.connections.reader.selectFrom('signin_flow').selectAll().execute()
    expect(JSON.stringify(rows)).not.to.include(path.slice('/invite/'.length))
  })

  it('S38: is for the address it was sent to: another that the provider says is refused, and nobody is made', async () => {
    const { path, id } = await invited('bob@people.example')
    const before = await peopleIn(gateway.test, gateway.tenant.orgId)
    const who = visitor()
    const answer = await follow(who, path, { sub: 'eve', email: 'eve@people.example' })
    expect(answer.status).to.equal(403)
    expect(answer.html).to.include('for another address')
    expect(await isIn(who)).to.equal(false)
    expect([await stateOf(id), await peopleIn(gateway.test, gateway.tenant.orgId)]).to.deep.equal(['pending', before])
    expect((await follow(visitor(), path, { sub: 'bob', email: 'bob@people.example' })).status).to.equal(303)
  })

  it('is refused once it was taken back between the page and the way back', async () => {
    const { path, id } = await invited('back@people.example')
    const who = visitor()
    const { html } = await who.get(path)
    const to = /href="(\/signin\/oidc\?[^"]+)"/.exec(html)![1]!.replaceAll('&amp;', '&')
    const began = await who.get(to)
    await revokeInvite(gateway.tenant.provisioning, operator(), id).durable
    const back = issuer.answer(began.headers.get('location')!, ({ claims }) => void (claims['sub'] = 'back'))
    const answer = await who.get(back.pathname + back.search)
    expect(answer.status).to.equal(403)
    expect(answer.html).to.include('This invitation was used already')
    expect(await isIn(who)).to.equal(false)
    const [last] = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1)
    expect(JSON.parse(last!.body)).to.nested.include({ action: 'sso.refused', 'outcome.reason': 'invite.over' })
  })

  it('is passed over for who is known already, and stays open', async () => {
    const { path, id } = await invited('cat@people.example')
    const who = visitor()
    expect((await follow(who, path, { sub: 'ann', email: 'ann@people.example' })).status).to.equal(303)
    expect((await who.get('/account')).html).to.include('ann@people.example')
    expect(await stateOf(id)).to.equal('pending')
  })

  it('stands beside a password where the organisation does not ask for single sign-on', async () => {
    await settle({ ssoRequired: false })
    const { path } = await invited('dan@people.example')
    const { html } = await visitor().get(path)
    expect(html)
      .to.include('<form action="/invite"')
      .and.include('Or join by signing in')
      .and.include('Sign in with Lab')
    await settle({ ssoRequired: true })
  })
})
