import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { ERROR, fresh, GROUP, idOf, idsOf, makeUser, type ScimClient, USER, type Answer } from './scim-client.ts'

/** Every error answer has this form, whatever it is for (RFC 7644 §3.12). */
function expectError(answer: Answer, status: number, scimType?: string): void {
  expect(answer.status, answer.text).to.equal(status)
  expect(answer.headers['content-type']).to.equal('application/scim+json')
  expect(answer.json['schemas']).to.deep.equal([ERROR])
  expect(answer.json['status']).to.equal(String(status))
  expect(answer.json['scimType']).to.equal(scimType)
  expect(answer.json['detail']).to.be.a('string').and.not.equal('')
  expect(answer.text).to.not.match(/SQLITE|syntax error|at position|is not a function|undefined|\bat \w+ \(/i)
}

for (const fastRoutes of [true, false]) {
  forEachDialect(`bad input over HTTP, fast routes ${fastRoutes ? 'on' : 'off'}`, (dialect) => {
    let gateway: Gateway
    let client: ScimClient
    let port: number | undefined

    before(async () => {
      gateway = await openGateway({ dialect, fastRoutes })
      client = gateway.client()
      port = (await client.get('/ServiceProviderConfig')).localPort
    })
    afterEach(async () => {
      const answer = await client.get('/ServiceProviderConfig')
      expect(answer.status).to.equal(200)
      expect(answer.localPort, 'the connection stays alive').to.equal(port)
      expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
    })
    after(async () => {
      expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
      client.close()
      await gateway.close()
    })

    const user = (more: object = {}) => ({ schemas: [USER], userName: fresh('bad'), ...more })

    it('malformed JSON is 400 invalidSyntax (RFC 7644 §3.12)', async () => {
      for (const body of ['{', '{"userName":}', 'nonsense', '\u0000', '{"a":1}x', '"\u0001"'])
        expectError(await client.post('/Users', body), 400, 'invalidSyntax')
    })

    it('a body that is no object, is empty, or is not UTF-8 is 400 invalidSyntax', async () => {
      for (const body of ['[]', '1', 'null', '""']) expectError(await client.post('/Users', body), 400, 'invalidSyntax')
      expectError(await client.send('POST', '/scim/v2/Users'), 400, 'invalidSyntax')
      expectError(await client.post('/Users', new Uint8Array([0x22, 0xff, 0x22])), 400, 'invalidSyntax')
    })

    it('another media type, charset or content coding is 415; JSON of either type or none is read', async () => {
      for (const type of ['text/plain', 'application/xml', 'application/json; charset=utf-16']) {
        expectError(await client.post('/Users', user(), { headers: { 'Content-Type': type } }), 415)
      }
      expectError(await client.post('/Users', user(), { headers: { 'Content-Encoding': 'compress' } }), 415)
      for (const type of ['application/json', 'Application/SCIM+JSON; charset=UTF-8', '']) {
        const answer = await client.post('/Users', user(), { headers: { 'Content-Type': type } })
        expect(answer.status, type).to.equal(201)
      }
    })

    it('a body that does not unpack as its Content-Encoding says is 400', async () => {
      const answer = await client.post('/Users', user(), { headers: { 'Content-Encoding': 'gzip' } })
      expectError(answer, 400, 'invalidSyntax')
    })

    it('an unknown endpoint is 404, a wrong method 405 with Allow, OPTIONS names the methods', async () => {
      for (const path of ['', '/', '/Nothing', '/Users/a/b', '/Users//', '/Schemas/urn:none', '/v2/Users'])
        expectError(await client.get(path), 404)
      const deleted = await client.delete('/Users')
      expectError(deleted, 405)
      expect(deleted.headers.allow).to.equal('GET, HEAD, POST, OPTIONS')
      expectError(await client.send('TRACE', '/scim/v2/Users'), 405)
      const options = await client.send('OPTIONS', '/scim/v2/Users/x')
      expect([options.status, options.headers.allow]).to.deep.equal([204, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'])
    })

    it('an id of another form is 404, a malformed escape 400', async () => {
      for (const id of ['1', 'a%20or%20b', 'a%22%20or%20%22b', '__proto__', '%00', 'x%40%00', '..%2F..', "'--"])
        expectError(await client.get(`/Users/${id}`), 404)
      for (const id of ['1', 'a@example.com', 'toString']) {
        expectError(await client.get(`/Groups/${id}`), 404)
        expectError(await client.patch(`/Users/${id}`, []), 404)
        expectError(await client.put(`/Users/${id}`, user()), 404)
        expectError(await client.delete(`/Users/${id}`), 404)
      }
      expectError(await client.get('/Users/%E0%A4%A'), 400, 'invalidSyntax')
      expectError(await client.get('/Users/00000000-0000-7000-8000-000000000000'), 404)
    })

    it('a missing, blank or numeric userName is 400 invalidValue, and so is a missing displayName', async () => {
      expectError(await client.post('/Users', { schemas: [USER] }), 400, 'invalidValue')
      for (const userName of ['', '  ', null, 7, {}, []])
        expectError(await client.post('/Users', user({ userName })), 400, 'invalidValue')
      expectError(await client.post('/Groups', { schemas: [GROUP] }), 400, 'invalidValue')
    })

    it('a userName or displayName that differs only by case or Unicode form is 409 uniqueness', async () => {
      const name = fresh('Zoë.Straße')
      expect((await client.post('/Users', user({ userName: name }))).status).to.equal(201)
      expect((await client.post('/Groups', { schemas: [GROUP], displayName: name })).status).to.equal(201)
      for (const variant of [name.toUpperCase().replace('STRASSE', 'STRAßE'), name.normalize('NFD'), name]) {
        expectError(await client.post('/Users', user({ userName: variant })), 409, 'uniqueness')
        expectError(await client.post('/Groups', { schemas: [GROUP], displayName: variant }), 409, 'uniqueness')
      }
    })

    it('an externalId that is a number is 400; one that equals an id is a string like any other', async () => {
      expectError(await client.post('/Users', user({ externalId: 1 })), 400, 'invalidValue')
      expectError(await client.get('/Users/1'), 404)
      const { id } = await makeUser(client)
      const created = await client.post('/Users', user({ externalId: id }))
      expect(created.status).to.equal(201)
      expect(created.json['externalId']).to.equal(id)
      expect(idOf(await client.get(`/Users/${id}`))).to.equal(id)
      const found = await client.get(`/Users?filter=${encodeURIComponent(`externalId eq "${id}"`)}`)
      expect(idsOf(found)).to.deep.equal([idOf(created)])
    })

    it('an id in a body is passed over, also that of somebody else', async () => {
      const [one, other] = [await makeUser(client), await makeUser(client)]
      const answer = await client.put(`/Users/${one.id}`, {
        ...user(),
        userName: one.userName,
        id: other.id,
        title: 'T',
      })
      expect([answer.status, idOf(answer)]).to.deep.equal([200, one.id])
      expect((await client.get(`/Users/${other.id}`)).json).to.not.have.property('title')
    })

    it('a body of 3 MB for a user is 413, and for a group it is read', async () => {
      const big = 'x'.repeat(3 * 1024 * 1024)
      expectError(await client.post('/Users', user({ unknown: big })), 413)
      const group = await client.post('/Groups', { schemas: [GROUP], displayName: fresh('big'), unknown: big })
      expect(group.status).to.equal(201)
    })

    it('JSON nested 20,000 deep is 400 invalidSyntax, in any part of a body', async () => {
      const deep = '['.repeat(20_000) + ']'.repeat(20_000)
      expectError(await client.post('/Users', deep), 400, 'invalidSyntax')
      expectError(await client.post('/Users', `{"userName":"a","x":${deep}}`), 400, 'invalidSyntax')
      expectError(await client.post('/Users', '{"a":'.repeat(20_000)), 400, 'invalidSyntax')
    })

    it('U+0000, control characters and half surrogates are refused or kept, never a 5xx', async () => {
      for (const userName of ['a\u0000b', '\ud800', 'a\nb'])
        expectError(await client.post('/Users', user({ userName })), 400, 'invalidValue')
      expectError(await client.post('/Users', user({ title: 'a\u0000b' })), 400, 'invalidValue')
      expectError(await client.get('/Users?filter=userName%20eq%20%22%00%22'), 400, 'invalidFilter')
      expectError(await client.get('/Users?filter=userName%20eq%20%22%5Cu0000%22'), 400, 'invalidFilter')
      const { id } = await makeUser(client)
      const nul = await client.patch(`/Users/${id}`, [{ op: 'replace', path: 'title', value: 'a\u0000b' }])
      expectError(nul, 400, 'invalidValue')
    })

    it('__proto__ in a body is dropped, in a path or filter refused, in attributes passed over', async () => {
      const name = JSON.stringify(fresh('proto'))
      const body = `{"userName":${name},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`
      const created = await client.post('/Users', body)
      expect(created.status).to.equal(201)
      const path = `/Users/${idOf(created)}`
      for (const target of ['__proto__.polluted', 'constructor.prototype.polluted', 'hasOwnProperty', 'toString']) {
        const answer = await client.patch(path, [{ op: 'add', path: target, value: 'x' }])
        expectError(answer, 400, 'invalidPath')
      }
      expectError(await client.get('/Users?filter=name.__proto__.x%20pr'), 400, 'invalidFilter')
      expectError(await client.get('/Users?sortBy=__proto__'), 400, 'invalidPath')
      expect((await client.get(`${path}?attributes=__proto__,constructor`)).status).to.equal(200)
    })

    it('count and startIndex out of range are mended, and what is no number is 400 (RFC 7644 §3.4.2.4)', async () => {
      await makeUser(client)
      expect((await client.get('/Users?startIndex=-5&count=1')).json).to.include({ startIndex: 1, itemsPerPage: 1 })
      expect((await client.get('/Users?count=-1')).json).to.include({ itemsPerPage: 0 })
      expect((await client.get('/Users?count=0')).json)
        .to.include({ itemsPerPage: 0 })
        .and.have.property('totalResults')
      expect((await client.get('/Users?count=999999999999999999999')).status).to.equal(200)
      expect((await client.get('/Users?startIndex=999999999999999999999')).json).to.include({ itemsPerPage: 0 })
      for (const bad of ['count=x', 'count=1.5', 'startIndex=1e3', 'sortBy=userName&sortOrder=up'])
        expectError(await client.get(`/Users?${bad}`), 400, 'invalidValue')
    })

    it('repeated and bare query keys are no error', async () => {
      expect((await client.get('/Users?count=1&count=2&filter=userName+pr&filter=x')).status).to.equal(200)
      expect((await client.get('/Users?aadOptscim062020')).status).to.equal(200)
      expect((await client.get('/Users?count=1&aadOptscim062020=')).status).to.equal(200)
    })

    it('a body that is no message of its endpoint is 400 invalidSyntax: /Bulk, /.search at the root and by type', async () => {
      for (const path of ['/Bulk', '/.search', '/Users/.search', '/Groups/.search']) {
        for (const body of ['{', '[]', '1', 'null', '{"schemas":["urn:x"]}'])
          expectError(await client.post(path, body), 400, 'invalidSyntax')
        expectError(await client.send('POST', `/scim/v2${path}`), 400, 'invalidSyntax')
        expectError(await client.post(path, '{}', { headers: { 'Content-Type': 'text/plain' } }), 415)
      }
    })

    it('leaves nothing half written when one operation of a PATCH is refused (RFC 7644 §3.5.2)', async () => {
      const { id } = await makeUser(client)
      const before = await client.get(`/Users/${id}`)
      const answer = await client.patch(`/Users/${id}`, [
        { op: 'replace', path: 'title', value: 'half' },
        { op: 'replace', path: 'noSuchAttribute', value: 'x' },
      ])
      expectError(answer, 400, 'invalidPath')
      expect((await client.get(`/Users/${id}`)).text).to.equal(before.text)
    })
  })
}
