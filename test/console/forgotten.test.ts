import { expect } from 'chai'
import { mintResetLink } from '../../src/auth/one-time-link.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { putResetLink } from '../../src/provisioning/password-links.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { askForged } from '../support/forged-host.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type MailSink, openMailSink } from '../support/mail-sink.ts'
import { eventually } from '../system/waiting.ts'
import { Browser, hiddenFields } from './browser.ts'
import { PASSWORD } from './local-accounts.ts'

const OTHER = 'quiet-heron-folds-7-maps'

forEachDialect('a forgotten password, in a whole gateway with mail', (dialect) => {
  let sink: MailSink
  let running: TestGateway
  let orgId: OrgId

  before(async () => {
    sink = await openMailSink()
    running = await startTestGateway(dialect, {
      ...{ SMTP_URL: sink.url, MAIL_FROM: 'rollcall@gateway.example', ROLLCALL_PASSWORD_COST: '14' },
    })
    orgId = (await running.gateway.opened.store.reads.orgs.list())[0]!.id
  })
  after(async () => {
    await running.stop()
    await sink.close()
  })

  async function withPassword(name: string): Promise<void> {
    const { provisioning } = running.gateway
    const address = `${name}@people.example`
    const emails = [{ value: address, primary: true }]
    const { id } = await createUser(provisioning, operatorOf(orgId), {
      ...{ active: true, externalId: undefined, attributes: { userName: name, emails } },
    }).durable
    const { text, link } = mintResetLink(id, Date.now())
    await putResetLink(provisioning, operatorOf(orgId), link).durable
    const { status } = await new Browser(running.url).submit(`/reset/${text}`, '/reset', {
      ...{ password: PASSWORD, repeated: PASSWORD },
    })
    expect(status).to.equal(200)
  }

  const ask = (name: string) =>
    new Browser(running.url).submit('/signin/forgot?org=default', '/signin/forgot', { name })

  it('is set anew by a link that comes by mail, and nobody else is told that there is such an account', async () => {
    await withPassword('ann')
    const answers = [await ask('ann@people.example'), await ask('nobody@people.example'), await ask('')]
    expect(new Set(answers.map(({ html }) => html.replaceAll(/value="[^"]*"/g, ''))).size).to.equal(1)
    const { text } = await sink.mailTo('ann@people.example')
    const [link] = /http:\/\/\S+\/reset\/[\w-]{43}/.exec(text)!
    const fields = { password: OTHER, repeated: OTHER }
    const set = await new Browser(running.url).submit(new URL(link).pathname, '/reset', fields)
    expect(set.status, set.html).to.equal(200)
    const entered = await new Browser(running.url).submit('/signin', '/signin/password', {
      ...{ name: 'ann', password: OTHER },
    })
    expect(entered.status).to.equal(303)
    expect(sink.mails).to.have.length(1)
  })

  it('leads to this gateway and no other, whatever host the request named', async () => {
    await withPassword('dot')
    expect((await askForged(`${running.url}/signin/forgot?org=default`)).body).not.to.include('evil.example')
    const browser = new Browser(running.url)
    const hidden = hiddenFields((await browser.get('/signin/forgot?org=default')).html, '/signin/forgot')
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const form = new URLSearchParams({ ...hidden, name: 'dot' })
    const asked = await askForged(`${running.url}/signin/forgot`, { headers: { cookie, origin: running.url }, form })
    expect(asked.status, asked.body).to.equal(200)
    const { text, raw } = await sink.mailTo('dot@people.example')
    expect(text).to.include(`${running.url}/reset/`)
    expect(raw).not.to.include('evil.example')
  })

  it('floods no mailbox: a second request within a minute sends nothing', async () => {
    await withPassword('bob')
    // The link that an administrator made is used up; the first request makes one.
    for (let asked = 0; asked < 5; asked++) expect((await ask('bob')).status).to.equal(200)
    await sink.mailTo('bob@people.example')
    const { outbox } = running.gateway.opened.store.reads
    await eventually(async () => (await outbox.list(orgId, 10)).every(({ state }) => state !== 'waiting'))
    expect(sink.mails.filter(({ to }) => to.includes('bob@people.example'))).to.have.length(1)
  })

  it('S14 is not reset where single sign-on is required', async () => {
    const { provisioning } = running.gateway
    const require = (ssoRequired: boolean) =>
      changeOrgSettings(provisioning, operatorOf(orgId), { settings: { ssoRequired } }).durable
    await require(true)
    expect((await ask('ann')).status).to.equal(403)
    await require(false)
  })
})
