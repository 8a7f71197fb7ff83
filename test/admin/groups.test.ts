import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { ScimClient } from '../support/scim-client.ts'
import { type AdminGateway, ApiClient, openAdminGateway, problemCode } from './api.ts'

const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

forEachDialect('groups in the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let idp: ScimClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = new ApiClient(gateway.origin, await gateway.key('admin'))
    const { json } = await admin.post('/connections', { name: 'okta' })
    idp = new ScimClient(`${gateway.origin}/scim/v2`, json['token'] as string)
  })
  after(async () => {
    idp.close()
    await gateway.close()
  })

  it('that an admin marked as protected are no more for connections that may grant no admin', async () => {
    const { body } = await idp.post('/Groups', { schemas: [GROUP], displayName: 'vault' })
    const path = `/groups/${body['id'] as string}`
    const before = await admin.get(path)
    expect(before.json).to.include({ displayName: 'vault', protected: false })
    const tag = { 'if-match': before.headers.get('etag')! }
    const marked = await admin.patch(path, { protected: true }, tag)
    expect(marked.json).to.include({ protected: true })
    problemCode(await admin.patch(path, { protected: false }, tag), 412)
    const rename = [{ op: 'replace', path: 'displayName', value: 'open' }]
    const refused = await idp.patch(`/Groups/${body['id'] as string}`, rename)
    expect([refused.status, refused.body['detail']]).to.deep.equal([
      403,
      'This group is protected: its members are admins of the organization, and this connection may make none; ask an ' +
        'administrator to let this connection grant admin, or to make the change',
    ])
    expect((await idp.delete(`/Groups/${body['id'] as string}`)).status).to.equal(403)
    expect((await admin.patch(path, { protected: true })).headers.get('etag')).to.equal(marked.headers.get('etag'))
    expect((await admin.patch(path, { protected: false })).json).to.include({ protected: false })
    expect((await idp.patch(`/Groups/${body['id'] as string}`, rename)).status).to.equal(200)
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 6)
    const marks = records.filter((record) => record.body.includes('"path":"protected"'))
    expect(marks.map(({ action }) => action)).to.deep.equal(['group.update', 'group.update'])
  })
})
