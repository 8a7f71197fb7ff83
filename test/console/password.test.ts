import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { setPersonFlag } from '../../src/provisioning/person-flags.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf } from '../support/tenant.ts'
import { Browser, type PageAnswer, signedIn } from './browser.ts'
import { givePassword, PASSWORD } from './local-accounts.ts'

const OTHER = 'quiet-heron-folds-7-maps'

forEachDialect('signing in by password', (dialect) => {
  let gateway: AdminGateway

  before(async () => {
    gateway = await openAdminGateway(dialect)
  })
  after(() => gateway.close())

  const visitor = (): Browser => new Browser(gateway.origin, gateway.publicUrl)
  const withPassword = async (name: string): Promise<UserId> => {
    const { id } = await gateway.tenant.user(`${name}@example.com`)
    await givePassword(gateway, id)
    return id
  }
  const enter = (name: string, password: string, browser = visitor(), returnTo = ''): Promise<PageAnswer> =>
    browser.submit(`/signin?returnTo=${encodeURIComponent(returnTo)}`, '/signin/password', { name, password })
  const require = (ssoRequired: boolean) =>
    changeOrgSettings(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), { settings: { ssoRequired } })
      .durable

  it('opens a session, and goes on to where the person was going and nowhere else', async () => {
    await withPassword('ann')
    const browser = visitor()
    const { status, headers } = await enter('ANN@example.com', PASSWORD, browser, '/account/keys')
    expect([status, headers.get('location')]).to.deep.equal([303, '/account/keys'])
    expect((await browser.get('/account')).html).to.include('ann@example.com')
    const away = await enter('ann@example.com', PASSWORD, visitor(), '//evil.example')
    expect(away.headers.get('location')).to.equal('/')
  })

  it('is another session than one that was prepared before (CWE-384)', async () => {
    await withPassword('fix')
    const { id } = await gateway.tenant.user('attacker@example.com')
    const browser = await signedIn(gateway, id)
    const prepared = browser.cookies.get('__Host-rollcall')!
    const page = await browser.get('/signin/again')
    expect(page.status).to.equal(200)
    await browser.submit('/signin/again', '/signin/password', { name: 'fix@example.com', password: PASSWORD })
    expect(browser.cookies.get('__Host-rollcall')).not.to.equal(prepared)
    const old = visitor()
    old.setCookie('__Host-rollcall', prepared)
    expect((await old.get('/account')).status).to.equal(303)
  })

  it('is refused in one sentence for a wrong password, for nobody, and for who has none or is gone', async () => {
    await withPassword('bob')
    const gone = await withPassword('gone')
    await gateway.tenant.user('none@example.com')
    await changeUser(gateway.tenant.provisioning, gateway.tenant.idp, gone, {
      method: 'PATCH',
      change: (state) => ({ ...state, active: false }),
    }).durable
    const sentences = new Set<string>()
    for (const [name, password] of [
      ['bob@example.com', 'wrong-heron-folds-7-maps'],
      ['nobody@example.com', PASSWORD],
      ['none@example.com', PASSWORD],
      ['gone@example.com', PASSWORD],
      ['', ''],
    ] as const) {
      const { status, html } = await enter(name, password)
      expect(status).to.equal(401)
      sentences.add(/role="alert">([^<]*)/.exec(html)![1]!)
    }
    expect([...sentences]).to.deep.equal(['User name or password is wrong, or this account has no password here.'])
    const last = (await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1))[0]!
    expect(last).to.include({ action: 'password.sign-in', result: 'refused' })
    expect(last.body).not.to.include(PASSWORD)
  })

  it('waits after ten wrong passwords in a row, however many come at once, and then takes not even the right one', async () => {
    await withPassword('target')
    const browser = visitor()
    await browser.get('/signin')
    const tries = await Promise.all(
      Array.from({ length: 14 }, () => enter('target@example.com', 'wrong-heron-folds-7-maps')),
    )
    expect(tries.filter(({ status }) => status === 401)).to.have.length(10)
    const waiting = tries.filter(({ status }) => status === 429)
    expect(waiting).to.have.length(4)
    expect(Number(waiting[0]!.headers.get('retry-after'))).to.be.within(1, 60)
    expect((await enter('target@example.com', PASSWORD)).status).to.equal(429)
    await gateway.test.connections.writer.updateTable('local_password').set({ failed_at: 0 }).execute()
    expect((await enter('target@example.com', PASSWORD)).status).to.equal(303)
    expect((await enter('target@example.com', 'wrong-heron-folds-7-maps')).status).to.equal(401)
  })

  it('takes another password only from who signed in within ten minutes, and ends the other sessions', async () => {
    const user = await withPassword('kim')
    const [browser, other] = [await signedIn(gateway, user), await signedIn(gateway, user)]
    const session = gateway.test.connections.writer.updateTable('session').where('user_id', '=', user)
    await session.set({ authenticated_at: Date.now() - 601_000 }).execute()
    const stale = await browser.get('/account/password')
    expect(stale.headers.get('location')).to.equal('/signin/again?returnTo=%2Faccount%2Fpassword')
    await browser.submit('/signin/again', '/signin/password', { name: 'kim@example.com', password: PASSWORD })
    const chosen = { password: OTHER, repeated: OTHER }
    expect((await browser.submit('/account/password', '/account/password', chosen)).status).to.equal(200)
    expect((await other.get('/account')).status).to.equal(303)
    expect((await browser.get('/account')).status).to.equal(200)
    expect((await enter('kim@example.com', PASSWORD)).status).to.equal(401)
    expect((await enter('kim@example.com', OTHER)).status).to.equal(303)
  })

  it('is set anew by a link that works once, and every session ends', async () => {
    const user = await withPassword('lou')
    const browser = await signedIn(gateway, user)
    const admin = gateway.client(await gateway.key('admin'))
    const { json } = await admin.post(`/users/${user}/password-reset`, undefined)
    const path = new URL(String(json['url'])).pathname
    expect(new URL(String(json['url'])).origin).to.equal(gateway.publicUrl)
    const fields = { password: OTHER, repeated: OTHER }
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        visitor()
          .submit(path, '/reset', fields)
          .catch(() => null),
      ),
    )
    expect(answers.filter((answer) => answer?.status === 200)).to.have.length(1)
    expect((await browser.get('/account')).status).to.equal(303)
    expect((await visitor().get(path)).status).to.equal(403)
    expect((await enter('lou@example.com', OTHER)).status).to.equal(303)
  })

  it('S14 is closed where single sign-on is required: by every name, and by every reset; break-glass is excepted', async () => {
    const user = await withPassword('local')
    const admin = operatorOf(gateway.tenant.orgId)
    const { provisioning, idp } = gateway.tenant
    const client = gateway.client(await gateway.key('admin'))
    const made = await client.post('/users', {
      userName: 'glass@example.com',
      email: 'g@example.com',
      orgRole: 'admin',
    })
    const glass = String(made.json['id']) as UserId
    await givePassword(gateway, glass)
    await setPersonFlag(provisioning, admin, glass, { flag: 'break_glass', on: true }).durable
    const { json: link } = await client.post(`/users/${user}/password-reset`, undefined)
    // Opened while it was allowed.
    const early = visitor()
    const form = await early.get('/signin')
    expect(form.html).to.include('action="/signin/password"')
    await require(true)
    try {
      expect((await visitor().get('/signin')).html).not.to.include('/signin/password')
      for (const name of ['local@example.com', user, 'LOCAL@EXAMPLE.COM', 'nobody@example.com']) {
        const answer = await visitor().submit(`/signin/local?org=${gateway.tenant.orgId}`, '/signin/password', {
          ...{ name, password: PASSWORD },
        })
        expect([name, answer.status]).to.deep.equal([name, 403])
        expect(answer.html).to.include('identity provider')
      }
      const reset = await visitor().submit(new URL(String(link['url'])).pathname, '/reset', {
        ...{ password: OTHER, repeated: OTHER },
      })
      expect(reset.status).to.equal(403)
      expect((await client.post(`/users/${user}/password-reset`, undefined)).status).to.equal(403)
      const session = await signedIn(gateway, user)
      const chosen = { password: OTHER, repeated: OTHER }
      expect((await session.submit('/account/password', '/account/password', chosen)).status).to.equal(403)
      const saved = await visitor().submit(`/signin/local?org=${gateway.tenant.orgId}`, '/signin/password', {
        ...{ name: 'glass@example.com', password: PASSWORD },
      })
      expect(saved.status).to.equal(303)
    } finally {
      await require(false)
    }
    expect(await actionsOf(gateway.test, gateway.tenant.orgId)).to.include('password.sign-in')
    expect(idp.connection?.kind).to.equal('idp')
  })

  it('keeps a break-glass account from every connection: not linked, changed, deactivated or deleted over SCIM', async () => {
    const client = gateway.client(await gateway.key('admin'))
    const made = await client.post('/users', { userName: 'vault@example.com', orgRole: 'admin' })
    const id = String(made.json['id']) as UserId
    const { provisioning, idp, orgId } = gateway.tenant
    const flag = { flag: 'break_glass', on: true } as const
    await setPersonFlag(provisioning, operatorOf(orgId), id, flag).durable
    const script = await gateway.tenant.connect('script', 'script')
    for (const caller of [idp, script]) {
      for (const active of [true, false]) {
        const change = changeUser(provisioning, caller, id, {
          method: 'PATCH',
          change: (state) => ({ ...state, active, attributes: { ...state.attributes, title: 'x' } }),
        }).durable
        expect(await change.catch((error: unknown) => error)).to.include({ reason: 'break-glass.untouchable' })
      }
      const removed = await deleteUser(provisioning, caller, id, { method: 'DELETE' }).durable.catch(
        (error: unknown) => error,
      )
      expect(removed).to.include({ code: 'forbidden' })
    }
    const { id: owned } = await gateway.tenant.user('pushed@example.com')
    const refused = await setPersonFlag(provisioning, operatorOf(orgId), owned, flag).durable.catch(
      (error: unknown) => error,
    )
    expect(refused).to.include({ reason: 'break-glass.managed' })
  })
})
