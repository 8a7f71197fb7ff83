import { expect } from 'chai'
import type { UserId } from '../../src/domain/ids.ts'
import { type AdminGateway, type ApiClient, openAdminGateway } from '../admin/api.ts'
import { forEachDialect } from '../support/databases.ts'
import { actionsOf, foundTenant } from '../support/tenant.ts'
import { Browser, hiddenFields, type PageAnswer, signedIn } from './browser.ts'
import { openOrgVisit, type OrgVisit, press, saidOn } from './org-visit.ts'

const EVIL = '<img src=x onerror=alert(1)>"\'><script>alert(2)</script>'
const MAILS = { SMTP_URL: 'smtp://127.0.0.1', MAIL_FROM: 'rollcall@gateway.example' }
const PAGES = ['/org', '/org/mails', '/org/invites', '/org/domains', '/org/receivers']

forEachDialect('the pages of an organisation', (dialect) => {
  let visit: OrgVisit
  let gateway: AdminGateway
  let api: ApiClient
  let admin: Browser

  before(async () => {
    visit = await openOrgVisit(dialect, MAILS)
    ;({ gateway, admin } = visit)
    api = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  const writer = () => gateway.test.connections.writer
  const offers = async (path: string, text: string, who = admin): Promise<boolean> =>
    (await who.get(path)).html.includes(text)
  const lastAction = async () => (await actionsOf(gateway.test, gateway.tenant.orgId)).at(-1)
  const end = (state: string) => writer().updateTable('outbox').set({ state, payload: '', ended: 1 }).execute()
  const minutesLater = () => writer().updateTable('invite').set({ sent: 1 }).execute()

  it('are for admins, and to read for auditors; nobody else sees or changes anything of them', async () => {
    const { auditor, plain } = visit
    const stranger = new Browser(gateway.origin, gateway.publicUrl)
    for (const path of PAGES) {
      expect((await admin.get(path)).status, path).to.equal(200)
      expect((await auditor.get(path)).status, path).to.equal(200)
      expect((await plain.get(path)).status, path).to.equal(403)
      const asked = await stranger.get(path)
      expect([asked.status, asked.headers.get('location')]).to.deep.equal([
        303,
        `/signin?returnTo=${encodeURIComponent(path)}`,
      ])
    }
    const link = '<a href="/org">'
    expect([await offers('/account', link), await offers('/account', link, plain)]).to.deep.equal([true, false])
    expect(await offers('/org/invites', '/org/invites/new', auditor)).to.equal(false)
    const { html } = await auditor.get('/account')
    const form = { ...hiddenFields(html, '/signout'), email: 'x@people.example', days: '7' }
    for (const who of [auditor, plain]) {
      const token = hiddenFields((await who.get('/account')).html, '/signout')
      const refused = await who.post('/org/invites/new', { ...form, ...token })
      expect(refused.status, refused.html).to.equal(403)
    }
    expect((await api.get('/invites')).json['items']).to.deep.equal([])
  })

  describe('of invitations', () => {
    const invite = async (fields: Readonly<Record<string, string>>): Promise<PageAnswer> => {
      const answer = await admin.submit('/org/invites/new', '/org/invites/new', { days: '7', ...fields })
      return answer.status === 303 ? admin.get(answer.headers.get('location')!) : answer
    }

    it('invite somebody with role, seat, team and name, list them, and take them back', async () => {
      await api.post('/teams', { name: 'Lab' })
      const fields = { email: 'ann@people.example', displayName: EVIL, orgRole: 'viewer', days: '14' }
      const answer = await invite({ ...fields, 'seat-models': 'viewer', team: 'lab', teamRole: 'viewer' })
      expect(saidOn(answer)).to.equal('The invitation is on its way.')
      expect(answer.html).to.include('ann@people.example').and.include('not here yet').and.not.include(EVIL)
      const [made] = (await api.get('/invites')).json['items'] as { id: string; user: string; expires: string }[]
      expect(Date.parse(made!.expires) - Date.now()).to.be.within(13 * 86_400_000, 14 * 86_400_000)
      const user = (await api.get(`/users/${made!.user}`)).json
      expect(user).to.deep.include({ name: EVIL, status: 'pending' })
      expect(user['seats']).to.include({ models: 'viewer' })
      const back = await press(admin, '/org/invites', 'Take back: ann@people.example')
      expect(saidOn(back)).to.match(/^The invitation is taken back/)
      expect(await lastAction()).to.equal('invite.revoke')
      expect(back.html).to.include('taken back').and.not.include('Take back: ann@people.example')
    })

    it('say what is wrong with what was typed, and keep it', async () => {
      const wrong: readonly (readonly [Readonly<Record<string, string>>, number, string])[] = [
        [{ email: 'no address' }, 400, 'plain e-mail address'],
        [{ email: '' }, 400, 'plain e-mail address'],
        [{ email: 'chief@people.example' }, 409, 'is a member of the organisation already'],
        [{ email: 'a@people.example', team: 'nowhere' }, 400, 'nowhere'],
        [{ email: 'a@people.example', teamRole: 'viewer' }, 400, 'name the team as well'],
        [{ email: 'a@people.example', orgRole: 'king' }, 400, 'no such role'],
        [{ email: 'a@people.example', 'seat-models': 'huge' }, 400, 'no such type of seat'],
        [{ email: 'a@people.example', displayName: 'x'.repeat(1_025) }, 400, 'displayName is too long'],
      ]
      for (const [fields, status, sentence] of wrong) {
        const answer = await invite({ displayName: 'Bea', ...fields })
        expect(answer.status, answer.html).to.equal(status)
        expect(saidOn(answer)).to.include(sentence)
        expect(answer.html).to.include(`value="${fields['displayName'] ?? 'Bea'}"`)
      }
    })

    it('send one again, though not within a minute, and none that is over', async () => {
      await invite({ email: 'cy@people.example' })
      const soon = await press(admin, '/org/invites', 'Send again: cy@people.example')
      expect([soon.status, soon.headers.get('retry-after')]).to.deep.equal([429, '60'])
      expect(saidOn(soon)).to.include('less than a minute ago')
      await minutesLater()
      expect(saidOn(await press(admin, '/org/invites', 'Send again: cy@people.example'))).to.equal(
        'The invitation is on its way.',
      )
      expect(await lastAction()).to.equal('invite.resend')
      const page = await admin.get('/org/invites')
      const fields = hiddenFields(page.html, '/org/invites/revoke')
      expect((await admin.post('/org/invites/revoke', fields)).status).to.equal(303)
      const over = await admin.post('/org/invites/revoke', fields)
      expect([over.status, saidOn(over).includes('is over')]).to.deep.equal([403, true])
      expect((await admin.post('/org/invites/revoke', { ...fields, invite: 'x' })).status).to.equal(404)
    })

    it('ask for a recent sign-in before anything is typed, and come back to where they were', async () => {
      const fields = hiddenFields((await admin.get('/org/invites/new')).html, '/org/invites/new')
      await visit.age('stale')
      const asked = [
        await admin.get('/org/invites/new'),
        await admin.post('/org/invites/new', { ...fields, email: 'late@people.example', days: '7' }),
        await admin.post('/org/invites/resend', { ...fields, invite: 'x' }),
      ]
      const back = (path: string) => `/signin/again?returnTo=${encodeURIComponent(path)}`
      expect(asked.map(({ headers }) => headers.get('location'))).to.deep.equal([
        ...[back('/org/invites/new'), back('/org/invites/new'), back('/org/invites')],
      ])
      await visit.age('fresh')
      expect(await offers('/org/invites', 'late@people.example')).to.equal(false)
    })

    it('show the link once where no mail server is set up', async () => {
      const silent = await openAdminGateway(dialect)
      const { id } = (
        await silent.client(await silent.key('admin')).post('/users', { userName: 'a', orgRole: 'admin' })
      ).json as { id: UserId }
      const browser = await signedIn(silent, id)
      const fields = { email: 'ann@people.example', days: '1' }
      const made = await browser.submit('/org/invites/new', '/org/invites/new', fields)
      expect(made.status).to.equal(201)
      const [, link] = /<code class="copy">(https:\/\/[^<]*\/invite\/rollcall_[^<]+)</.exec(made.html)!
      expect((await browser.get(new URL(link!).pathname)).status).to.equal(200)
      expect((await browser.get('/org/invites')).html)
        .to.include('none was sent')
        .and.not.include(link)
      expect((await browser.get('/org/mails')).html)
        .to.include('sets SMTP_URL')
        .and.include('There are no mails.')
      await silent.close()
    })
  })

  describe('R20 of mails', () => {
    before(async () => {
      await writer().deleteFrom('outbox').execute()
      await admin.submit('/org/invites/new', '/org/invites/new', { email: 'dan@people.example', days: '7' })
    })

    it('show what became of each, without a word or an address of it, and have a waiting one tried at once', async () => {
      const next = Date.parse('2090-01-02T03:04:05Z')
      await writer().updateTable('outbox').set({ next_ms: next, attempts: 3, problem: 'smtp.refused 451' }).execute()
      const { html } = await admin.get('/org/mails')
      const [, row = ''] = /<tbody>(.*)<\/tbody>/s.exec(html)!
      expect(row.replaceAll(/<[^>]*>/g, ' '))
        .to.include('invitation')
        .and.include('dan@people.example')
      expect(row).to.include('waits').and.include('3 attempts').and.include('2090-01-02 03:04 UTC')
      expect(row).to.include('<code>smtp.refused 451</code>')
      expect(saidOn(await press(admin, '/org/mails', 'Send now: invitation, dan@people.example'))).to.include(
        'on its way',
      )
      expect(await lastAction()).to.equal('mail.resend')
      const [mail] = await gateway.test.store.reads.outbox.list(gateway.tenant.orgId, 1)
      expect(mail!.next).to.be.at.most(Date.now())
    })

    it('send another one in place of one that failed, while the invitation is open', async () => {
      await end('failed')
      await minutesLater()
      expect(saidOn(await press(admin, '/org/mails', 'Send again: invitation, dan@people.example'))).to.include(
        'on its way',
      )
      const mails = await gateway.test.store.reads.outbox.list(gateway.tenant.orgId, 10)
      expect(mails.map(({ state }) => state)).to.deep.equal(['waiting', 'failed'])
      await end('sent')
      // The newest alone; sending it anew at once is refused on the page.
      const soon = await press(admin, '/org/mails', 'Send again: invitation, dan@people.example')
      expect([soon.status, saidOn(soon).includes('less than a minute ago')]).to.deep.equal([429, true])
      await press(admin, '/org/invites', 'Take back: dan@people.example')
      expect(await offers('/org/mails', 'Send again')).to.equal(false)
    })

    it('show none of another organisation, and send none of it', async () => {
      const other = await foundTenant(gateway.test)
      const content = { kind: 'domain-lapsed', org: 'Other', domain: 'other.example' } as const
      const id = await gateway.test.store.work.submit(other.orgId, (stores) =>
        stores.outbox.add(other.orgId, { to: 'ann@other.example', content }),
      ).durable
      expect(await offers('/org/mails', 'domain that lapsed')).to.equal(false)
      const fields = hiddenFields((await admin.get('/account')).html, '/signout')
      for (const mail of [id!, 'x']) {
        expect((await admin.post('/org/mails/resend', { ...fields, mail })).status).to.equal(404)
      }
    })
  })
})
