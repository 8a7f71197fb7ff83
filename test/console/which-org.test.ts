import { expect } from 'chai'
import { claimDomain, proveDomain } from '../../src/provisioning/claim-domain.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { foundTenant } from '../support/tenant.ts'
import { Browser } from './browser.ts'

forEachDialect('the sign-in page of several organisations', (dialect) => {
  let gateway: AdminGateway

  before(async () => {
    gateway = await openAdminGateway(dialect)
    const acme = await foundTenant(gateway.test, 'Acme')
    const operator = operatorOf(acme.orgId)
    for (const domain of ['acme.example', 'unproved.example']) {
      const { challenge } = await claimDomain(acme.provisioning, operator, { domain }).durable
      if (domain !== 'acme.example') continue
      await proveDomain(acme.provisioning, operator, domain, { challenge, seen: 'shown' }).durable
    }
  })
  after(() => gateway.close())

  const ask = (org: string) =>
    new Browser(gateway.origin, gateway.publicUrl).get(`/signin?org=${encodeURIComponent(org)}`)

  it('asks for the organisation or an address', async () => {
    const { status, html } = await new Browser(gateway.origin, gateway.publicUrl).get('/signin')
    expect(status).to.equal(200)
    expect(html).to.include('Organisation or e-mail address')
  })

  it('finds it by name, and by an address of a domain that it has proved', async () => {
    for (const said of ['Acme', 'acme', 'ann@acme.example', ' Ann@ACME.example ']) {
      const { status, html } = await ask(said)
      expect([said, status]).to.deep.equal([said, 200])
      expect(html).to.include('Sign in to Acme')
    }
  })

  it('finds none by an address of any other domain, and says no more than that', async () => {
    for (const said of ['ann@unproved.example', 'ann@gmail.com', 'ann@', '@acme.example', 'ann@sub.acme.example']) {
      const { status, html } = await ask(said)
      expect([said, status]).to.deep.equal([said, 404])
      expect(html).to.include('No organisation has this name or this domain')
    }
  })
})
