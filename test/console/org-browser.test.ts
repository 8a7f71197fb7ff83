import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { askRollcall, withDatabase } from '../support/cli.ts'
import { closeChromium, openPage, type WatchedPage } from '../support/chromium.ts'
import { DIALECTS } from '../support/databases.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type MailSink, openMailSink } from '../support/mail-sink.ts'
import { eventually } from '../system/waiting.ts'
import { expectSound, type Keyboard, keyboardOf } from './keyboard.ts'

const PASSWORD = 'ruddy-otter-climbs-9-hills'
const EVIL = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>'

describe('the pages of an organisation in a real browser', function () {
  this.timeout(120_000)
  let running: TestGateway
  let sink: MailSink
  let dns: DnsServer
  let watched: WatchedPage
  let page: Page
  let keyboard: Keyboard

  before(async () => {
    sink = await openMailSink()
    dns = await openDnsServer()
    running = await startTestGateway(DIALECTS[0]!, {
      ...{ ROLLCALL_PASSWORD_COST: '14', ROLLCALL_DNS_SERVERS: dns.address, ALLOW_PRIVATE_SINKS: 'true' },
      ...{ SMTP_URL: sink.url, MAIL_FROM: 'rollcall@gateway.example' },
    })
    watched = await openPage()
    page = watched.page
    keyboard = keyboardOf(page)
    const { url } = await askRollcall<{ readonly url: string }>(['admin', 'setup-url'], running.env)
    await page.goto(url)
    await page.fill('#email', 'ann@people.example')
    await page.fill('#name', 'Ann')
    for (const field of ['#password', '#repeated']) await page.fill(field, PASSWORD)
    await Promise.all([page.waitForNavigation(), page.click('main button')])
  })
  after(async () => {
    await closeChromium()
    await running.stop()
    await sink.close()
    await dns.close()
  })

  const at = (): string => new URL(page.url()).pathname
  const said = () => page.textContent('[role=status], [role=alert]')

  it('invite somebody by keyboard, and show what became of the mail', async () => {
    await keyboard.press('a[href="/org"]')
    await expectSound(page, 'the index of pages')
    await keyboard.press('main dt a[href="/org/invites"]')
    await expectSound(page, 'the page of invitations without one')
    await keyboard.press('a[href="/org/invites/new"]')
    await expectSound(page, 'the form of an invitation')
    await keyboard.type('#email', 'bea@unknown.example')
    await keyboard.type('#displayName', EVIL)
    await keyboard.type('#orgRole', 'viewer')
    await keyboard.type('#team', 'nowhere')
    await keyboard.press('main form button')
    expect(await said()).to.include('nowhere')
    expect(await page.inputValue('#orgRole')).to.equal('viewer')
    await expectSound(page, 'the form with a problem')
    await page.fill('#team', '')
    await keyboard.press('main form button')
    expect(await said()).to.include('on its way')
    await expectSound(page, 'the page of invitations with one')
    await eventually(async () => (await page.reload()) !== null && (await page.textContent('tbody'))!.includes('550'))
    await keyboard.press('nav a[href="/org/mails"]')
    expect(await page.getAttribute('nav a[href="/org/mails"]', 'aria-current')).to.equal('page')
    expect(await page.textContent('tbody'))
      .to.include('failed')
      .and.include(EVIL)
    await expectSound(page, 'the page of mails')
  })

  it('send a mail again that the mail server would not take before', async () => {
    await withDatabase(running.env, (db) => db.updateTable('invite').set({ sent: 1 }).execute())
    sink.mended.add('unknown.example')
    await keyboard.press('main td button')
    expect(await said()).to.include('on its way again')
    await expectSound(page, 'the page of mails after one was sent again')
    expect((await sink.mailTo('bea@unknown.example')).text).to.match(/\/invite\/rollcall_/)
    await page.goto(`${running.url}/org/invites`)
    await keyboard.press('main td button.danger')
    expect(await said()).to.include('taken back')
  })

  it('claim a domain, show its record to be copied, prove it and let it go, by keyboard', async () => {
    await page.goto(`${running.url}/org/domains`)
    await expectSound(page, 'the page of domains without one')
    await keyboard.type('#domain', 'people.example')
    await keyboard.press('main form[action="/org/domains"] button')
    expect(at()).to.equal('/org/domains/people.example')
    await expectSound(page, 'the page of a domain')
    // One click takes the whole of it.
    const code = page.locator('code.copy')
    await code.nth(2).click()
    const value = String(await page.evaluate('getSelection().toString().trim()'))
    expect(value).to.match(/^rollcall-domain-verification=[0-9a-f]{40}$/)
    await keyboard.press('form[action="/org/domains/prove"] button')
    expect(await said()).to.include('does not show the proof yet')
    await expectSound(page, 'the page of a domain with a problem')
    dns.zone.set((await code.nth(0).textContent())!, [value])
    await keyboard.press('form[action="/org/domains/prove"] button')
    expect(await said()).to.equal('The domain is proved.')
    await askRollcall(['team', 'create', 'Lab', '--joinable'], running.env)
    await page.reload()
    await keyboard.tabTo('#captures')
    await page.keyboard.press('Space')
    await keyboard.type('#team', 'Lab')
    await keyboard.press('form[action="/org/domains/plan"] button')
    expect([await said(), await page.isChecked('#captures')]).to.deep.equal(['Saved.', true])
    await keyboard.press('nav a[href="/org/domains"]')
    expect(await page.textContent('tbody'))
      .to.include('people.example')
      .and.include('Lab')
    await expectSound(page, 'the page of domains with one, and a team')
    await keyboard.press('tbody a')
    await keyboard.tabTo('summary')
    await page.keyboard.press('Enter')
    await expectSound(page, 'the page of a domain that is to be let go')
    await keyboard.press('form[action="/org/domains/release"] button')
    expect(await said()).to.include('is let go')
  })

  it('show a receiver of the log and what it would not take, pause it and have it go on', async () => {
    await page.goto(`${running.url}/org/receivers`)
    await expectSound(page, 'the page of receivers without one')
    // Nobody listens there.
    const config = JSON.stringify({ url: 'http://127.0.0.1:9/in' })
    const { id } = await askRollcall<{ id: string }>(
      ['sink', 'create', 'SIEM', 'webhook', '--config', config],
      running.env,
    )
    await withDatabase(running.env, async (db) => {
      const { id: org } = await db.selectFrom('org').select('id').executeTakeFirstOrThrow()
      const letter = { epoch: 1, seq: 2, status: 422, error: 'refused', at_ms: 1_000, again: 0 } as const
      await db
        .insertInto('sink_dead')
        .values({ ...letter, org_id: org, sink_id: id })
        .execute()
    })
    await page.reload()
    await expectSound(page, 'the page of receivers with one')
    await keyboard.press('tbody a')
    await expectSound(page, 'the page of a receiver')
    await keyboard.press('form[action="/org/receivers/pause"] button')
    expect(await said()).to.include('keeps its place')
    await keyboard.press('form[action="/org/receivers/resume"] button')
    await keyboard.press('td form[action="/org/receivers/replay"] button')
    expect(await said()).to.include('sent to it again')
    await expectSound(page, 'the page of a receiver with a record that waits')
  })

  it('break no rule of their own', () => {
    expect(watched.complaints).to.deep.equal([])
  })
})
