import { expect } from 'chai'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf, foundTenant, problemsOf } from '../support/tenant.ts'
import { Browser } from './browser.ts'
import { PASSWORD, setupLink } from './local-accounts.ts'

forEachDialect('S40 the first administrator', (dialect) => {
  let gateway: AdminGateway

  before(async () => {
    gateway = await openAdminGateway(dialect)
  })
  after(() => gateway.close())

  const visitor = (): Browser => new Browser(gateway.origin, gateway.publicUrl)
  const given = (email: string) => ({ email, name: 'Ann Lee', password: PASSWORD, repeated: PASSWORD })
  const admins = async (): Promise<readonly string[]> => {
    const rows = await gateway.test.connections.reader
      .selectFrom('user')
      .select('username')
      .where('org_role', '=', 'admin')
      .where('org_id', '=', gateway.tenant.orgId)
      .execute()
    return rows.map(({ username }) => username)
  }

  it('is made by the one-time address, is signed in, and may use the admin API by session', async () => {
    const link = await setupLink(gateway)
    const browser = visitor()
    const { status, headers } = await browser.submit(`/setup/${link}`, '/setup', given('first@example.com'))
    expect([status, headers.get('location')]).to.deep.equal([303, '/account'])
    expect((await browser.get('/account')).html)
      .to.include('Ann Lee')
      .and.include('setup link')
    expect(await admins()).to.deep.equal(['first@example.com'])
    const me = await browser.get('/api/v1/me', { accept: 'application/json' })
    expect(JSON.parse(me.html)).to.include({ isOrgAdmin: true, isOperator: false })
    expect((await actionsOf(gateway.test, gateway.tenant.orgId)).slice(-4)).to.deep.equal([
      ...['setup.create', 'user.create', 'password.set', 'session.start'],
    ])
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
  })

  it('is one, when the address is used a second time and at the same time', async () => {
    const link = await setupLink(gateway)
    const before = await admins()
    const names = ['a', 'b', 'c', 'd'].map((name) => `${name}@example.com`)
    const answers = await Promise.all(names.map((name) => visitor().submit(`/setup/${link}`, '/setup', given(name))))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([303, 403, 403, 403])
    expect(await admins()).to.have.length(before.length + 1)
    const late = await visitor().get(`/setup/${link}`)
    expect(late.status).to.equal(403)
    expect(late.html).to.include('This link was used already')
    expect(late.html).not.to.include('<form')
  })

  it('is asked again for what is wrong, and the address still works', async () => {
    const link = await setupLink(gateway)
    const browser = visitor()
    const wrong = [
      { ...given('x@example.com'), password: 'short', repeated: 'short' },
      { ...given('x@example.com'), repeated: 'another-otter-climbs-hills' },
      { ...given('x@example.com'), password: 'password12345', repeated: 'password12345' },
      given('not an address'),
    ]
    for (const fields of wrong) {
      const { status, html } = await browser.submit(`/setup/${link}`, '/setup', fields)
      expect(status).to.equal(400)
      expect(html).to.include('aria-invalid="true"')
      expect(html).not.to.include(fields.password)
    }
    const taken = await browser.submit(`/setup/${link}`, '/setup', given('first@example.com'))
    expect(taken.status).to.equal(409)
    expect((await browser.submit(`/setup/${link}`, '/setup', given('y@example.com'))).status).to.equal(303)
  })

  it('is made in the org of the address alone; a newer address replaces it, and nobody guesses one', async () => {
    const other = await foundTenant(gateway.test)
    const old = await setupLink(gateway, other.orgId)
    const link = await setupLink(gateway, other.orgId)
    expect((await visitor().get(`/setup/${old}`)).status).to.equal(403)
    const before = await admins()
    expect((await visitor().submit(`/setup/${link}`, '/setup', given('other@example.com'))).status).to.equal(303)
    expect(await admins()).to.deep.equal(before)
    for (const guess of ['x', 'A'.repeat(43), '%00', `${link}x`]) {
      expect((await visitor().get(`/setup/${guess}`)).status).to.equal(403)
    }
    const late = await setupLink(gateway, other.orgId)
    await gateway.test.connections.writer.updateTable('one_time_link').set({ expires: Date.now() }).execute()
    expect((await visitor().get(`/setup/${late}`)).status).to.equal(403)
  })
})
