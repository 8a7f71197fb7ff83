import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Attribute, Change } from 'ldapts'
import { ConfigError, loadConfig } from '../../src/config.ts'
import type { OrgSummary } from '../../src/domain/ports.ts'
import { ROLLCALL_URN, USER_URN } from '../../src/domain/schema-urns.ts'
import { startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/http/logging.ts'
import { pairConnection } from '../../src/provisioning/sign-in-providers.ts'
import { DIALECTS } from '../support/databases.ts'
import { askRollcall } from '../support/cli.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { SEARCH_DN, SEARCH_PASSWORD, type Slapd, startSlapd, withSlapd } from '../support/slapd.ts'
import { operation } from '../support/tenant.ts'
import { addGroup, addPerson, GROUPS, PEOPLE } from '../signin/ldap/people.ts'
import { Browser, hiddenFields, type PageAnswer } from './browser.ts'

const WRONG = 'The user name or the password is not right.'

for (const dialect of DIALECTS) {
  withSlapd(`signing in by LDAP over the sign-in page (${dialect})`, () => {
    let slapd: Slapd
    let running: TestGateway
    let scim: ScimClient
    let environment: Readonly<Record<string, string>>

    before(async function () {
      this.timeout(60_000)
      slapd = await startSlapd()
      const [ada, out] = [await addPerson(slapd, 'ada'), await addPerson(slapd, 'outsider')]
      const [eve, guest] = [await addPerson(slapd, 'eve'), await addPerson(slapd, 'guest')]
      await addGroup(slapd, 'staff', [ada, eve, guest])
      await addGroup(slapd, 'ml-research', [ada])
      await addGroup(slapd, 'elsewhere', [ada, out])
      // The names under which other deployments have it.
      const file = join(mkdtempSync(join(tmpdir(), 'rollcall-ca-')), 'ca.pem')
      writeFileSync(file, slapd.ca)
      environment = {
        LDAP_CA_FILE: file,
        ...{ LOCAL_LDAP_ADDRESS: slapd.url, LOCAL_LDAP_BASE_DN: PEOPLE, LOCAL_LDAP_TLS_ENABLE: 'true' },
        ...{ LOCAL_LDAP_BIND_DN: SEARCH_DN, LOCAL_LDAP_BIND_PW: SEARCH_PASSWORD, LOCAL_LDAP_LOGIN: 'True' },
        ...{ LOCAL_LDAP_ATTRIBUTES: 'email=mail,group=memberOf', LOCAL_LDAP_GROUP_ALLOW_LIST: 'staff' },
        ...{ GORILLA_LDAP_GROUP_SYNC: 'true', LDAP_GROUP_BASE_DN: GROUPS },
      }
      running = await start()
      scim = new ScimClient(running.base, running.token)
    })
    after(async () => {
      scim.close()
      await running.gateway.stop()
      await slapd.remove()
    })

    async function start(more: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
      return startTestGateway(dialect, { ...environment, ...more })
    }

    async function signIn(userName: string, password = `${userName}-secret`, browser = new Browser(running.url)) {
      const { html } = await browser.get('/signin')
      const user = /name="(user-[^"]+)"/.exec(html)?.[1] ?? ''
      const answer = await browser.submit('/signin', '/signin/directory', {
        [user]: userName,
        [user.replace('user-', 'password-')]: password,
      })
      return { browser, answer }
    }

    async function orgOf({ gateway }: TestGateway): Promise<OrgSummary> {
      return (await gateway.opened.store.reads.orgs.list())[0]!
    }

    async function actions(): Promise<readonly string[]> {
      const records = await running.gateway.opened.store.reads.records.tail((await orgOf(running)).id, 30)
      return records.map(({ body }) => (JSON.parse(body) as { action: string }).action)
    }

    const people = async (userName: string): Promise<Record<string, unknown>[]> =>
      ((await scim.get(`/Users?filter=userName+eq+%22${userName}%22`)).body as { Resources: Record<string, unknown>[] })
        .Resources

    function expectRefused({ status, html }: PageAnswer, wanted: number, text: string): void {
      expect(status, html).to.equal(wanted)
      expect(html).to.contain(text)
    }

    it('makes the person at the first sign-in, in the teams that exist of their groups, and lets them in', async () => {
      await scim.post('/Groups', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
        displayName: 'ML-research',
      })
      const { browser, answer } = await signIn('Ada', 'ada-secret')
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/'])
      const account = await browser.get('/account')
      expect(account.html).to.contain('directory password')
      const [made, ...more] = await people('ada')
      expect(more).to.deep.equal([])
      expect(made).to.include({ userName: 'ada', active: true, displayName: 'The ada' })
      expect(made!['groups']).to.have.length(1).and.to.have.nested.property('[0].display', 'ML-research')
      await signIn('ada')
      expect(await people('ada')).to.have.length(1)
      expect(await actions()).to.include.members(['sso.login', 'sso.jit'])
    })

    it('lets whoever was invited arrive by it from the page of the invitation, also after a wrong password', async () => {
      const args = ['invite', 'create', 'guest@example.org', '--user-name', 'invited-guest']
      const { link } = await askRollcall<{ readonly link: string }>(args, running.env)
      const browser = new Browser(running.url)
      const path = new URL(link).pathname
      const { html } = await browser.get(path)
      const user = /name="(user-[^"]+)"/.exec(html)?.[1] ?? ''
      const typed = (password: string) => ({ [user]: 'guest', [user.replace('user-', 'password-')]: password })
      const wrong = await browser.submit(path, '/signin/directory', typed('wrong'))
      expect(wrong.status).to.equal(401)
      const again = { ...hiddenFields(wrong.html, '/signin/directory'), ...typed('guest-secret') }
      const answer = await browser.post('/signin/directory', again)
      expect([answer.status, answer.headers.get('location')]).to.deep.equal([303, '/account'])
      expect(await people('guest')).to.deep.equal([])
      expect((await people('invited-guest'))[0]).to.include({ active: true })
      expect(await actions()).to.include.members(['sso.link', 'invite.accept'])
      expect((await new Browser(running.url).get(path)).status).to.equal(403)
    })

    it('says one sentence for a wrong password, an unknown name and an empty one, and gives no session', async () => {
      const tries: [string, string][] = [
        ['ada', 'wrong'],
        ['nobody', 'wrong'],
        ['*', 'ada-secret'],
        ['ada', ''],
        ['', 'x'],
      ]
      const pages = new Set<string>()
      for (const [name, password] of tries) {
        const { browser, answer } = await signIn(name, password)
        expectRefused(answer, 401, WRONG)
        pages.add(answer.html.replace(/name="[^"]*csrf[^"]*" value="[^"]*"/, ''))
        expect((await browser.get('/account')).status).to.equal(303)
      }
      expect(pages.size).to.equal(1)
      expect(await actions()).to.include('sso.refused')
    })

    it('tells who is in none of the allowed groups so, and makes nobody', async () => {
      expectRefused((await signIn('outsider')).answer, 403, 'none of the groups')
      expect(await people('outsider')).to.deep.equal([])
    })

    it('does not bring back whom SCIM deactivated', async () => {
      const { browser } = await signIn('eve')
      expect((await browser.get('/account')).status).to.equal(200)
      const [eve] = await people('eve')
      await scim.patch(`/Users/${String(eve!['id'])}`, [{ op: 'replace', value: { active: false } }])
      expect((await browser.get('/account')).status).to.equal(303)
      expectRefused((await signIn('eve')).answer, 403, 'deactivated')
      expect((await people('eve'))[0]).to.include({ active: false })
    })

    it('answers 503 while the directory is down, whatever the password, and lets in again after it', async () => {
      await slapd.stop()
      for (const password of ['ada-secret', 'wrong']) {
        const { answer } = await signIn('ada', password)
        expectRefused(answer, 503, 'Your account is not the cause')
        expect(answer.headers.get('retry-after')).to.equal('10')
      }
      await slapd.start()
      expect((await signIn('ada')).answer.status).to.equal(303)
    })

    it('asks who signs in too often with a wrong password to wait, without asking the directory', async () => {
      await addPerson(slapd, 'guessed')
      for (let n = 0; n < 10; n++) expectRefused((await signIn('guessed', 'wrong')).answer, 401, WRONG)
      const { answer } = await signIn('guessed')
      expect(answer.status).to.equal(429)
      expect(Number(answer.headers.get('retry-after'))).to.be.within(1, 900)
    })

    it('makes nobody with DISABLE_SSO_PROVISIONING=true, and lets in who is known, or was pushed over SCIM', async () => {
      const ada = await addPerson(slapd, 'pushed')
      await addPerson(slapd, 'unknown')
      await slapd.asAdmin((client) => {
        const added = new Attribute({ type: 'member', values: [ada, `uid=unknown,${PEOPLE}`] })
        return client.modify(`cn=staff,${GROUPS}`, new Change({ operation: 'add', modification: added }))
      })
      const { provisioning, opened } = running.gateway
      const org = await orgOf(running)
      const [connection] = await opened.store.reads.orgs.connections(org.id)
      const [provider] = await opened.store.reads.providers.list(org.id)
      const caller = { orgId: org.id, connection: undefined, ...operation() }
      await pairConnection(provisioning, caller, connection!.id, provider!.id).durable
      await scim.post('/Users', { schemas: [USER_URN], userName: 'Pushed' })
      scim.close()
      await running.gateway.stop()
      const strict = loadConfig({ ...running.env, DISABLE_SSO_PROVISIONING: 'true' })
      running = { ...running, gateway: await startGateway(strict, createLogger('silent')) }
      scim = new ScimClient(running.base, running.token)
      expectRefused((await signIn('unknown')).answer, 403, 'You cannot sign in here yet')
      expect(await people('unknown')).to.deep.equal([])
      expect((await actions()).at(-1)).to.equal('sso.refused')
      for (const name of ['ada', 'pushed']) expect((await signIn(name)).answer.status, name).to.equal(303)
      expect(await people('pushed')).to.have.length(1)
      // The stop before has written what the sign-ins before were.
      const did = (await people('ada'))[0]![ROLLCALL_URN] as Record<string, unknown>
      expect(did).to.include({ daysActive: 1 })
      expect(Date.parse(String(did['lastActiveAt']))).to.be.greaterThan(Date.now() - 300_000)
    }).timeout(60_000)

    it('is off the page with LOCAL_LDAP_LOGIN=False, and stops the start when it is half configured', async () => {
      const off = await start({ LOCAL_LDAP_LOGIN: 'False' })
      expect((await new Browser(off.url).get('/signin')).html).not.to.contain('/signin/directory')
      await off.stop()
      expect(() => loadConfig({ LOCAL_LDAP_ADDRESS: 'ldaps://a' })).to.throw(ConfigError, 'LDAP_BASE_DN')
      expect(() => loadConfig({ LDAP_ATTRIBUTES: 'mail' })).to.throw(ConfigError, 'LDAP_ATTRIBUTES')
    })
  })
}
