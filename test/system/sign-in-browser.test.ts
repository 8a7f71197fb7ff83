import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { loadConfig } from '../../src/config.ts'
import { withOperator } from '../../src/operator.ts'
import { pairConnection } from '../../src/provisioning/sign-in-providers.ts'
import { operatorOf } from '../support/callers.ts'
import { closeChromium, openPage, type WatchedPage } from '../support/chromium.ts'
import { recordsOf } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type HonestIssuer, openHonestIssuer } from '../support/honest-issuer.ts'
import { freePort } from '../support/postgres.ts'
import { ScimClient } from '../support/scim-client.ts'
import { madeId, person } from './resources.ts'

forEachDialect('people at a real browser, a real OpenID provider and a gateway in another process', function (dialect) {
  let issuer: HonestIssuer
  let environment: GatewayEnvironment
  let beside: GatewayEnvironment
  let gateways: GatewayProcess[] = []
  let watched: WatchedPage
  let page: Page

  before(async function () {
    this.timeout(120_000)
    const bare = await gatewayEnvironment(dialect)
    issuer = await openHonestIssuer(`${bare.url}/oidc/callback`)
    issuer.people.set('ann-1', who('ann'))
    issuer.people.set('eve-1', who('eve'))
    issuer.people.set('bob-1', who('bob'))
    const settings = {
      ...{ OIDC_ISSUER: issuer.issuer, OIDC_CLIENT_ID: issuer.clientId, OIDC_CLIENT_SECRET: issuer.clientSecret },
      ...{ ALLOW_PRIVATE_ISSUERS: 'true', ROLLCALL_PASSWORD_COST: '14' },
    }
    environment = { ...bare, env: { ...bare.env, ...settings } }
    beside = dialect === 'postgres' ? await another(environment) : environment
    await serve({})
    watched = await openPage()
    page = watched.page
  })
  after(async () => {
    await closeChromium()
    await Promise.all(gateways.map((gateway) => gateway.end('SIGTERM')))
    await issuer.close()
  })

  const who = (name: string) => ({
    ...{ email: `${name}@people.example`, email_verified: true, name, preferred_username: `${name}@people.example` },
  })

  /** On PostgreSQL a second instance on the same store; the embedded store has one server. */
  async function another(one: GatewayEnvironment): Promise<GatewayEnvironment> {
    const port = await freePort()
    return { ...one, env: { ...one.env, PORT: String(port) }, url: `http://127.0.0.1:${port}` }
  }

  async function serve(more: Readonly<Record<string, string>>): Promise<void> {
    for (const gateway of gateways) await gateway.end('SIGTERM')
    gateways = []
    for (const one of new Set([environment, beside])) {
      gateways.push(await serveProcess({ ...one, env: { ...one.env, ...more } }))
    }
  }

  async function signIn(subject: string): Promise<void> {
    await watched.context.clearCookies()
    await page.goto(`${environment.url}/account`)
    await Promise.all([page.waitForNavigation(), page.click('main a[href*="/signin/oidc"]')])
    await page.fill('input[name=login]', subject)
    await page.fill('input[name=password]', 'any')
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')])
    await Promise.all([page.waitForURL(`${environment.url}/**`), page.click('button[type=submit]')])
  }

  /** Says that the connection's people are those of the provider. */
  async function pair(): Promise<void> {
    await withOperator(
      loadConfig(environment.env),
      { warn: () => undefined, keyMade: () => undefined },
      async (one) => {
        const { id: orgId } = (await one.reads.orgs.list())[0]!
        const [connection] = await one.reads.orgs.connections(orgId)
        const [provider] = await one.reads.providers.list(orgId)
        await pairConnection(one.provisioning, operatorOf(orgId), connection!.id, provider!.id).durable
      },
    )
  }

  async function scim<T>(use: (client: ScimClient) => Promise<T>): Promise<T> {
    const client = new ScimClient(`${beside.url}/scim/v2`, beside.token)
    try {
      return await use(client)
    } finally {
      client.close()
    }
  }

  const idOf = (userName: string): Promise<string | undefined> =>
    scim(async (client) => {
      const { body } = await client.get(`/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`)
      return (body['Resources'] as readonly { readonly id: string }[] | undefined)?.[0]?.id
    })

  const actions = async (): Promise<readonly string[]> =>
    (await recordsOf(environment.env)).map(({ record }) => record.action)

  it('are made at their first sign-in, and signed out by the next click once SCIM says so elsewhere', async function () {
    this.timeout(120_000)
    expect(await idOf('ann@people.example')).to.equal(undefined)
    await signIn('ann-1')
    expect(new URL(page.url()).pathname).to.equal('/account')
    expect((await page.textContent('main')) ?? '').to.include('single sign-on')
    const id = await idOf('ann@people.example')
    expect(id).to.be.a('string')
    expect(await actions()).to.include.members(['sso.jit', 'session.start'])
    await Promise.all([page.waitForNavigation(), page.click('a[href="/account/keys"]')])
    expect(await page.textContent('h1')).to.equal('Your API keys')
    const answer = await scim((client) =>
      client.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }]),
    )
    expect(answer.status, answer.text).to.equal(200)
    // The page is still open; this is the next click.
    await Promise.all([page.waitForNavigation(), page.click('a[href="/account"]')])
    expect(new URL(page.url()).pathname).to.equal('/signin')
    await signIn('ann-1')
    expect(await page.textContent('h1')).not.to.equal('Your account')
    await page.goto(`${environment.url}/account`)
    expect(new URL(page.url()).pathname).to.equal('/signin')
    expect(watched.complaints).to.deep.equal([])
  })

  it('are not made with DISABLE_SSO_PROVISIONING=true: no row, no session, a page that helps; who was pushed signs in', async function () {
    this.timeout(120_000)
    await serve({ DISABLE_SSO_PROVISIONING: 'true' })
    await signIn('eve-1')
    expect(await page.textContent('h1')).to.equal('You cannot sign in here yet')
    expect(await idOf('eve@people.example')).to.equal(undefined)
    expect((await actions()).at(-1)).to.equal('sso.refused')
    await page.goto(`${environment.url}/account`)
    expect(new URL(page.url()).pathname).to.equal('/signin')
    const made = await scim((client) => client.post('/Users', person('bob@people.example')))
    const bob = madeId(made)
    await pair()
    await signIn('bob-1')
    expect(new URL(page.url()).pathname, (await page.textContent('main')) ?? '').to.equal('/account')
    expect(await idOf('bob@people.example')).to.equal(bob)
    expect(watched.complaints).to.deep.equal([])
  })
})
