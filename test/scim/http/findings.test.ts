import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import {
  ENTERPRISE,
  ERROR,
  fresh,
  GROUP,
  idOf,
  idsOf,
  makeGroup,
  makeUser,
  makeUsers,
  type ScimClient,
  USER,
  type Answer,
} from './scim-client.ts'

const encode = encodeURIComponent

function memberIds(answer: Answer): readonly string[] {
  return ((answer.json['members'] ?? []) as { value: string }[]).map(({ value }) => value)
}

/** What a plain build on scimmy and scimmy-routers gets wrong, one test each; with the fast routes on and off. */
for (const fastRoutes of [true, false]) {
  forEachDialect(`what the SCIM library would break, cured, fast routes ${fastRoutes ? 'on' : 'off'}`, (dialect) => {
    let gateway: Gateway
    let client: ScimClient

    before(async () => {
      gateway = await openGateway({ dialect, fastRoutes })
      client = gateway.client()
    })
    after(async () => {
      client.close()
      await gateway.close()
    })

    it('pages by startIndex and count on Express 5 (RFC 7644 §3.4.2.4)', async () => {
      const title = fresh('page')
      const ids: string[] = []
      for (let i = 0; i < 5; i++) ids.push((await makeUser(client, { title })).id)
      const page = await client.get(`/Users?filter=${encode(`title eq "${title}"`)}&startIndex=2&count=2`)
      expect(page.status).to.equal(200)
      expect(page.json).to.include({ totalResults: 5, startIndex: 2, itemsPerPage: 2 })
      expect(idsOf(page)).to.deep.equal(ids.slice(1, 3))
    })

    it('gives each of many parallel requests the location of its own mount and gateway', async () => {
      const other = await openGateway({ dialect, fastRoutes, publicUrl: 'https://other.example' })
      const mine = await makeUser(client)
      const theirs = await makeUser(other.client())
      const asks = ['/scim/v2', '/api/scim', '/scim'].flatMap((mount) => [
        { base: gateway.publicUrl + mount, id: mine.id, client: client.at(mount, 8) },
        { base: other.publicUrl + mount, id: theirs.id, client: other.client().at(mount, 8) },
      ])
      const answers = await Promise.all(
        asks.flatMap((ask) =>
          Array.from({ length: 40 }, async () => ({ ask, answer: await ask.client.get(`/Users/${ask.id}`) })),
        ),
      )
      for (const { ask, answer } of answers)
        expect(answer.json).to.have.nested.property('meta.location', `${ask.base}/Users/${ask.id}`)
      for (const ask of asks) ask.client.close()
      await other.close()
    })

    it('stores every one of 32 parallel member adds (RFC 7644 §3.5.2.1)', async () => {
      const group = await makeGroup(client)
      const people = await makeUsers(client, 32)
      const wide = client.at('/scim/v2', 32)
      const answers = await Promise.all(
        people.map((value) => wide.patch(`/Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value }] }])),
      )
      expect(answers.map(({ status }) => status)).to.deep.equal(people.map(() => 200))
      expect(memberIds(await client.get(`/Groups/${group}`))).to.have.members(people)
      wide.close()
    })

    it('answers a PATCH of a group of more than 200 members without printing them (RFC 7644 §3.5.2)', async () => {
      const people = await makeUsers(client, 201)
      const group = await makeGroup(client, people)
      const rename = [{ op: 'replace', path: 'displayName', value: fresh('renamed') }]
      const quiet = await client.patch(`/Groups/${group}`, rename)
      expect([quiet.status, quiet.text]).to.deep.equal([204, ''])
      expect(quiet.headers.etag).to.match(/^W\/"\d+"$/)
      const narrow = await client.patch(`/Groups/${group}?excludedAttributes=members`, rename)
      expect(narrow.status).to.equal(200)
      expect(narrow.json).to.not.have.property('members')
      const asked = await client.patch(`/Groups/${group}?attributes=members.value`, rename)
      expect(memberIds(asked)).to.have.members(people)
      const old = client.at('/scim')
      expect((await old.patch(`/Groups/${group}`, rename)).status).to.equal(200)
      old.close()
    })

    it('walks 45 people in pages of 20 without cutting a page twice (RFC 7644 §3.4.2.4)', async () => {
      const title = fresh('walk')
      const ids: string[] = []
      for (let i = 0; i < 45; i++) ids.push((await makeUser(client, { title })).id)
      const pages: (readonly string[])[] = []
      for (const startIndex of [1, 2, 20, 41, 46]) {
        const page = await client.get(
          `/Users?filter=${encode(`title eq "${title}"`)}&startIndex=${startIndex}&count=20&attributes=id`,
        )
        expect(page.json).to.include({ totalResults: 45, itemsPerPage: idsOf(page).length })
        pages.push(idsOf(page))
      }
      expect(pages).to.deep.equal([ids.slice(0, 20), ids.slice(1, 21), ids.slice(19, 39), ids.slice(40, 45), []])
    })

    it('reads filters as RFC 7644 §3.4.2.2 has them: not, nesting, escapes, literals', async () => {
      const title = fresh('filter')
      const ann = (await makeUser(client, { title, displayName: 'A "quoted" (name)', active: true })).id
      const bob = (await makeUser(client, { title, displayName: 'Bob', active: false })).id
      const find = async (filter: string) =>
        idsOf(await client.get(`/Users?filter=${encode(`title eq "${title}" and (${filter})`)}`))
      expect(await find('not (displayName eq "bob" and active eq false)')).to.deep.equal([ann])
      expect(await find('((displayName eq "bob") or ((displayName eq "x")))')).to.deep.equal([bob])
      expect(await find('displayName eq "A \\"quoted\\" (name)"')).to.deep.equal([ann])
      expect(await find('displayName eq "\\u0042ob"')).to.deep.equal([bob])
      expect(await find('active eq "True"')).to.deep.equal([ann])
    })

    for (const filter of ['and', 'userName eq', 'eq "x"', 'userName "x"', '__proto__ eq "x"', 'toString pr', ' ']) {
      it(`refuses the filter ${JSON.stringify(filter)} with 400 invalidFilter and changes no prototype`, async () => {
        const before = Object.getOwnPropertyNames(Object.prototype)
        const answer = await client.get(`/Users?filter=${encode(filter)}`)
        expect(answer.status).to.equal(400)
        expect(answer.json).to.deep.include({ schemas: [ERROR], status: '400', scimType: 'invalidFilter' })
        expect(Object.getOwnPropertyNames(Object.prototype)).to.deep.equal(before)
      })
    }

    it('takes 40 ANDed OR-groups without multiplying them out (S20)', async () => {
      const groups = Array.from({ length: 40 }, (_, i) => `(title eq "${i}" or nickName eq "${i}")`)
      const answer = await client.get(`/Users?filter=${encode(groups.join(' and '))}`)
      expect(answer.status).to.equal(200)
      expect(answer.json).to.include({ totalResults: 0 })
    })

    it('keeps the connection alive through a 5xx, and says nothing of its cause', async () => {
      const first = await client.get('/ServiceProviderConfig')
      const broken = await gateway.breakGroups(() => client.get('/Groups'))
      expect(broken.status).to.be.within(500, 503)
      expect(broken.headers['content-type']).to.equal('application/scim+json')
      expect(broken.json).to.deep.include({ schemas: [ERROR], status: String(broken.status) })
      expect(broken.text).to.not.match(/table|sql|column/i)
      expect(broken.text).to.include(broken.headers['x-request-id'])
      const next = await client.get('/ServiceProviderConfig')
      expect(next.status).to.equal(200)
      expect([broken.localPort, next.localPort]).to.deep.equal([first.localPort, first.localPort])
    })

    it('answers statuses the library cannot render in the SCIM error shape: 405, 413, 414, 415', async () => {
      const wrongMethod = await client.put('/Users', {})
      expect([wrongMethod.status, wrongMethod.headers.allow]).to.deep.equal([405, 'GET, HEAD, POST, OPTIONS'])
      const wrongType = await client.post('/Users', 'x', { headers: { 'Content-Type': 'text/plain' } })
      const tooLong = await client.get(`/Users?filter=${'x'.repeat(33 * 1024)}`)
      const operations = Array.from({ length: 1_001 }, () => ({ method: 'DELETE', path: '/Users/x' }))
      const tooMany = await client.post('/Bulk', { Operations: operations })
      for (const [answer, status] of [
        [wrongMethod, 405],
        [tooLong, 414],
        [wrongType, 415],
        [tooMany, 413],
      ] as const) {
        expect(answer.status).to.equal(status)
        expect(answer.headers['content-type']).to.equal('application/scim+json')
        expect(answer.json).to.deep.include({ schemas: [ERROR], status: String(status) })
      }
    })

    it('sends ETag and Location, honours If-Match and If-None-Match (RFC 7644 §3.3, §3.14)', async () => {
      const created = await client.post('/Users', { schemas: [USER], userName: fresh('etag') })
      const path = `/Users/${idOf(created)}`
      expect(created.headers.location).to.equal(`${gateway.publicUrl}/scim/v2${path}`)
      expect(created.headers.etag).to.equal((created.json['meta'] as { version: string }).version)
      const etag = String(created.headers.etag)
      const replace = (ifMatch: string) =>
        client.patch(path, [{ op: 'replace', path: 'title', value: fresh('t') }], { headers: { 'If-Match': ifMatch } })
      const changed = await replace(etag)
      expect(changed.status).to.equal(200)
      expect(changed.headers.etag).to.not.equal(etag)
      expect((await replace(etag)).status).to.equal(412)
      expect((await replace(`${etag}, ${changed.headers.etag}`)).status).to.equal(200)
      expect((await replace('*')).status).to.equal(200)
      const now = String((await client.get(path)).headers.etag)
      const fresh304 = await client.get(path, { headers: { 'If-None-Match': now } })
      expect([fresh304.status, fresh304.text, fresh304.headers.etag]).to.deep.equal([304, '', now])
      expect((await client.delete(path, { headers: { 'If-Match': etag } })).status).to.equal(412)
      expect((await client.delete(path, { headers: { 'If-Match': now } })).status).to.equal(204)
      expect((await replace(now)).status).to.equal(404)
    })

    it('challenges a request without credential in the SCIM error shape (RFC 7644 §2)', async () => {
      const answer = await client.get('/Users', { anonymous: true })
      expect(answer.status).to.equal(401)
      expect(answer.headers['www-authenticate']).to.match(/^Bearer .*Basic /)
      expect(answer.json).to.deep.include({ schemas: [ERROR], status: '401' })
    })

    it("takes Entra ID's default mappings: string booleans, missing e-mail by type, bare manager, role types", async () => {
      const roles = [{ value: 'Auditor', display: 'Auditor', type: 'WindowsAzureActiveDirectoryRole', primary: 'True' }]
      const created = await client.post('/Users', {
        schemas: [USER, ENTERPRISE],
        userName: fresh('entra'),
        active: 'True',
        roles,
        [ENTERPRISE]: { manager: 'the-manager' },
      })
      expect(created.status).to.equal(201)
      const changed = await client.patch(`/Users/${idOf(created)}`, [
        { op: 'Replace', path: 'active', value: 'False' },
        { op: 'Add', path: 'emails[type eq "work"].value', value: 'work@example.com' },
        { op: 'Add', path: `${ENTERPRISE}:manager`, value: 'another-manager' },
      ])
      expect(changed.status).to.equal(200)
      expect(changed.json).to.deep.include({
        active: false,
        emails: [{ type: 'work', value: 'work@example.com' }],
        [ENTERPRISE]: { manager: { value: 'another-manager' } },
      })
      const cleared = await client.patch(`/Users/${idOf(created)}`, [
        { op: 'Replace', path: `${ENTERPRISE}:manager`, value: '' },
      ])
      expect(cleared.json).to.not.have.property(ENTERPRISE)
    })

    it('answers HEAD with the headers of GET, and reads no member for it', async () => {
      const group = await makeGroup(client, [(await makeUser(client)).id])
      const head = await client.send('HEAD', `/scim/v2/Groups/${group}`)
      expect([head.status, head.text]).to.deep.equal([200, ''])
      expect(head.headers.etag).to.equal((await client.get(`/Groups/${group}`)).headers.etag)
    })

    it('streams the members of a group of more than 1,000, whole and in order of id', async () => {
      const people = (await gateway.tenant.people(1_050, 'many')).map(({ id }) => id)
      const group = await makeGroup(client, people)
      const answer = await client.get(`/Groups/${group}`)
      expect(memberIds(answer)).to.deep.equal([...people].sort())
      const listed = await client.get(`/Groups?filter=${encode(`id eq "${group}"`)}`)
      expect((listed.json['Resources'] as { members: unknown[] }[])[0]?.members).to.have.length(1_050)
      const names = await client.get(`/Groups?filter=${encode(`id eq "${group}"`)}&excludedAttributes=members`)
      expect((names.json['Resources'] as object[])[0]).to.not.have.property('members')
    })

    it('creates a group with its schema and name, and prints $ref and type of members (RFC 7643 §4.2)', async () => {
      const { id } = await makeUser(client)
      const created = await client.post('/Groups', {
        schemas: [GROUP],
        displayName: fresh('team'),
        members: [{ value: id, $ref: null }],
      })
      expect(created.status).to.equal(201)
      const [member] = created.json['members'] as Record<string, unknown>[]
      expect(member).to.include({ value: id, type: 'User', $ref: `${gateway.publicUrl}/scim/v2/Users/${id}` })
    })
  })
}
