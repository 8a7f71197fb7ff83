import { expect } from 'chai'
import type { Browser } from '../console/browser.ts'
import { Browser as Visitor } from '../console/browser.ts'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, spawnRollcall } from '../support/gateway.ts'
import { type LyingIssuer, openLyingIssuer } from '../support/lying-issuer.ts'
import { freePort } from '../support/postgres.ts'
import { ScimClient } from '../support/scim-client.ts'
import { onDialect } from './beside.ts'
import { madeId, person } from './resources.ts'
import { eventually } from './waiting.ts'

const PASSWORD = 'ruddy-otter-climbs-9-hills'

interface Link {
  readonly url: string
}

onDialect('postgres', 'people who are signed in at two instances', function () {
  let environments: readonly GatewayEnvironment[] = []
  let gateways: readonly GatewayProcess[] = []
  let scim: ScimClient
  let first: GatewayEnvironment
  let issuer: LyingIssuer

  before(async function () {
    this.timeout(90_000)
    issuer = await openLyingIssuer()
    first = await gatewayEnvironment('postgres', {
      ...{ ROLLCALL_PASSWORD_COST: '14', ALLOW_PRIVATE_ISSUERS: 'true' },
      ...{ OIDC_ISSUER: issuer.issuer, OIDC_CLIENT_ID: issuer.clientId, OIDC_CLIENT_SECRET: 'of-the-environment' },
    })
    const port = await freePort()
    const second = { ...first, env: { ...first.env, PORT: String(port) }, url: `http://127.0.0.1:${port}` }
    environments = [first, second]
    scim = new ScimClient(`${first.url}/scim/v2`, first.token)
    gateways = environments.map(({ env }) => spawnRollcall(['serve'], env))
    for (const { url } of environments) {
      await eventually(async () => (await fetch(`${url}/readyz`)).status === 200, 50_000).catch((error: unknown) => {
        throw new Error(`An instance did not come up: ${lines()}`, { cause: error })
      })
    }
  })
  after(async () => {
    scim.close()
    await Promise.all(gateways.map((gateway) => gateway.end('SIGTERM')))
    await issuer.close()
  })

  const lines = (): string => gateways.map((gateway) => gateway.output()).join('\n')

  /** A person with a password, signed in at each instance. */
  async function signedInEverywhere(name: string): Promise<{ readonly id: string; readonly browsers: Browser[] }> {
    const id = madeId(await scim.post('/Users', person(name)))
    const { url } = await askRollcall<Link>(['admin', 'reset-url', id], first.env)
    const reset = new Visitor(first.url)
    const chosen = { password: PASSWORD, repeated: PASSWORD }
    const answer = await reset.submit(new URL(url).pathname, '/reset', chosen)
    expect(answer.status, answer.html).to.equal(200)
    const browsers = environments.map((one) => new Visitor(one.url))
    for (const browser of browsers) {
      const entered = await browser.submit('/signin', '/signin/password', { name: id, password: PASSWORD })
      expect(entered.status).to.equal(401)
      const named = await browser.submit('/signin', '/signin/password', { name, password: PASSWORD })
      expect(named.status, named.html).to.equal(303)
    }
    return { id, browsers }
  }

  it('S40 were given one address for the first administrator by two starts at once', () => {
    const urls = lines().match(/Set up the first administrator[^\n]*: (\S+)/g) ?? []
    expect(urls).to.have.length(1)
  })

  it('have one way to sign in, which the environment of both names', async () => {
    const ways = await askRollcall<readonly unknown[]>(['signin', 'list'], first.env)
    expect(ways).to.have.length(1)
  })

  it('S17 lose their sessions and keys within a second at both, when one of them is told over SCIM', async () => {
    const { id, browsers } = await signedInEverywhere('leaver@example.com')
    const [here] = browsers
    const made = await here!.submit('/account/keys', '/account/keys', { name: 'laptop' })
    const [, key] = /<code>(rollcall_[^<]+)/.exec(made.html)!
    const withKey = async () => {
      const answers = environments.map(({ url }) =>
        fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${key}` } }),
      )
      return (await Promise.all(answers)).map(({ status }) => status)
    }
    const clicks = async () => (await Promise.all(browsers.map((one) => one.get('/account')))).map((one) => one.status)
    expect([await clicks(), await withKey()]).to.deep.equal([
      [200, 200],
      [200, 200],
    ])
    const patch = (active: boolean) => scim.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: active }])
    expect((await patch(false)).status).to.equal(200)
    const told = performance.now()
    await eventually(async () => [...(await clicks()), ...(await withKey())].join() === '303,303,401,401', 1_000)
    expect(performance.now() - told).to.be.below(1_000)
    expect((await patch(true)).status).to.equal(200)
    expect([await clicks(), await withKey()]).to.deep.equal([
      [303, 303],
      [200, 200],
    ])
  })

  it('S17 are signed out at the one within a second of their provider having told the other so, and only there', async () => {
    const [here, there] = environments
    /** Signed in at an instance by the provider, whose own session has that name. */
    const enter = async ({ url }: GatewayEnvironment, subject: string, sid: string): Promise<Browser> => {
      const browser = new Visitor(url)
      const [, link = ''] = /href="(\/signin\/oidc[^"]*)"/.exec((await browser.get('/signin')).html) ?? []
      const to = (await browser.get(link.replaceAll('&amp;', '&'))).headers.get('location')!
      const back = issuer.answer(to, ({ claims }) => {
        Object.assign(claims, { sub: subject, preferred_username: subject, email: `${subject}@x.example`, sid })
      })
      const answer = await browser.get(back.pathname + back.search)
      expect(answer.status, answer.html).to.equal(303)
      return browser
    }
    const tell = async ({ url }: GatewayEnvironment, token: string): Promise<number> => {
      const body = new URLSearchParams({ logout_token: token })
      return (await fetch(`${url}/oidc/backchannel-logout`, { method: 'POST', body })).status
    }
    const left = await enter(here!, 'lea', 's-1')
    const kept = await enter(here!, 'lea', 's-2')
    const other = await enter(there!, 'leo', 's-3')
    const clicks = async () =>
      (await Promise.all([left, kept, other].map((one) => one.get('/account')))).map(({ status }) => status).join()
    expect(await clicks()).to.equal('200,200,200')
    const token = issuer.logoutToken({ sub: 'lea', sid: 's-1' })
    expect(await tell(there!, token)).to.equal(200)
    const told = performance.now()
    await eventually(async () => (await clicks()) === '303,200,200', 1_000)
    expect(performance.now() - told).to.be.below(1_000)
    // A token that one has taken is spent at the other as well.
    expect(await tell(here!, token)).to.equal(400)
    expect(await tell(there!, issuer.logoutToken({ sub: 'lea' }))).to.equal(200)
    await eventually(async () => (await clicks()) === '303,303,200', 1_000)
  })

  it('are listed and signed out by command beside the servers', async () => {
    const { id, browsers } = await signedInEverywhere('listed@example.com')
    const listed = await askRollcall<readonly { readonly id: string }[]>(['session', 'list', '--user', id], first.env)
    expect(listed).to.have.length(2)
    expect(await askRollcall(['session', 'end', listed[0]!.id], first.env)).to.deep.equal({ ended: 1 })
    expect(await askRollcall(['session', 'end', '--user', id], first.env)).to.deep.equal({ ended: 1 })
    for (const browser of browsers) expect((await browser.get('/account')).status).to.equal(303)
    const wrong = await runRollcall(['session', 'end'], first.env)
    expect(wrong.status).to.equal(1)
    expect(wrong.stderr).to.include('Name one session by its id')
  })

  it('may be made an administrator by an address that a command prints, once', async () => {
    const { url } = await askRollcall<Link>(['admin', 'setup-url'], first.env)
    const given = {
      email: 'chief@example.com',
      name: 'Chief',
      password: PASSWORD,
      repeated: PASSWORD,
      breakGlass: 'on',
    }
    const visits = environments.map((one) => new Visitor(one.url))
    const path = new URL(url).pathname
    for (const visit of visits) await visit.get(path)
    const answers = await Promise.all(visits.map((visit) => visit.submit(path, '/setup', given).catch(() => undefined)))
    expect(answers.filter((answer) => answer?.status === 303)).to.have.length(1)
    expect((await new Visitor(first.url).get(path)).status).to.equal(403)
    const people = await askRollcall<readonly { readonly userName: string; readonly orgRole: string }[]>(
      ['user', 'list', '--org-role', 'admin'],
      first.env,
    )
    expect(people.map(({ userName }) => userName)).to.deep.equal(['chief@example.com'])
  })
})
