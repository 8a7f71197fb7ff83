import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { mintSetupLink } from '../../src/auth/one-time-link.ts'
import { mintToken } from '../../src/auth/token.ts'
import { type InviteId, newId } from '../../src/domain/ids.ts'
import { invitePerson } from '../../src/provisioning/invite-person.ts'
import { putSetupLink } from '../../src/provisioning/password-links.ts'
import { operatorOf } from '../support/callers.ts'
import { closeChromium, openPage, type WatchedPage } from '../support/chromium.ts'
import { DIALECTS } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { operation } from '../support/tenant.ts'
import { expectSound, type Keyboard, keyboardOf } from './keyboard.ts'

const PASSWORD = 'ruddy-otter-climbs-9-hills'
const EVIL = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>'

describe('the pages in a real browser', function () {
  this.timeout(120_000)
  let running: TestGateway
  let watched: WatchedPage
  let page: Page
  let keyboard: Keyboard

  before(async () => {
    running = await startTestGateway(DIALECTS[0]!, { ROLLCALL_PASSWORD_COST: '14' })
    watched = await openPage()
    page = watched.page
    keyboard = keyboardOf(page)
  })
  after(async () => {
    await closeChromium()
    await running.stop()
  })

  async function setupAddress(): Promise<string> {
    const { provisioning, opened } = running.gateway
    const org = (await opened.store.reads.orgs.list())[0]!
    const { text, link } = mintSetupLink(Date.now())
    await putSetupLink(provisioning, operation(), org.id, { link, unless: 'never' }).durable
    return `${running.url}/setup/${text}`
  }

  /** The address at which somebody who is invited accepts. */
  async function invitation(email: string): Promise<string> {
    const { provisioning, opened } = running.gateway
    const org = (await opened.store.reads.orgs.list())[0]!
    const id = newId<InviteId>(Date.now())
    const { text, secretHash } = mintToken(id)
    const secret = { text, secretHash, expires: Date.now() + 60_000 }
    await invitePerson(provisioning, operatorOf(org.id), { id, email, secret })
    return `${running.url}/invite/${text}`
  }

  it('set up the first administrator by keyboard alone, who then is signed in', async () => {
    await page.goto(await setupAddress())
    await expectSound(page, 'the set-up page')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).to.equal('Skip to the content')
    await keyboard.type('#email', 'ann@example.com')
    await keyboard.type('#name', EVIL)
    await keyboard.type('#password', PASSWORD)
    await keyboard.type('#repeated', 'something else')
    await keyboard.press('main button')
    expect(await page.textContent('.problem')).to.equal('The two fields are not the same.')
    await expectSound(page, 'the set-up page with a problem')
    await keyboard.type('#password', PASSWORD)
    await keyboard.type('#repeated', PASSWORD)
    await keyboard.press('main button')
    expect(new URL(page.url()).pathname).to.equal('/account')
    expect(await page.textContent('.person')).to.equal(EVIL)
    await expectSound(page, 'the account page')
  })

  it('make a key by keyboard, which is shown once', async () => {
    await keyboard.press('a[href="/account/keys"]')
    await expectSound(page, 'the page of keys')
    await keyboard.type('#name', EVIL)
    await keyboard.press('main form button')
    expect(await page.textContent('code')).to.match(/^rollcall_/)
    await expectSound(page, 'the page of a new key')
    await page.goto(`${running.url}/account/keys`)
    expect(await page.textContent('tbody td')).to.equal(EVIL)
    await expectSound(page, 'the page of keys with one')
  })

  it('sign out and in again by keyboard, with what is wrong said in the page', async () => {
    await keyboard.press('header form button')
    expect(await page.textContent('h1')).to.equal('You are signed out')
    await expectSound(page, 'the page after signing out')
    await keyboard.press('main button')
    await expectSound(page, 'the sign-in page')
    await keyboard.type('#name', 'ann@example.com')
    await keyboard.type('#password', 'wrong')
    await keyboard.press('main form button')
    expect(await page.textContent('[role=alert]')).to.include('is wrong')
    await expectSound(page, 'the sign-in page with a problem')
    await keyboard.type('#name', 'ann@example.com')
    await keyboard.type('#password', PASSWORD)
    await keyboard.press('main form button')
    expect(new URL(page.url()).pathname).to.equal('/account')
    await keyboard.press('a[href="/account/password"]')
    await expectSound(page, 'the page to change the password')
  })

  it('let an invited person arrive by keyboard, who is then signed in', async () => {
    await page.goto(await invitation('guest@example.com'))
    await expectSound(page, 'the invitation')
    await keyboard.type('#password', PASSWORD)
    await keyboard.type('#repeated', 'something else')
    await keyboard.press('main form button')
    expect(await page.textContent('.problem')).to.equal('The two fields are not the same.')
    await expectSound(page, 'the invitation with a problem')
    await keyboard.type('#password', PASSWORD)
    await keyboard.type('#repeated', PASSWORD)
    await keyboard.press('main form button')
    expect(new URL(page.url()).pathname).to.equal('/account')
    expect(await page.textContent('.person')).to.include('guest@example.com')
  })

  it('say what is wrong where nothing can be done, and break no rule of their own', async () => {
    await page.goto(`${running.url}/setup/${'A'.repeat(43)}`)
    expect(await page.textContent('main')).to.include('Ask for another one')
    await expectSound(page, 'the refusal')
    await page.goto(`${running.url}/signin/forgot?org=default`)
    await expectSound(page, 'the page of forgotten passwords')
    expect(watched.complaints).to.deep.equal([])
  })

  it('S32 cannot be framed by another site, and take no form from one', async () => {
    await page.goto(`${running.url}/account`)
    const { context } = watched
    const other = await context.newPage()
    const port = new URL(running.url).port
    // localhost is another site than 127.0.0.1.
    await context.route('http://evil.localhost/**', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<iframe src="http://127.0.0.1:${port}/account"></iframe>
          <form method="post" action="http://127.0.0.1:${port}/signout"><button>go</button></form>`,
      }),
    )
    const refused: string[] = []
    other.on('console', (message) => refused.push(message.text()))
    await other.goto('http://evil.localhost/')
    await Promise.all([other.waitForNavigation(), other.click('button')])
    expect(await other.textContent('h1')).to.equal('This is not allowed')
    expect(refused.join('\n')).to.match(/frame-ancestors|X-Frame-Options/i)
    await page.reload()
    expect(new URL(page.url()).pathname).to.equal('/account')
  })
})
