import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { type Browser, type PageAnswer, signedIn } from '../console/browser.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { foundTenant } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

forEachDialect('the admin API with the session of a browser', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  const person = async (name: string): Promise<UserId> => (await gateway.tenant.user(`${name}@example.com`)).id
  const adminPerson = async (name: string): Promise<UserId> => {
    const made = await admin.post('/users', { userName: `${name}@example.com`, orgRole: 'admin' })
    return String(made.json['id']) as UserId
  }
  const csrfOf = async (browser: Browser): Promise<string> =>
    (await browser.get('/api/v1/me')).headers.get('rollcall-csrf') ?? ''
  const send = (browser: Browser, path: string, body: object, headers: Record<string, string>): Promise<PageAnswer> =>
    browser.json('POST', `/api/v1${path}`, body, headers)

  it('may what the person may, and changes nothing without the token, from another site or with another’s token', async () => {
    const browser = await signedIn(gateway, await adminPerson('chief'))
    expect(JSON.parse((await browser.get('/api/v1/me')).html)).to.include({ isOrgAdmin: true, isOperator: false })
    const csrf = await csrfOf(browser)
    const foreign = await csrfOf(await signedIn(gateway, await adminPerson('deputy')))
    const body = { userName: 'made@example.com' }
    for (const headers of [
      {},
      { 'rollcall-csrf': 'x' },
      { 'rollcall-csrf': foreign },
      { 'rollcall-csrf': csrf, origin: 'https://evil.example' },
      { 'rollcall-csrf': csrf, 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      const answer = await send(browser, '/users', body, headers)
      expect(answer.status).to.equal(403)
      expect(answer.headers.get('content-type')).to.equal('application/problem+json')
    }
    const made = await send(browser, '/users', body, { 'rollcall-csrf': csrf })
    expect(made.status, made.html).to.equal(201)
    const record = (await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1))[0]!
    expect(record).to.include({ action: 'user.create', actorType: 'user' })
    const plain = await signedIn(gateway, await person('plain'))
    expect((await plain.get('/api/v1/users')).status).to.equal(403)
  })

  it('S09 makes a key only for who signed in within ten minutes', async () => {
    const user = await adminPerson('minter')
    const browser = await signedIn(gateway, user)
    const headers = { 'rollcall-csrf': await csrfOf(browser) }
    expect((await send(browser, '/keys', { name: 'x', scope: 'admin' }, headers)).status).to.equal(201)
    await gateway.test.connections.writer
      .updateTable('session')
      .set({ authenticated_at: Date.now() - 601_000 })
      .where('user_id', '=', user)
      .execute()
    const stale = await send(browser, '/keys', { name: 'x', scope: 'admin' }, headers)
    expect(stale.status).to.equal(403)
    expect(stale.html).to.include('/signin/again')
    expect((await browser.get('/api/v1/keys')).status).to.equal(200)
  })

  it('lists and ends sessions: an admin all, a person their own, nobody another org’s', async () => {
    const [ann, bob] = [await person('ann'), await person('bob')]
    const [first, second] = [await signedIn(gateway, ann), await signedIn(gateway, ann)]
    const bobs = await signedIn(gateway, bob)
    const { json } = await admin.get(`/users/${ann}/sessions`)
    const items = json['items'] as readonly { readonly id: string }[]
    expect(items).to.have.length(2)
    expect((await bobs.get(`/api/v1/users/${ann}/sessions`)).status).to.equal(404)
    expect((await first.get(`/api/v1/users/${ann}/sessions`)).status).to.equal(200)
    expect((await admin.delete(`/sessions/${items[0]!.id}`)).status).to.equal(204)
    problemCode(await admin.delete(`/sessions/${items[0]!.id}`), 404)
    expect((await second.get('/account')).status).to.equal(303)
    expect((await first.get('/account')).status).to.equal(200)
    const other = await foundTenant(gateway.test)
    const foreign = gateway.client(await gateway.key('admin', undefined, other.orgId))
    problemCode(await foreign.delete(`/sessions/${items[1]!.id}`), 404)
    problemCode(await foreign.delete(`/users/${ann}/sessions`), 404)
    expect((await admin.delete(`/users/${ann}/sessions`)).status).to.equal(204)
    expect((await first.get('/account')).status).to.equal(303)
    expect((await bobs.get('/account')).status).to.equal(200)
  })

  it('S17 ends with the person, like their keys; coming back brings the keys that were not revoked, and no session', async () => {
    const user = await person('leaver')
    const sessions = [await signedIn(gateway, user), await signedIn(gateway, user)]
    const key = await admin.post(`/users/${user}/keys`, { name: 'laptop' })
    const revoked = await admin.post(`/users/${user}/keys`, { name: 'lost' })
    expect((await admin.delete(`/users/${user}/keys/${String(revoked.json['id'])}`)).status).to.equal(204)
    const [own, lost] = [key, revoked].map(({ json }) => gateway.client(String(json['key'])))
    const statuses = async () => [
      ...(await Promise.all(sessions.map((one) => one.get('/api/v1/me')))).map(({ status }) => status),
      ...(await Promise.all([own!, lost!].map((one) => one.get('/me')))).map(({ status }) => status),
    ]
    expect(await statuses()).to.deep.equal([200, 200, 200, 401])
    const setActive = (active: boolean) =>
      changeUser(gateway.tenant.provisioning, gateway.tenant.idp, user, {
        method: 'PATCH',
        change: (state) => ({ ...state, active }),
      }).durable
    await setActive(false)
    expect(await statuses()).to.deep.equal([401, 401, 401, 401])
    await setActive(true)
    expect(await statuses()).to.deep.equal([401, 401, 200, 401])
  })

  it('lets people make keys for themselves, never for others, and not where the org says so', async () => {
    const [ann, bob] = [await person('self'), await person('someone')]
    const browser = await signedIn(gateway, ann)
    const headers = { 'rollcall-csrf': await csrfOf(browser) }
    const made = await send(browser, `/users/${ann}/keys`, { name: 'mine' }, headers)
    expect(made.status, made.html).to.equal(201)
    const client = gateway.client(String((JSON.parse(made.html) as Record<string, unknown>)['key']))
    expect((await client.get('/me')).json).to.include({ user: ann, isOrgAdmin: false })
    expect((await send(browser, `/users/${bob}/keys`, { name: 'theirs' }, headers)).status).to.equal(404)
    const auditor = gateway.client(await gateway.key('auditor'))
    expect((await auditor.post(`/users/${bob}/keys`, { name: 'theirs' })).status).to.equal(403)
    const settings = (personalKeys: boolean) =>
      changeOrgSettings(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), { settings: { personalKeys } })
        .durable
    await settings(false)
    expect((await send(browser, `/users/${ann}/keys`, { name: 'more' }, headers)).status).to.equal(403)
    expect((await admin.post(`/users/${ann}/keys`, { name: 'by an admin' })).status).to.equal(201)
    expect((await client.get('/me')).status).to.equal(200)
    await settings(true)
    const page = await browser.submit('/account/keys', '/account/keys', { name: 'from the page' })
    expect(page.status).to.equal(201)
    const [, text] = /<code>(rollcall_[^<]+)/.exec(page.html)!
    expect((await gateway.client(text!).get('/me')).json).to.include({ user: ann })
  })

  it('S26 takes a session nowhere else: not at SCIM, not as a key, and no key as a session', async () => {
    const browser = await signedIn(gateway, await adminPerson('cross'))
    const cookie = browser.cookies.get('__Host-rollcall')!
    expect((await browser.get('/scim/v2/Users')).status).to.equal(401)
    problemCode(await gateway.client(cookie).get('/me'), 401)
    const key = await gateway.key('admin')
    for (const text of [key, await gateway.scimToken()]) {
      const other = await signedIn(gateway, await person(`c${text.slice(-6)}`))
      other.setCookie('__Host-rollcall', text)
      expect((await other.get('/account')).status).to.equal(303)
      expect((await other.get(`/api/v1/me?access_token=${text}`)).status).to.equal(401)
    }
  })
})
