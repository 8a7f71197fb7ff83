import { expect } from 'chai'
import type { Json } from '../../src/domain/json.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createServiceAccount } from '../../src/provisioning/service-account-admin.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { type Browser, signedIn } from '../console/browser.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway } from './api.ts'

forEachDialect('somebody who leaves', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  const setActive = (user: string, active: boolean) =>
    changeUser(gateway.tenant.provisioning, gateway.tenant.idp, user as never, {
      method: 'PATCH',
      change: (state) => ({ ...state, active }),
    }).durable
  const ownerless = async (): Promise<readonly Json[]> => {
    const { json } = await admin.get('/reports/exceptions?kind=ownerLeft')
    return (json['rows'] as readonly { readonly user: string }[]).map(({ user }) => user)
  }

  it('S17: loses each personal credential at once; what answers for a team goes on and is flagged; coming back revives no more', async () => {
    const { tenant } = gateway
    const operator = operatorOf(tenant.orgId)
    const { id } = await tenant.user('leaver@example.com')
    const team = await createTeam(tenant.provisioning, operator, { name: 'lab' }).durable
    const bot = await createServiceAccount(tenant.provisioning, operator, {
      ...{ userName: 'bot', scope: 'team', defaultTeam: team.id, owner: id },
    }).durable
    const made = await admin.post(`/service-accounts/${bot.id}/keys`, { name: 'nightly' })
    expect(made.status, made.text).to.equal(201)
    const botKey = gateway.client(String(made.json['key']))
    const sessions: readonly Browser[] = [await signedIn(gateway, id), await signedIn(gateway, id)]
    const personal = await admin.post(`/users/${id}/keys`, { name: 'laptop' })
    const own = gateway.client(String(personal.json['key']))
    const reset = await admin.post(`/users/${id}/password-reset`, {})
    const resetPath = String(reset.json['url']).slice(gateway.publicUrl.length)
    const states = async () => ({
      sessions: await Promise.all(sessions.map(async (one) => (await one.get('/api/v1/me')).status)),
      key: (await own.get('/me')).status,
      bot: (await botKey.get('/me')).status,
      ownerless: (await ownerless()).includes(bot.id),
    })
    expect(await states()).to.deep.equal({ sessions: [200, 200], key: 200, bot: 200, ownerless: false })
    await setActive(id, false)
    expect(await states()).to.deep.equal({ sessions: [401, 401], key: 401, bot: 200, ownerless: true })
    const fields = { password: 'ruddy-otter-climbs-9-hills', repeated: 'ruddy-otter-climbs-9-hills' }
    expect((await sessions[0]!.submit(resetPath, '/reset', fields)).status).to.equal(403)
    await setActive(id, true)
    expect(await states()).to.deep.equal({ sessions: [401, 401], key: 200, bot: 200, ownerless: false })
  })

  it('S17: leaves no open invitation behind, whose link is dead also after they were let in again', async () => {
    const answer = await admin.post('/invites', { email: 'pending@example.com' })
    const path = String(answer.json['link']).slice(gateway.publicUrl.length)
    const user = String(answer.json['user'])
    await setActive(user, false)
    const visitor = await signedIn(gateway, (await gateway.tenant.user('other@example.com')).id)
    expect((await visitor.get(path)).status).to.equal(403)
    await setActive(user, true)
    expect((await visitor.get(path)).status).to.equal(403)
  })
})
