import { expect } from 'chai'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { addTeamMember } from '../../src/provisioning/team-members.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf, problemsOf } from '../support/tenant.ts'
import { Browser } from './browser.ts'
import { PASSWORD } from './local-accounts.ts'

forEachDialect('the page of an invitation', (dialect) => {
  let gateway: AdminGateway

  before(async () => {
    gateway = await openAdminGateway(dialect)
  })
  after(() => gateway.close())

  const visitor = (): Browser => new Browser(gateway.origin, gateway.publicUrl)
  /** Without a mail server the link is in the answer. */
  const invited = async (email: string): Promise<{ readonly id: string; readonly path: string }> => {
    const admin = gateway.client(await gateway.key('admin'))
    const answer = await admin.post('/invites', { email, orgRole: 'member' })
    expect(answer.status, answer.text).to.equal(201)
    expect(answer.json).to.include({ state: 'pending', mail: null })
    const link = String(answer.json['link'])
    expect(link.startsWith(`${gateway.publicUrl}/invite/`)).to.equal(true)
    return { id: String(answer.json['id']), path: link.slice(gateway.publicUrl.length) }
  }
  const chosen = { password: PASSWORD, repeated: PASSWORD }

  it('lets the person choose a password, signs them in, and works once', async () => {
    const { path, id } = await invited('ann@people.example')
    const browser = visitor()
    const page = await browser.get(path)
    expect(page.status).to.equal(200)
    expect(page.html).to.include('ann@people.example')
    const weak = await browser.submit(path, '/invite', {
      password: 'ann@people.example',
      repeated: 'ann@people.example',
    })
    expect(weak.status).to.equal(400)
    const { status, headers } = await browser.submit(path, '/invite', chosen)
    expect([status, headers.get('location')]).to.deep.equal([303, '/account'])
    expect((await browser.get('/account')).html).to.include('invitation')
    const again = await visitor().get(path)
    expect(again.status).to.equal(403)
    expect(again.html).not.to.include('<form action="/invite"')
    const shown = await gateway.client(await gateway.key('auditor')).get(`/invites/${id}`)
    expect(shown.json).to.include({ state: 'active' })
    const actions = await actionsOf(gateway.test, gateway.tenant.orgId)
    expect(actions.filter((action) => action !== 'key.create').slice(-3)).to.deep.equal([
      ...['invite.accept', 'password.set', 'session.start'],
    ])
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
  })

  it('is made over the admin API by who runs a team, who sees their own alone', async () => {
    const { tenant } = gateway
    const team = (await createTeam(tenant.provisioning, operatorOf(tenant.orgId), { name: 'lab' }).durable).id
    const [lead, mate] = [await tenant.user('lead@people.example'), await tenant.user('mate@people.example')]
    for (const [{ id }, role] of [[lead, 'admin'] as const, [mate, 'member'] as const]) {
      await addTeamMember(tenant.provisioning, operatorOf(tenant.orgId), team, { person: id, role }).durable
    }
    const [theirs, other] = [
      gateway.client(await gateway.key('user', lead.id)),
      gateway.client(await gateway.key('user', mate.id)),
    ]
    const answer = await theirs.post(`/teams/${team}/invites`, { email: 'guest@people.example', role: 'viewer' })
    expect(answer.status, answer.text).to.equal(201)
    expect((await other.post(`/teams/${team}/invites`, { email: 'x@people.example' })).status).to.equal(403)
    expect((await theirs.post('/invites', { email: 'x@people.example' })).status).to.equal(403)
    const { id } = answer.json as { readonly id: string }
    expect(((await theirs.get('/invites')).json['items'] as unknown[]).length).to.equal(1)
    expect((await other.get('/invites')).json['items']).to.deep.equal([])
    expect((await other.get(`/invites/${id}`)).status).to.equal(404)
    expect((await other.delete(`/invites/${id}`)).status).to.equal(404)
    const path = String(answer.json['link']).slice(gateway.publicUrl.length)
    expect((await visitor().submit(path, '/invite', chosen)).status).to.equal(303)
    expect((await theirs.get(`/invites/${id}`)).json).to.include({ state: 'active' })
    expect((await theirs.delete(`/invites/${id}`)).status).to.equal(403)
  })

  it('S38: gives one person a session when it is used at the same time', async () => {
    const { path } = await invited('race@people.example')
    const answers = await Promise.all([1, 2, 3].map(() => visitor().submit(path, '/invite', chosen)))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([303, 403, 403])
  })

  it('S26: has a link that is no key, no token and no session', async () => {
    const { path } = await invited('cross@people.example')
    const text = path.slice('/invite/'.length)
    expect((await gateway.client(text).get('/me')).status).to.equal(401)
    const scim = await fetch(`${gateway.origin}/scim/v2/Users`, { headers: { authorization: `Bearer ${text}` } })
    expect(scim.status).to.equal(401)
    const browser = visitor()
    browser.setCookie('__Host-rollcall', text)
    expect((await browser.get('/account')).status).to.equal(303)
  })

  it('S14: answers 403 and changes nothing while single sign-on is asked for', async () => {
    const { path } = await invited('sso@people.example')
    const browser = visitor()
    const open = await browser.get(path)
    expect(open.status).to.equal(200)
    const set = (ssoRequired: boolean) =>
      changeOrgSettings(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), { settings: { ssoRequired } })
        .durable
    const sending = { ...hidden(open.html), ...chosen }
    await set(true)
    try {
      const { status, html } = await browser.post('/invite', sending)
      expect(status).to.equal(403)
      expect(html).to.include('identity provider')
      expect((await browser.get(path)).html).not.to.include('<form action="/invite"')
      const [first] = await gateway.test.store.reads.invites.list(gateway.tenant.orgId, 1)
      expect(first).to.include({ state: 'pending', status: 'pending' })
    } finally {
      await set(false)
    }
    expect((await browser.submit(path, '/invite', chosen)).status).to.equal(303)
  })

  it('tells whoever made a link up nothing but that it works no more', async () => {
    for (const text of ['x', 'A'.repeat(43), `rollcall_${'0'.repeat(32)}_${'a'.repeat(43)}_00000000`]) {
      const { status, html } = await visitor().get(`/invite/${text}`)
      expect(status).to.equal(403)
      expect(html).to.include('This invitation was used already')
    }
  })
})

function hidden(html: string): Record<string, string> {
  const inputs = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value]))
}
