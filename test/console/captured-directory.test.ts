import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall } from '../support/cli.ts'
import { DIALECTS } from '../support/databases.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { SEARCH_DN, SEARCH_PASSWORD, type Slapd, startSlapd, withSlapd } from '../support/slapd.ts'
import { addPerson, PEOPLE } from '../signin/ldap/people.ts'
import { Browser, type PageAnswer } from './browser.ts'

interface ShownDomain {
  readonly record: { readonly name: string; readonly value: string }
}

for (const dialect of DIALECTS) {
  withSlapd(`S38: the first sign-in by LDAP with an address of a captured domain (${dialect})`, () => {
    let slapd: Slapd
    let dns: DnsServer
    let certificates: string
    let gateways: TestGateway[]

    before(async function () {
      this.timeout(60_000)
      slapd = await startSlapd()
      dns = await openDnsServer()
      certificates = mkdtempSync(join(tmpdir(), 'rollcall-ca-'))
      writeFileSync(join(certificates, 'ca.pem'), slapd.ca)
      for (const [uid, domain] of [
        ...([
          ['newcomer', 'people.example'],
          ['later', 'People.Example'],
          ['inner', 'sub.people.example'],
        ] as const),
        ...([
          ['stranger', 'other.example'],
          ['unproved', 'unproved.example'],
          ['pushed', 'people.example'],
        ] as const),
      ]) {
        await addPerson(slapd, uid, { mail: `${uid}@${domain}` })
      }
      gateways = []
    })
    after(async () => {
      for (const gateway of gateways) await gateway.stop()
      await slapd.remove()
      await dns.close()
      rmSync(certificates, { recursive: true })
    })

    /** A gateway whose organisation has captured people.example, by a proof in the DNS, and lets nobody else in. */
    async function start(verified: boolean): Promise<TestGateway> {
      dns.zone.clear()
      const gateway = await startTestGateway(dialect, {
        ...{ LDAP_URL: slapd.ldapsUrl, LDAP_CA_FILE: join(certificates, 'ca.pem'), LDAP_BASE_DN: PEOPLE },
        ...{ LDAP_BIND_DN: SEARCH_DN, LDAP_BIND_PASSWORD: SEARCH_PASSWORD },
        ...{ LDAP_EMAIL_VERIFIED: String(verified), ROLLCALL_DNS_SERVERS: dns.address },
      })
      gateways.push(gateway)
      const { env } = gateway
      await askRollcall(['team', 'create', 'Newcomers', '--joinable'], env)
      await askRollcall(['settings', 'set', 'signIn.emailDomains=["never.example"]'], env)
      const into = ['--capture', '--team', 'Newcomers']
      const { record } = await askRollcall<ShownDomain>(['domain', 'claim', 'people.example', ...into], env)
      await askRollcall(['domain', 'claim', 'unproved.example', ...into], env)
      dns.zone.set(record.name, [record.value])
      expect((await runRollcall(['domain', 'prove', 'people.example'], env)).status).to.equal(0)
      return gateway
    }

    async function signIn({ url }: TestGateway, userName: string): Promise<PageAnswer> {
      const browser = new Browser(url)
      const [, user = ''] = /name="(user-[^"]+)"/.exec((await browser.get('/signin')).html) ?? []
      return browser.submit('/signin', '/signin/directory', {
        [user]: userName,
        [user.replace('user-', 'password-')]: `${userName}-secret`,
      })
    }

    /** The names of somebody's teams; undefined where there is nobody of that name. */
    async function teamsOf({ base, token }: TestGateway, userName: string): Promise<readonly string[] | undefined> {
      const scim = new ScimClient(base, token)
      const { body } = await scim.get(`/Users?filter=userName+eq+%22${userName}%22`)
      scim.close()
      const [found] = body['Resources'] as readonly { readonly groups?: readonly { readonly display: string }[] }[]
      return found && (found.groups ?? []).map(({ display }) => display)
    }

    it('brings them in, with its default team, also where no other domain may', async () => {
      const gateway = await start(true)
      for (const uid of ['newcomer', 'later']) {
        const { status, html } = await signIn(gateway, uid)
        expect(status, html).to.equal(303)
        expect(await teamsOf(gateway, uid)).to.deep.equal(['Newcomers'])
      }
      expect(await actionsOf(gateway.env)).to.include('sso.jit')
      for (const uid of ['stranger', 'inner', 'unproved']) {
        expect((await signIn(gateway, uid)).status, uid).to.equal(403)
        expect(await teamsOf(gateway, uid), uid).to.equal(undefined)
      }
      // Who was there already is let in as themself, and is moved nowhere.
      await askRollcall(['user', 'create', 'before', '--email', 'pushed@people.example'], gateway.env)
      expect((await signIn(gateway, 'pushed')).status).to.equal(303)
      expect(await teamsOf(gateway, 'before')).to.deep.equal([])
      expect(await teamsOf(gateway, 'pushed')).to.equal(undefined)
      // Once the domain is let go it brings nobody in any more, and whoever came by it stays.
      await askRollcall(['domain', 'release', 'people.example'], gateway.env)
      await addPerson(slapd, 'tardy', { mail: 'tardy@people.example' })
      expect((await signIn(gateway, 'tardy')).status).to.equal(403)
      expect((await signIn(gateway, 'newcomer')).status).to.equal(303)
      expect(await teamsOf(gateway, 'newcomer')).to.deep.equal(['Newcomers'])
    }).timeout(60_000)

    it('brings nobody in where people of the directory write their own addresses', async () => {
      const gateway = await start(false)
      expect((await signIn(gateway, 'newcomer')).status).to.equal(403)
      expect(await teamsOf(gateway, 'newcomer')).to.equal(undefined)
      expect((await actionsOf(gateway.env)).at(-1)).to.equal('sso.refused')
    }).timeout(60_000)
  })
}
