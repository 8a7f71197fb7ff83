import { expect } from 'chai'
import { ERROR, fresh, idOf, idsOf, makeGroup, makeUser, type ScimClient, USER } from './scim-client.ts'
import { forEachDialect } from '../../support/databases.ts'
import { type Gateway, openGateway } from './gateway.ts'
import {
  bulk,
  type BulkResult,
  expectWritten,
  failed,
  group,
  postGroup,
  postUser,
  resultsOf,
  statusesOf,
  user,
} from './bulk.ts'

forEachDialect('POST /Bulk (RFC 7644 §3.7)', (dialect) => {
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

  /** The path of what a result names. */
  const pathOf = (result: BulkResult | undefined): string =>
    String(result?.location).slice(`${gateway.publicUrl}/scim/v2`.length)
  const read = async (result: BulkResult | undefined) => (await client.get(pathOf(result))).json
  const memberIds = async (result: BulkResult | undefined): Promise<readonly string[]> =>
    (((await read(result))['members'] ?? []) as { value: string }[]).map(({ value }) => value)
  const idIn = (result: BulkResult | undefined): string => pathOf(result).split('/')[2] ?? ''

  describe('results (§3.7.3)', () => {
    it('announces itself with its limits (RFC 7643 §5)', async () => {
      const { json } = await client.get('/ServiceProviderConfig')
      expect(json['bulk']).to.deep.equal({ supported: true, maxOperations: 1_000, maxPayloadSize: 16_777_216 })
    })

    it('does POST, PUT, PATCH and DELETE in one request, each with status, location and version (§3.7.3, figure 1)', async () => {
      const [replaced, changed, removed] = await Promise.all([makeUser(client), makeUser(client), makeUser(client)])
      const path = ({ id }: { id: string }): string => `/Users/${id}`
      const answer = await bulk(client, [
        postUser('qwerty', { userName: `alice-${changed.id}` }),
        { method: 'PUT', path: path(replaced), data: user({ userName: `bob-${replaced.id}`, title: 'Replaced' }) },
        {
          method: 'PATCH',
          path: path(changed),
          data: { Operations: [{ op: 'replace', path: 'title', value: 'Changed' }] },
        },
        { method: 'DELETE', path: path(removed) },
      ])
      expect(answer.json['schemas']).to.deep.equal(['urn:ietf:params:scim:api:messages:2.0:BulkResponse'])
      expect(answer.headers['content-type']).to.equal('application/scim+json')
      const results = resultsOf(answer)
      expect(results.map(({ method, status }) => [method, status])).to.deep.equal([
        ['POST', '201'],
        ['PUT', '200'],
        ['PATCH', '200'],
        ['DELETE', '204'],
      ])
      expect(results[0]).to.have.keys(['method', 'bulkId', 'version', 'location', 'status'])
      expect(results.slice(0, 3).map(({ version }) => version)).to.deep.equal(['W/"1"', 'W/"2"', 'W/"2"'])
      expect(results[3]).to.not.have.property('version')
      expect(pathOf(results[3])).to.equal(path(removed))
      expect((await read(results[1]))['title']).to.equal('Replaced')
      expect((await read(results[2]))['title']).to.equal('Changed')
      expect((await client.get(path(removed))).status).to.equal(404)
      const { json, headers } = await client.get(pathOf(results[0]))
      expect(json['userName']).to.equal(`alice-${changed.id}`)
      expect(headers.etag).to.equal(results[0]?.version)
    })

    it('carries the error of a failed operation as its response, and goes on after it (§3.7.3, figure 3)', async () => {
      const taken = await makeUser(client)
      const answer = await bulk(client, [
        { method: 'DELETE', path: '/Users/nobody' },
        postUser('same', { userName: taken.userName }),
        postUser('good'),
      ])
      const [missing, conflict, good] = resultsOf(answer)
      expect(missing).to.deep.include({ method: 'DELETE', status: '404' })
      expect(conflict).to.deep.include({ method: 'POST', bulkId: 'same', status: '409' })
      expect(conflict).to.not.have.property('location')
      expect(conflict?.response).to.deep.include({ schemas: [ERROR], status: '409', scimType: 'uniqueness' })
      expectWritten(good, '201')
      expect(good).to.not.have.property('response')
    })

    it('takes keys and methods in any case, a missing envelope schema, and no operations at all', async () => {
      const lower = await client.post('/bulk', {
        operations: [{ Method: 'post', PATH: '/users', BulkId: 'a', DATA: user() }],
      })
      expect(statusesOf(lower)).to.deep.equal(['201'])
      expect(resultsOf(lower)[0]).to.include({ method: 'POST', bulkId: 'a' })
      expect((await bulk(client, [])).json['Operations']).to.deep.equal([])
    })

    it('gives addresses of the mount it was asked at', async () => {
      const other = client.at('/api/scim')
      const [result] = resultsOf(await bulk(other, [postUser('a')]))
      expect(result?.location).to.match(new RegExp(`^${gateway.publicUrl}/api/scim/Users/`))
      other.close()
    })
  })

  describe('references (§3.7.2)', () => {
    it('resolves several bulkIds of one operation (§3.7.2, figure 5)', async () => {
      const [one, two, team] = resultsOf(
        await bulk(client, [postUser('1'), postUser('2'), postGroup('t', ['bulkId:1', 'bulkId:2'])]),
      )
      expect(await memberIds(team)).to.have.members([idIn(one), idIn(two)])
    })

    it('resolves forward references, in members, in a manager and in a path', async () => {
      const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
      const answer = await bulk(client, [
        postGroup('team', ['bulkId:worker']),
        postUser('worker', { schemas: [USER, enterprise], [enterprise]: { manager: { value: 'bulkId:boss' } } }),
        {
          method: 'PATCH',
          path: '/Users/bulkId:boss',
          data: { Operations: [{ op: 'add', path: 'title', value: 'Boss' }] },
        },
        postUser('boss'),
      ])
      const [team, worker, patched, boss] = resultsOf(answer)
      expect(statusesOf(answer)).to.deep.equal(['201', '201', '200', '201'])
      expect(await memberIds(team)).to.deep.equal([idIn(worker)])
      expect((await read(worker))[enterprise]).to.have.nested.property('manager.value', idIn(boss))
      expect(patched?.location).to.equal(boss?.location)
      expect((await read(boss))['title']).to.equal('Boss')
    })

    it('resolves references in a PATCH of a group that was there before', async () => {
      const id = await makeGroup(client)
      const answer = await bulk(client, [
        {
          method: 'PATCH',
          path: `/Groups/${id}`,
          data: { Operations: [{ op: 'add', path: 'members', value: [{ value: 'bulkId:n' }] }] },
        },
        postUser('n'),
      ])
      expect(statusesOf(answer)).to.deep.equal(['200', '201'])
      const [team, person] = resultsOf(answer)
      expect(await memberIds(team)).to.deep.equal([idIn(person)])
    })

    it('takes no text for a reference that is one in part only, nor one bulkId for another that begins like it', async () => {
      const answer = await bulk(client, [
        postUser('u', { title: 'see bulkId:u' }),
        postUser('u1', { nickName: 'bulkId:u' }),
        postGroup('g', ['bulkId:u1']),
      ])
      const [first, second, team] = resultsOf(answer)
      expect((await read(first))['title']).to.equal('see bulkId:u')
      expect((await read(second))['nickName']).to.equal(idIn(first))
      expect(await memberIds(team)).to.deep.equal([idIn(second)])
    })

    it('breaks a circle of groups, which all come to be with their members (§3.7.2, figure 7)', async () => {
      const answer = await bulk(client, [
        postGroup('a', ['bulkId:b', 'bulkId:u']),
        postGroup('b', ['bulkId:c']),
        postGroup('c', ['bulkId:a']),
        postUser('u'),
      ])
      expect(statusesOf(answer)).to.deep.equal(['201', '201', '201', '201'])
      const [a, b, c, person] = resultsOf(answer)
      expect(await memberIds(a)).to.have.members([idIn(b), idIn(person)])
      expect(await memberIds(b)).to.deep.equal([idIn(c)])
      expect(await memberIds(c)).to.deep.equal([idIn(a)])
      for (const result of [a, b, c]) expect((await client.get(pathOf(result))).headers.etag).to.equal(result?.version)
    })

    it('makes none of a circle when one of it is refused, and says which it was', async () => {
      const name = fresh('taken')
      await client.post('/Groups', group({ displayName: name }))
      const free = fresh('free')
      const answer = await bulk(client, [
        postGroup('a', ['bulkId:b'], { displayName: free }),
        postGroup('b', ['bulkId:a'], { displayName: name }),
      ])
      expect(resultsOf(answer).map(failed)).to.deep.equal([
        ['409', 'invalidValue'],
        ['409', 'uniqueness'],
      ])
      expect(resultsOf(answer)[0]?.response?.detail).to.include('Operations[1]')
      expect((await client.get(`/Groups?filter=displayName+eq+"${free}"`)).json['totalResults']).to.equal(0)
    })

    it('makes people who manage each other', async () => {
      const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
      const managed = (bulkId: string, by: string): object =>
        postUser(bulkId, { schemas: [USER, enterprise], [enterprise]: { manager: { value: `bulkId:${by}` } } })
      const [one, other] = resultsOf(await bulk(client, [managed('one', 'other'), managed('other', 'one')]))
      expect((await read(one))[enterprise]).to.have.nested.property('manager.value', idIn(other))
      expect((await read(other))[enterprise]).to.have.nested.property('manager.value', idIn(one))
    })

    it('answers 409 where the operation that is referred to failed, and only there (§3.7.2)', async () => {
      const answer = await bulk(client, [
        { method: 'POST', path: '/Users', bulkId: 'bad', data: { schemas: [USER] } },
        postGroup('team', ['bulkId:bad']),
        postGroup('far', ['bulkId:team']),
        postUser('good'),
        { method: 'PATCH', path: '/Users/bulkId:bad', data: { Operations: [] } },
      ])
      expect(resultsOf(answer).map(failed)).to.deep.equal([
        ['400', 'invalidValue'],
        ['409', 'invalidValue'],
        ['409', 'invalidValue'],
        ['201', undefined],
        ['409', 'invalidValue'],
      ])
    })

    it('keeps the order of the request where nothing refers to anything', async () => {
      const userName = fresh('again')
      const { id } = await makeUser(client, { userName: `${userName}@example.com` })
      const answer = await bulk(client, [
        { method: 'DELETE', path: `/Users/${id}` },
        postUser('again', { userName: `${userName}@example.com` }),
      ])
      expect(statusesOf(answer)).to.deep.equal(['204', '201'])
      expect(idIn(resultsOf(answer)[1])).to.not.equal(id)
    })

    it('orders a chain of 199 groups that stands in the wrong order', async () => {
      const chain = Array.from({ length: 199 }, (_, n) =>
        postGroup(`g${n}`, [n === 198 ? 'bulkId:u' : `bulkId:g${n + 1}`]),
      )
      const answer = await bulk(client, [...chain, postUser('u')])
      expect(new Set(statusesOf(answer))).to.deep.equal(new Set(['201']))
      const results = resultsOf(answer)
      expect(await memberIds(results[0])).to.deep.equal([idIn(results[1])])
    }).timeout(240_000)
  })

  describe('conditions and limits', () => {
    it('compares the version of an operation as If-Match does, for that operation only (§3.7.1)', async () => {
      const { id } = await makeUser(client)
      const change = (version: string, value: string): object => ({
        method: 'PATCH',
        path: `/Users/${id}`,
        version,
        data: { Operations: [{ op: 'replace', path: 'title', value }] },
      })
      const answer = await bulk(client, [
        change('W/"1"', 'a'),
        change('W/"1"', 'b'),
        change('W/"2"', 'c'),
        change('*', 'd'),
      ])
      expect(statusesOf(answer)).to.deep.equal(['200', '412', '200', '200'])
      expect((await client.get(`/Users/${id}`)).json['title']).to.equal('d')
      const stale = await bulk(client, [{ method: 'DELETE', path: `/Users/${id}`, version: 'W/"1"' }])
      expect(statusesOf(stale)).to.deep.equal(['412'])
    })

    it('leaves nothing half written of an operation that is refused', async () => {
      const { id } = await makeUser(client)
      const answer = await bulk(client, [
        {
          method: 'PATCH',
          path: `/Users/${id}`,
          data: {
            Operations: [
              { op: 'add', path: 'title', value: 'x' },
              { op: 'add', path: 'nonsense', value: 1 },
            ],
          },
        },
      ])
      expect(resultsOf(answer).map(failed)).to.deep.equal([['400', 'invalidPath']])
      expect((await client.get(`/Users/${id}`)).json).to.not.have.property('title')
    })

    it('stops after failOnErrors errors: what came before stays, what comes after is not tried (§3.7.3)', async () => {
      const bad = { method: 'DELETE', path: '/Users/nobody' }
      const broken = { method: 'TRACE', path: '/Users' }
      const names = Array.from({ length: 50 }, () => fresh('late'))
      const answer = await bulk(
        client,
        [
          postUser('a'),
          bad,
          postUser('b'),
          broken,
          ...names.map((userName, n) => postUser(`c${n}`, { userName })),
          bad,
        ],
        { failOnErrors: 2 },
      )
      expect(statusesOf(answer)).to.deep.equal(['201', '404', '201', '405'])
      expect((await client.get(`/Users?filter=userName+sw+"late"`)).json['totalResults']).to.equal(0)
    })

    it('does not stop one error too soon', async () => {
      const bad = { method: 'DELETE', path: '/Groups/nobody' }
      const answer = await bulk(client, [bad, postUser('a'), bad, postUser('b')], { failOnErrors: 3 })
      expect(statusesOf(answer)).to.deep.equal(['404', '201', '404', '201'])
    })

    it('refuses more than 1,000 operations and a body above 16 MiB with 413 (§3.7.4)', async () => {
      const many = await bulk(
        client,
        Array.from({ length: 1_001 }, () => ({ method: 'DELETE', path: '/Users/x' })),
      )
      expect(many.status).to.equal(413)
      expect(many.json).to.deep.include({ schemas: [ERROR], status: '413' })
      const large = await client.post('/Bulk', `{"Operations":[],"x":"${'y'.repeat(16_777_216)}"}`)
      expect(large.status).to.equal(413)
      const fits = await client.post('/Bulk', `{"Operations":[],"x":"${'y'.repeat(15_000_000)}"}`)
      expect(fits.status).to.equal(200)
    })

    it('holds each operation to the scopes of the credential', async () => {
      const people = await gateway.connect({ scopes: ['users'] })
      const answer = await bulk(people, [postUser('u'), postGroup('g', ['bulkId:u']), postUser('v')])
      expect(statusesOf(answer)).to.deep.equal(['201', '403', '201'])
      expect(resultsOf(answer)[1]?.response?.detail).to.include('groups')
      people.close()
    })

    it('makes 1,000 people, each once', async () => {
      const prefix = fresh('thousand')
      const all = Array.from({ length: 1_000 }, (_, n) => postUser(`u${n}`, { userName: `${prefix}-${n}` }))
      const answer = await bulk(client, all, { failOnErrors: 1 })
      const results = resultsOf(answer)
      expect(results).to.have.length(1_000)
      expect(new Set(results.map(({ status }) => status))).to.deep.equal(new Set(['201']))
      expect(new Set(results.map(idIn)).size).to.equal(1_000)
      expect(results.map(({ bulkId }) => bulkId)).to.deep.equal(Array.from({ length: 1_000 }, (_, n) => `u${n}`))
      const found = await client.get(`/Users?count=0&filter=userName+sw+"${prefix}"`)
      expect(found.json['totalResults']).to.equal(1_000)
      const again = await bulk(client, all.slice(0, 100))
      expect(new Set(statusesOf(again))).to.deep.equal(new Set(['409']))
    }).timeout(240_000)
  })

  it('turns an outage into 503 of each operation that it hit, with nothing of the engine in it', async () => {
    const answer = await gateway.breakGroups(() => bulk(client, [postGroup('g', []), postUser('u')]))
    const [team, person] = resultsOf(answer)
    expect(team?.status).to.match(/^50[03]$/)
    expect(JSON.stringify(team)).to.not.match(/scim_group|SQL|relation|no such table/)
    expectWritten(person, '201')
    expect(idsOf(await client.get(`/Users?filter=id+eq+"${idIn(person)}"`))).to.deep.equal([idIn(person)])
  })

  it('answers other methods with 405 and OPTIONS with what there is (RFC 9110 §9.3.7)', async () => {
    const get = await client.get('/Bulk')
    expect([get.status, get.headers.allow]).to.deep.equal([405, 'POST, OPTIONS'])
    const options = await client.send('OPTIONS', '/scim/v2/Bulk')
    expect([options.status, options.headers.allow]).to.deep.equal([204, 'POST, OPTIONS'])
    expect(idOf(get)).to.equal('undefined')
  })
})
