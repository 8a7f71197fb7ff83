import { expect } from 'chai'
import { claimDomain } from '../../src/provisioning/claim-domain.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { actionsOf, foundTenant } from '../support/tenant.ts'
import { hiddenFields, type PageAnswer } from './browser.ts'
import { openOrgVisit, type OrgVisit, press, saidOn } from './org-visit.ts'

const HERE = '/org/domains'
const OWN = `${HERE}/acme.example`

forEachDialect('the pages of domains', (dialect) => {
  let dns: DnsServer
  let visit: OrgVisit

  before(async () => {
    dns = await openDnsServer()
    visit = await openOrgVisit(dialect, { ROLLCALL_DNS_SERVERS: dns.address })
  })
  after(async () => {
    await visit.gateway.close()
    await dns.close()
  })

  const texts = ({ html }: PageAnswer): readonly string[] =>
    [...html.matchAll(/<code class="copy">([^<]*)<\/code>/g)].map(([, text]) => text!)
  const actions = async (): Promise<readonly string[]> => actionsOf(visit.gateway.test, visit.gateway.tenant.orgId)
  const claimed = async (domain: string) =>
    visit.gateway.test.store.reads.domains.find(visit.gateway.tenant.orgId, domain)

  it('claim one, and show the record that proves it to be copied; what cannot be claimed is said with what was typed', async () => {
    const { admin } = visit
    for (const [domain, sentence] of [
      ['gmail.com', 'a mail provider'],
      ['<b>', 'domain must be one such as example.com'],
      ['', 'domain must be one such as example.com'],
    ] as const) {
      const refused = await press(admin, HERE, 'Claim it', { domain })
      expect([refused.status, saidOn(refused).includes(sentence)], saidOn(refused)).to.deep.equal([400, true])
      if (domain !== '') expect(refused.html).to.include(`value="${domain.replace('<', '&lt;')}"`)
    }
    const made = await press(admin, HERE, 'Claim it', { domain: 'ACME.example' })
    expect(saidOn(made)).to.include('is claimed')
    const { challenge } = (await claimed('acme.example'))!
    expect(texts(made)).to.deep.equal([
      ...['_rollcall-challenge.acme.example', 'TXT', `rollcall-domain-verification=${challenge}`],
    ])
    expect(made.html).to.include('not proved yet')
    expect((await press(admin, HERE, 'Claim it', { domain: 'acme.example' })).status).to.equal(409)
    expect(await actions()).to.include('domain.claim')
  })

  it('look for the record at once, and say what to do while it is not there', async () => {
    const { admin } = visit
    const missing = await press(admin, OWN, 'Look for the record now')
    expect([missing.status, saidOn(missing).includes('does not show the proof yet')]).to.deep.equal([409, true])
    const [name, , value] = texts(missing)
    dns.zone.set(name!, [value!])
    const proved = await press(admin, OWN, 'Look for the record now')
    expect([proved.status, saidOn(proved)]).to.deep.equal([200, 'The domain is proved.'])
    expect((await claimed('acme.example'))!.provedAt).to.be.a('number')
    await visit.gateway.test.connections.writer.updateTable('domain_claim').set({ failing_since: 1_000 }).execute()
    const failing = await admin.get(OWN)
    expect(failing.html).to.include('its record is gone').and.include('1970-01-08 00:00 UTC')
    await press(admin, OWN, 'Look for the record now')
    expect((await claimed('acme.example'))!.failingSince).to.equal(undefined)
  })

  it('open a team to people of the domains, make it the default one, and close it only when it is that no more', async () => {
    const { admin, gateway } = visit
    const api = gateway.client(await gateway.key('admin'))
    for (const name of ['Lab', 'Other']) await api.post('/teams', { name })
    const unknown = await press(admin, HERE, 'Open it', { team: 'nowhere' })
    expect([unknown.status, saidOn(unknown)]).to.deep.equal([404, 'There is no team "nowhere"'])
    for (const team of ['lab', 'Other']) {
      expect(saidOn(await press(admin, HERE, 'Open it', { team }))).to.include('join the team by themselves now')
    }
    const [, lab] = /<option value="([^"]+)">Lab</.exec((await admin.get(OWN)).html)!
    expect(saidOn(await press(admin, OWN, 'Save', { captures: 'on', team: lab! }))).to.equal('Saved.')
    expect(await claimed('acme.example')).to.include({ captures: true, team: lab })
    const shown = await admin.get(OWN)
    expect(shown.html)
      .to.match(/<option value="[^"]+" selected>Lab</)
      .and.match(/name="captures"[^>]* checked/)
    expect((await admin.get(HERE)).html).to.match(/acme\.example<\/a><\/td><td>proved<\/td><td>yes<\/td><td>Lab</)
    const busy = await press(admin, HERE, 'Close: Lab')
    expect([busy.status, saidOn(busy).includes('default team of acme.example')]).to.deep.equal([409, true])
    expect(saidOn(await press(admin, HERE, 'Close: Other'))).to.include('no more')
    expect(saidOn(await press(admin, OWN, 'Save', { team: '' }))).to.equal('Saved.')
    expect(await claimed('acme.example')).to.include({ captures: false, team: undefined })
    const strange = await press(admin, OWN, 'Save', { team: 'nowhere' })
    expect([strange.status, saidOn(strange).includes('no team')]).to.deep.equal([400, true])
  })

  it('ask for a recent sign-in before a domain is proved, changed or let go, and come back to it', async () => {
    await visit.age('stale')
    for (const label of ['Look for the record now', 'Save', 'Let it go: acme.example']) {
      const answer = await press(visit.admin, OWN, label.startsWith('Let') ? 'Let it go: acme.example' : label)
      expect(answer.headers.get('location'), label).to.equal(`/signin/again?returnTo=${encodeURIComponent(OWN)}`)
    }
    await visit.age('fresh')
    expect((await claimed('acme.example'))?.provedAt).to.be.a('number')
  })

  it('are read by an auditor, who changes nothing', async () => {
    const { auditor, admin, plain } = visit
    for (const path of [HERE, OWN]) {
      const { status, html } = await auditor.get(path)
      expect([status, /<form[^>]*action="\/org/.test(html)]).to.deep.equal([200, false])
      expect((await plain.get(path)).status).to.equal(403)
    }
    for (const who of [auditor, plain]) {
      const token = hiddenFields((await who.get('/account')).html, '/signout')
      for (const path of ['', '/prove', '/plan', '/release', '/teams']) {
        const fields = { ...token, domain: path === '' ? 'else.example' : 'acme.example', team: 'Lab' }
        expect((await who.post(HERE + path, fields)).status, path).to.equal(403)
      }
    }
    expect(await claimed('acme.example')).to.include({ captures: false })
    expect(await claimed('else.example')).to.equal(undefined)
    expect((await admin.get(OWN)).status).to.equal(200)
  })

  it('show no domain and no team of another organisation', async () => {
    const other = await foundTenant(visit.gateway.test)
    await claimDomain(other.provisioning, operatorOf(other.orgId), { domain: 'theirs.example' }).durable
    const path = `${HERE}/theirs.example`
    expect((await visit.admin.get(path)).status).to.equal(404)
    expect((await visit.admin.get(HERE)).html).not.to.include('theirs.example')
    const token = hiddenFields((await visit.admin.get(HERE)).html, HERE)
    for (const act of ['prove', 'plan', 'release']) {
      const answer = await visit.admin.post(`${HERE}/${act}`, { ...token, domain: 'theirs.example' })
      expect(answer.status).to.equal(404)
    }
    expect((await visit.admin.post(`${HERE}/teams`, { ...token, close: 'x' })).status).to.equal(404)
  })

  it('let one go', async () => {
    expect(saidOn(await press(visit.admin, OWN, 'Let it go: acme.example'))).to.include('is let go')
    expect(await claimed('acme.example')).to.equal(undefined)
    expect((await actions()).at(-1)).to.equal('domain.release')
    expect((await visit.admin.get(OWN)).status).to.equal(404)
  })
})
