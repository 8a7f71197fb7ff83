import { expect } from 'chai'
import { TOPICS } from '../../src/console/topics.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { Browser, hiddenFields, signedIn } from './browser.ts'

const POSTS = TOPICS.flatMap(({ routes }) => routes).filter(({ method }) => method === 'POST')

forEachDialect('S32 what a page would change', (dialect) => {
  if (dialect !== DIALECTS[0]) return
  let gateway: AdminGateway
  let browser: Browser
  let csrf: string

  before(async () => {
    gateway = await openAdminGateway(dialect)
    browser = await signedIn(gateway, (await gateway.tenant.user('amy@example.com')).id)
    csrf = hiddenFields((await browser.get('/account')).html, '/signout')['csrf']!
  })
  after(() => gateway.close())

  for (const { path } of POSTS) {
    it(`is refused at ${path} without the token, from another site, and in another form than a form`, async () => {
      const tries = [
        await browser.post(path, {}),
        await browser.post(path, { csrf: 'A'.repeat(43) }),
        await browser.post(path, { csrf }, { origin: 'https://evil.example' }),
        await browser.post(path, { csrf }, { origin: 'null' }),
        await browser.post(path, { csrf }, { 'sec-fetch-site': 'cross-site' }),
        await browser.post(path, { csrf }, { 'sec-fetch-site': 'same-site' }),
        await browser.post(path, { csrf }, { 'content-type': 'text/plain' }),
        await browser.post(path, { csrf }, { 'content-type': 'application/json' }),
      ]
      expect(tries.map(({ status }) => status)).to.deep.equal(tries.map(() => 403))
      expect((await browser.get('/account')).status).to.equal(200)
    })
  }

  it('is refused with the token of another browser, of another session, and of nobody’s', async () => {
    const other = await signedIn(gateway, (await gateway.tenant.user('eve@example.com')).id)
    const foreign = hiddenFields((await other.get('/account')).html, '/signout')['csrf']!
    expect((await browser.post('/signout', { csrf: foreign })).status).to.equal(403)
    // The cookie of the other browser with its token, but this one's session.
    const mixed = await signedIn(gateway, (await gateway.tenant.user('mixed@example.com')).id)
    mixed.setCookie('__Host-rollcall-form', other.cookies.get('__Host-rollcall-form')!)
    expect((await mixed.post('/signout', { csrf: foreign })).status).to.equal(403)
    expect((await other.post('/signout', { csrf: foreign })).status).to.equal(303)
  })
})

describe('every answer with a page', () => {
  let gateway: AdminGateway

  before(async () => {
    gateway = await openAdminGateway(DIALECTS[0]!)
  })
  after(() => gateway.close())

  it('forbids scripts, frames and foreign forms, is kept by no cache and tells no other site where one was', async () => {
    const browser = new Browser(gateway.origin, gateway.publicUrl)
    for (const path of ['/signin', '/signed-out', '/account', '/signout']) {
      const { headers } = await browser.get(path)
      expect(headers.get('content-security-policy')).to.equal(
        "default-src 'none';style-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none'",
      )
      expect(headers.get('referrer-policy')).to.equal('same-origin')
      expect(headers.get('x-frame-options')).to.equal('DENY')
      expect(headers.get('strict-transport-security')).to.equal('max-age=31536000')
      expect(headers.get('cache-control')).to.equal('no-store')
    }
  })

  it('holds no script and no style of its own, and one style sheet that may be kept for good', async () => {
    const browser = new Browser(gateway.origin, gateway.publicUrl)
    const { html } = await browser.get('/signin')
    expect(html).not.to.match(/<script|<style|style="|\bon[a-z]+="/i)
    const [, sheet] = /<link rel="stylesheet" href="([^"]+)"/.exec(html)!
    const { status, headers } = await browser.get(sheet!)
    expect(status).to.equal(200)
    expect(headers.get('content-type')).to.equal('text/css; charset=utf-8')
    expect(headers.get('cache-control')).to.equal('public, max-age=31536000, immutable')
  })

  it('is a page too where something is refused, and says what to do', async () => {
    const browser = new Browser(gateway.origin, gateway.publicUrl)
    const refused = await browser.post('/signout', {})
    expect(refused.html).to.include('<h1>This is not allowed</h1>').and.include('reload the page')
    const wrong = await browser.get('/signout')
    expect([wrong.status, wrong.headers.get('allow')]).to.deep.equal([405, 'POST'])
    const large = await browser.post('/signout', { csrf: 'x'.repeat(70_000) })
    expect(large.status).to.equal(413)
    expect(large.html).to.include('<h1>This is too large</h1>')
  })
})
