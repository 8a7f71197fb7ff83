import { expect } from 'chai'
import { isJsonObject, type Json } from '../../src/domain/json.ts'
import { ENDPOINTS } from '../../src/scim/endpoint.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import {
  type Access,
  basic,
  ENTERPRISE,
  filterOn,
  fresh,
  idOf,
  make,
  openAccess,
  orgRows,
  textOf,
  USER,
} from './orgs.ts'
import { type Facts, inventedFacts, ROWS } from './tenant-rows.ts'

/** Stands in everything the first org has that is no key. */
const MARK = 'mark-of-the-other-org'

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g
const COMPARED = ['etag', 'content-type', 'content-length', 'location', 'allow', 'www-authenticate'] as const

/** An answer with ids and times taken out: what is left tells whether the gateway knew what the request named. */
function shape({ status, headers, text }: Answer): Readonly<Record<string, unknown>> {
  const plain = (value = ''): string => value.replace(UUID, '<id>').replace(TIME, '<time>')
  return { status, text: plain(text), ...Object.fromEntries(COMPARED.map((name) => [name, plain(headers[name])])) }
}

forEachDialect('credentials of one org and resources of another', (dialect) => {
  let test: TestGateway
  let theirs: ScimClient
  let facts: Facts
  let stranger: Access

  before(async () => {
    test = await startTestGateway(dialect)
    theirs = new ScimClient(test.base, test.token)
    facts = await makeTheirs(theirs)
    stranger = await openAccess(test.gateway)
  })
  after(async () => {
    theirs.close()
    await test.stop()
  })

  async function makeTheirs(client: ScimClient): Promise<Facts> {
    const { user: _, group: __, role: ___, ...names } = inventedFacts()
    const boss = await make(client, '/Users', { userName: fresh('boss'), displayName: MARK })
    const user = await make(client, '/Users', {
      ...{ userName: names.userName, externalId: names.userExternalId, displayName: MARK, title: MARK },
      emails: [{ value: names.email, primary: true }],
      [ENTERPRISE]: { manager: { value: boss } },
    })
    const group = await make(client, '/Groups', {
      ...{ displayName: names.displayName, externalId: names.groupExternalId, members: [{ value: user }] },
    })
    const { token } = await openAccess(test.gateway, (await ownerOf()).orgId, { kind: 'script' })
    const script = new ScimClient(test.base, token)
    const role = await script.post('/Roles', { name: names.roleName, description: MARK, inheritedFrom: 'member' })
    expect(role.status, role.text).to.equal(201)
    script.close()
    return { ...names, user, group, role: idOf(role) }
  }

  it('has a row for each method of each route, and no row for none (S02)', () => {
    const routes = ENDPOINTS.flatMap(({ template, methods }) => methods.map((method) => `${method} ${template}`))
    expect(Object.keys(ROWS).sort()).to.deep.equal([...new Set(routes)].sort())
    for (const [route, probes] of Object.entries(ROWS)) expect(probes, route).not.to.deep.equal([])
  })

  type Way = (access: Access) => Promise<{ readonly mount: string; readonly authorization: string }>
  const ways: Readonly<Record<string, Way>> = {
    'a bearer token at /scim/v2': async ({ token }) => ({ mount: '/scim/v2', authorization: `Bearer ${token}` }),
    'Basic at /api/scim': async ({ token }) => ({ mount: '/api/scim', authorization: basic('scim', token) }),
    'an OAuth access token at /scim': async ({ connection, token }) => {
      const headers = {
        authorization: basic(connection.id, token),
        'content-type': 'application/x-www-form-urlencoded',
      }
      const answer = await new ScimClient(test.url).call('oauth/token', {
        ...{ method: 'POST', rawBody: 'grant_type=client_credentials', headers },
      })
      return { mount: '/scim', authorization: `Bearer ${textOf(answer, 'access_token')}` }
    },
  }
  for (const [title, way] of Object.entries(ways)) {
    describe(`with ${title}`, () => {
      let client: ScimClient
      let rows: readonly string[]

      before(async () => {
        const { mount, authorization } = await way(await openAccess(test.gateway))
        client = withAuthorization(test.url + mount, authorization)
        rows = await orgRows(test.gateway, (await ownerOf()).orgId)
      })
      after(async () => {
        client.close()
        const { orgId } = await ownerOf()
        expect(await orgRows(test.gateway, orgId), 'the other org is as it was').to.deep.equal(rows)
      })

      for (const [route, probes] of Object.entries(ROWS)) {
        it(`${route} answers for ids of another org as for ids that nobody has (S02)`, async () => {
          for (const probe of probes) {
            const known = await probe.send(client, facts)
            const unknown = await probe.send(client, inventedFacts())
            expect(unknown.status, `${probe.title}: ${unknown.text}`).to.be.oneOf([probe.status].flat())
            expect(shape(known), probe.title).to.deep.equal(shape(unknown))
            expect(known.text).to.not.include(MARK)
          }
        })
      }
    })
  }

  /** The org that the facts are of. */
  async function ownerOf(): Promise<{ readonly orgId: Access['orgId'] }> {
    const [org] = (await test.gateway.opened.store.reads.orgs.list()).filter(({ name }) => name === 'default')
    return { orgId: org!.id }
  }

  it('lists page by page, sorted and filtered, only what is its own (S02)', async () => {
    const client = new ScimClient(test.base, stranger.token)
    const own = await make(client, '/Users', { userName: fresh('own') })
    const lists = ['/Users', '/Users?sortBy=userName', filterOn('/Users', 'userName pr or title eq "x"')]
    for (const list of lists) {
      const { body, text } = await client.get(`${list}${list.includes('?') ? '&' : '?'}count=1000`)
      expect(text).to.include(own).and.not.include(facts.user).and.not.include(MARK)
      expect((body['Resources'] as Json[]).length).to.equal(body['totalResults'])
    }
    expect((await client.get('/Groups?count=1000')).text).to.not.include(facts.group)
    expect((await theirs.get('/Users?count=1000')).text)
      .to.include(facts.user)
      .and.not.include(own)
    client.close()
  })

  it('takes the org from the credential, whatever a path, query, header or body says (S02)', async () => {
    const client = new ScimClient(test.base, stranger.token)
    const { orgId } = await ownerOf()
    const headers = { 'X-Org': orgId, 'X-Org-Id': orgId, 'X-Tenant': orgId, 'X-Rollcall-Org': orgId }
    const body = { schemas: [USER], userName: fresh('who'), org: orgId, orgId, org_id: orgId, organization: orgId }
    const made = await client.post(`/Users?org=${orgId}&orgId=${orgId}&org_id=${orgId}`, body, headers)
    expect(made.status).to.equal(201)
    expect((await client.get(`/Users/${idOf(made)}`)).status).to.equal(200)
    expect((await theirs.get(`/Users/${idOf(made)}`)).status).to.equal(404)
    for (const path of [`/${orgId}/Users`, `/orgs/${orgId}/Users`, `/Users/${facts.user}?org=${orgId}`]) {
      expect((await client.get(path, headers)).status, path).to.equal(404)
    }
    client.close()
  })

  it('never mixes two tenants up in 800 requests that run at once on two mounts (S02)', async () => {
    const one = { client: new ScimClient(test.base, test.token), base: `${test.url}/scim/v2` }
    const other = { client: new ScimClient(`${test.url}/api/scim`, stranger.token), base: `${test.url}/api/scim` }
    const [ofOne, ofOther] = await Promise.all([hundred(one), hundred(other)])
    expect(new Set([...ofOne, ...ofOther]).size).to.equal(200)
    for (const [{ client }, ids] of [
      [one, ofOther],
      [other, ofOne],
    ] as const) {
      for (const id of ids.slice(0, 20)) expect((await client.get(`/Users/${id}`)).status).to.equal(404)
      client.close()
    }
  })
})

/** A client with any Authorization header. */
function withAuthorization(base: string, authorization: string): ScimClient {
  const client = new ScimClient(base)
  const call = client.call.bind(client)
  client.call = (path, options = {}) => call(path, { ...options, headers: { authorization, ...options.headers } })
  return client
}

/** A hundred people, each made, read, changed and found: 400 requests at once, whose every address is the tenant's. */
async function hundred({ client, base }: { readonly client: ScimClient; readonly base: string }): Promise<string[]> {
  const mark = fresh('of')
  const one = async (): Promise<string> => {
    const userName = fresh('parallel')
    const made = await client.post('/Users', { schemas: [USER], userName, title: mark })
    expect(made.status, made.text).to.equal(201)
    const id = idOf(made)
    const read = client.get(`/Users/${id}`)
    const changed = client.patch(`/Users/${id}`, [{ op: 'replace', path: 'nickName', value: 'n' }])
    const listed = await client.get(filterOn('/Users', `userName eq "${userName}"`))
    const [found] = listed.body['Resources'] as Json[]
    expect(listed.body['totalResults']).to.equal(1)
    expect(made.headers['location']).to.equal(`${base}/Users/${id}`)
    for (const body of [made.body, (await read).body, (await changed).body, found]) {
      const { meta, title } = isJsonObject(body) ? body : {}
      expect([title, isJsonObject(meta) && meta['location']]).to.deep.equal([mark, `${base}/Users/${id}`])
    }
    return id
  }
  return Promise.all(Array.from({ length: 100 }, one))
}
