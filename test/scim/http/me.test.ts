import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { ERROR, type ScimClient } from './scim-client.ts'

const MOUNTS = ['/scim/v2', '/api/scim', '/scim'] as const

forEachDialect('/Me (RFC 7644 §3.11)', (dialect) => {
  let gateway: Gateway
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = gateway.client()
  })
  after(async () => {
    client.close()
    await gateway.close()
  })

  for (const mount of MOUNTS) {
    it(`is nobody for the credential of a connection, and says so: 404 (${mount})`, async () => {
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
        const body = method === 'PUT' || method === 'PATCH' ? { body: {} } : {}
        const answer = await client.send(method, `${mount}/Me`, body)
        expect(answer.status, method).to.equal(404)
        expect(answer.headers['content-type']).to.equal('application/scim+json')
        expect(answer.json).to.deep.include({ schemas: [ERROR], status: '404' })
        expect(answer.json['detail']).to.match(/connection, not to a person/)
      }
    })
  }

  it('answers HEAD as GET without a body, OPTIONS with its methods, and POST with 405', async () => {
    const head = await client.send('HEAD', '/scim/v2/me')
    expect([head.status, head.text]).to.deep.equal([404, ''])
    const allow = 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'
    const options = await client.send('OPTIONS', '/scim/v2/Me')
    expect([options.status, options.headers.allow]).to.deep.equal([204, allow])
    const post = await client.post('/Me', {})
    expect([post.status, post.headers.allow]).to.deep.equal([405, allow])
  })

  it('is closed without a credential, and is no way to further paths', async () => {
    expect((await client.get('/Me', { anonymous: true })).status).to.equal(401)
    expect((await client.get('/Me/emails')).status).to.equal(404)
  })
})
