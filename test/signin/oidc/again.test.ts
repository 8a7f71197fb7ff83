import { expect } from 'chai'
import { createProvider } from '../../../src/provisioning/sign-in-providers.ts'
import type { SignInProvider } from '../../../src/domain/sign-in-provider.ts'
import { type AdminGateway, openAdminGateway, PUBLIC_URL } from '../../admin/api.ts'
import { Browser, type PageAnswer } from '../../console/browser.ts'
import { operatorOf } from '../../support/callers.ts'
import { forEachDialect } from '../../support/databases.ts'
import { type LyingIssuer, openLyingIssuer } from '../../support/lying-issuer.ts'

forEachDialect('signing in once more at an OpenID provider, before what is dangerous (S09)', (dialect) => {
  let gateway: AdminGateway
  let issuer: LyingIssuer
  let provider: SignInProvider
  let browser: Browser

  before(async () => {
    gateway = await openAdminGateway(dialect, undefined, { ALLOW_PRIVATE_ISSUERS: 'true' })
    issuer = await openLyingIssuer()
    const config = { issuer: issuer.issuer, clientId: issuer.clientId, clientAuth: 'none' }
    const draft = { kind: 'oidc', name: 'Lab', config } as const
    provider = await createProvider(gateway.tenant.provisioning, operatorOf(gateway.tenant.orgId), draft).durable
    browser = new Browser(gateway.origin, PUBLIC_URL)
    const first = issuer.answer(await begin(`/signin/oidc?org=${provider.orgId}&provider=${provider.id}`))
    expect((await comeBack(first)).status).to.equal(303)
    // As if eleven minutes had passed.
    await gateway.test.connections.writer
      .updateTable('session')
      .set({ authenticated_at: Date.now() - 660_000 })
      .execute()
  })
  after(async () => {
    await issuer.close()
    await gateway.close()
  })

  const begin = async (path: string): Promise<string> => (await browser.get(path)).headers.get('location')!
  const comeBack = (url: URL): Promise<PageAnswer> => browser.get(url.pathname + url.search)
  /** Whether a personal key is made, and the page with it shown; else one is sent to confirm. */
  const mayChange = async (): Promise<boolean> => {
    const { status, headers } = await browser.submit('/account/keys', '/account/keys', { name: 'k' })
    if (status !== 303) expect(status).to.equal(201)
    else expect(headers.get('location')).to.match(/^\/signin\/again\?/)
    return status === 201
  }

  /** Where the page that confirms leads. */
  async function again(): Promise<string> {
    const page = await browser.get('/signin/again?returnTo=%2Faccount')
    expect(page.html).to.include('Confirm that it is you')
    const href = /href="(\/signin\/oidc[^"]*)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&')
    expect(href).to.include('again=1')
    return begin(href!)
  }

  it('is asked for, and asks the provider for a new proof', async () => {
    expect(await mayChange()).to.equal(false)
    const { searchParams } = new URL(await again())
    expect([searchParams.get('prompt'), searchParams.get('max_age')]).to.deep.equal(['login', '0'])
  })

  it('counts for nothing where the proof is an old one, or another person’s', async () => {
    const old = issuer.answer(await again(), ({ claims }) => {
      claims['auth_time'] = Math.floor(Date.now() / 1000) - 3_600
    })
    expect((await comeBack(old)).status).to.equal(403)
    const other = issuer.answer(await again(), ({ claims }) => {
      Object.assign(claims, { sub: 's-2', preferred_username: 'bob', email: 'bob@x.example' })
    })
    const answer = await comeBack(other)
    expect([answer.status, answer.html.includes('somebody else than before')]).to.deep.equal([403, true])
    expect(await mayChange()).to.equal(false)
  })

  it('lets go on where it was asked, for ten minutes', async () => {
    const good = issuer.answer(await again(), ({ claims }) => {
      claims['auth_time'] = Math.floor(Date.now() / 1000)
    })
    const back = await comeBack(good)
    expect([back.status, back.headers.get('location')]).to.deep.equal([303, '/account'])
    expect(await mayChange()).to.equal(true)
  })
})
