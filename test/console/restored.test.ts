import { expect } from 'chai'
import { changeOrgSettings } from '../../src/provisioning/change-org-settings.ts'
import { type AdminGateway, openAdminGateway } from '../admin/api.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { Browser } from './browser.ts'
import { givePassword, PASSWORD } from './local-accounts.ts'

forEachDialect('an organisation that asks for single sign-on', (dialect) => {
  const outcome = async (env: Readonly<Record<string, string>>) => {
    const gateway: AdminGateway = await openAdminGateway(dialect, undefined, env)
    try {
      const { tenant } = gateway
      const { id } = await tenant.user('ann@example.com')
      await givePassword(gateway, id)
      const invited = await gateway.client(await gateway.key('admin')).post('/invites', { email: 'bob@example.com' })
      const invitation = String(invited.json['link']).slice(gateway.publicUrl.length)
      const settings = { ssoRequired: true }
      await changeOrgSettings(tenant.provisioning, operatorOf(tenant.orgId), { settings }).durable
      const browser = new Browser(gateway.origin, gateway.publicUrl)
      const page = (await browser.get('/signin')).html
      const from = page.includes('Emergency access') ? `/signin/local?org=${tenant.orgId}` : '/signin'
      const entered = await browser.submit(from, '/signin/password', { name: 'ann@example.com', password: PASSWORD })
      const joining = (await new Browser(gateway.origin, gateway.publicUrl).get(invitation)).html
      return {
        emergency: page.includes('Emergency access'),
        entered: entered.status,
        in: (await browser.get('/account')).status === 200,
        joins: joining.includes('<form action="/invite"'),
      }
    } finally {
      await gateway.close()
    }
  }

  it('S14: lets nobody in by a password or an invitation of their own', async () => {
    expect(await outcome({})).to.deep.equal({ emergency: true, entered: 403, in: false, joins: false })
  })

  it('lets them in where the operator says LOCAL_RESTORE=true', async () => {
    const restored = await outcome({ LOCAL_RESTORE: 'true' })
    expect(restored).to.deep.equal({ emergency: false, entered: 303, in: true, joins: true })
  })
})
