import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { endSessionsNow } from '../../src/provisioning/sessions.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf, operation } from '../support/tenant.ts'
import { Browser, hiddenFields, signedIn } from './browser.ts'

forEachDialect('sessions of browsers', (dialect) => {
  let gateway: AdminGateway
  let now = Date.now()

  before(async () => {
    gateway = await openAdminGateway(dialect, () => now)
  })
  after(() => gateway.close())
  afterEach(() => {
    now = Date.now()
  })

  const person = async (name: string): Promise<UserId> => (await gateway.tenant.user(`${name}@example.com`)).id
  const isIn = async (browser: Browser): Promise<boolean> => (await browser.get('/account')).status === 200

  it('send whoever is not signed in to the sign-in page, and back to where they were going', async () => {
    const answer = await new Browser(gateway.origin, gateway.publicUrl).get('/account')
    expect(answer.status).to.equal(303)
    expect(answer.headers.get('location')).to.equal('/signin?returnTo=%2Faccount')
  })

  it('show the person in every page, and end by signing out', async () => {
    const browser = await signedIn(gateway, await person('amy'))
    const { html } = await browser.get('/account')
    expect(html).to.include('amy@example.com').and.include('single sign-on')
    const cookies = new Map(browser.cookies)
    const out = await browser.submit('/account', '/signout')
    expect([out.status, out.headers.get('location')]).to.deep.equal([303, '/signed-out'])
    expect([...browser.cookies.keys()]).to.deep.equal(['__Host-rollcall-form'])
    // The row is gone, not only the cookie.
    for (const [name, value] of cookies) browser.setCookie(name, value)
    expect(await isIn(browser)).to.equal(false)
    expect((await actionsOf(gateway.test, gateway.tenant.orgId)).slice(-2)).to.deep.equal([
      'session.start',
      'session.end',
    ])
  })

  it('end when nobody comes back for the idle time, and after the longest time in any case', async () => {
    const hour = 3_600_000
    const browser = await signedIn(gateway, await person('idle'))
    now = Date.now() + 71 * hour
    expect(await isIn(browser)).to.equal(true)
    now = Date.now() + 73 * hour
    expect(await isIn(browser)).to.equal(false)
    const { writer } = gateway.test.connections
    await writer
      .updateTable('session')
      .set({ last_seen: Date.now() + 719 * hour })
      .execute()
    now = Date.now() + 719 * hour
    expect(await isIn(browser)).to.equal(true)
    now = Date.now() + 721 * hour
    expect(await isIn(browser)).to.equal(false)
  })

  it('are nobody’s while the person is not active, though the row of the session were still there', async () => {
    const user = await person('row-left')
    const browser = await signedIn(gateway, user)
    const { writer } = gateway.test.connections
    for (const [status, open] of [
      ['deactivated', false],
      ['pending', false],
      ['active', true],
    ] as const) {
      await writer.updateTable('user').set({ status }).where('id', '=', user).execute()
      expect(await isIn(browser), status).to.equal(open)
    }
  })

  it('are listed for the person, who ends the others and nobody else’s', async () => {
    const [ben, eve] = [await person('ben'), await person('eve')]
    const [first, second, foreign] = [
      await signedIn(gateway, ben),
      await signedIn(gateway, ben, { method: 'password' }),
      await signedIn(gateway, eve),
    ]
    const { html } = await first.get('/account')
    expect(html).to.include('now, in this browser')
    const { session } = hiddenFields(html, '/account/sessions/end')
    const eves = await gateway.test.store.reads.sessions.list(gateway.tenant.orgId, now, eve)
    await first.submit('/account', '/account/sessions/end', { session: eves[0]!.id })
    expect(await isIn(foreign)).to.equal(true)
    await first.submit('/account', '/account/sessions/end', { session: session! })
    expect([await isIn(first), await isIn(second)]).to.deep.equal([true, false])
  })

  it('end with the person: deactivated over SCIM, the next click is signed out, and coming back does not restore it', async () => {
    const user = await person('leaver')
    const browsers = [await signedIn(gateway, user), await signedIn(gateway, user)]
    const setActive = (active: boolean) =>
      changeUser(gateway.tenant.provisioning, gateway.tenant.idp, user, {
        method: 'PATCH',
        change: (state) => ({ ...state, active }),
      }).durable
    await setActive(false)
    expect(await Promise.all(browsers.map(isIn))).to.deep.equal([false, false])
    await setActive(true)
    expect(await Promise.all(browsers.map(isIn))).to.deep.equal([false, false])
    expect(await isIn(await signedIn(gateway, user))).to.equal(true)
  })

  it('end when an identity provider says that the e-mail is another’s now, and with no other change of it', async () => {
    const { id } = await gateway.tenant.user('mail@example.com', {
      attributes: { emails: [{ value: 'one@example.com', primary: true }] },
    })
    const browser = await signedIn(gateway, id)
    const change = (attributes: JsonObject) =>
      changeUser(gateway.tenant.provisioning, gateway.tenant.idp, id, {
        method: 'PATCH',
        change: (state) => ({ ...state, attributes: { ...state.attributes, ...attributes } }),
      }).durable
    await change({
      title: 'Dr',
      userName: 'renamed@example.com',
      emails: [{ value: 'ONE@example.com', primary: true }],
    })
    expect(await isIn(browser)).to.equal(true)
    await change({ emails: [{ value: 'two@example.com', primary: true }] })
    expect(await isIn(browser)).to.equal(false)
    const last = (await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1))[0]!
    expect(JSON.parse(last.body)).to.deep.include({ action: 'user.update', steps: [{ name: 'sessions', ended: 1 }] })
  })

  it('end when the person is deleted', async () => {
    const user = await person('gone')
    const browser = await signedIn(gateway, user)
    await deleteUser(gateway.tenant.provisioning, gateway.tenant.idp, user, { method: 'DELETE' }).durable
    expect(await isIn(browser)).to.equal(false)
  })

  it('are not begun for who is not active', async () => {
    const { id } = await gateway.tenant.user('off@example.com', { active: false })
    const failed = await signedIn(gateway, id).catch((error: unknown) => error)
    expect(failed).to.include({ code: 'forbidden', reason: 'session.inactive' })
  })

  it('end by what an issuer names: its own session, or its name for the person', async () => {
    const user = await person('many')
    const issuer = 'https://idp.example'
    const [one, two, other] = [
      await signedIn(gateway, user, { issuer, subject: 's', sid: '1' }),
      await signedIn(gateway, user, { issuer, subject: 's', sid: '2' }),
      await signedIn(gateway, user, { issuer: 'https://other.example', subject: 's', sid: '1' }),
    ]
    const end = (which: { sid: string } | { subject: string }) =>
      endSessionsNow(gateway.tenant.provisioning, operation(), gateway.tenant.orgId, {
        ...{ issuer, reason: 'issuer-signed-out' },
        ...which,
      }).durable
    expect(await end({ sid: '1' })).to.have.length(1)
    expect([await isIn(one), await isIn(two), await isIn(other)]).to.deep.equal([false, true, true])
    expect(await end({ subject: 's' })).to.have.length(1)
    expect([await isIn(two), await isIn(other)]).to.deep.equal([false, true])
  })
})
