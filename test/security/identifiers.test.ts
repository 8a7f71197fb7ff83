import { expect } from 'chai'
import fc from 'fast-check'
import { isId } from '../../src/domain/ids.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'
import { ENTERPRISE, filterOn, fresh, GROUP, idOf, make, rowsNaming, USER } from './orgs.ts'

forEachDialect('identifiers', (dialect) => {
  let test: TestGateway
  let client: ScimClient

  before(async () => {
    test = await startTestGateway(dialect)
    client = new ScimClient(test.base, test.token)
  })
  after(async () => {
    client.close()
    await test.stop()
  })

  const endpoints = ['/Users', '/Groups'] as const
  const named = (endpoint: (typeof endpoints)[number], more: object): object =>
    endpoint === '/Users'
      ? { schemas: [USER], userName: fresh('person'), ...more }
      : { schemas: [GROUP], displayName: fresh('group'), ...more }

  for (const endpoint of endpoints) {
    describe(`of ${endpoint}`, () => {
      /** Makes a resource with an externalId and checks that nothing of it got into its id. */
      async function expectOwnId(externalId: string): Promise<string> {
        const made = await client.post(endpoint, named(endpoint, { externalId }))
        expect(made.status, made.text).to.equal(201)
        const id = idOf(made)
        expect(isId(id), id).to.equal(true)
        expect(id[14], 'the version of a random id (RFC 9562 §5.7)').to.equal('7')
        expect(id).to.not.equal(externalId)
        expect(made.body['externalId']).to.equal(externalId)
        expect(made.headers['location']).to.match(new RegExp(`${endpoint}/${id}$`))
        return id
      }

      it('are fresh whatever externalId says: a number, "admin", the id of another (S01, CVE-2025-41115)', async () => {
        const other = await make(client, endpoint, named(endpoint, { title: 'other' }))
        const [token] = await test.gateway.opened.store.reads.orgs.tokens(await orgId())
        const ids = new Set<string>([other])
        const taken = ['1', '0', '-1', '1e0', 'admin', 'root', 'null', 'undefined', '__proto__', 'constructor']
        const internal = [other, token!.id, token!.connectionId, token!.orgId, other.toUpperCase(), `{${other}}`]
        for (const externalId of [...taken, ...internal]) {
          const id = await expectOwnId(externalId)
          expect(ids.has(id), 'never the same id twice').to.equal(false)
          ids.add(id)
          const byExternalId = await client.get(`${endpoint}/${encodeURIComponent(externalId)}`)
          if (externalId === other) expect(idOf(byExternalId)).to.equal(other)
          else expect(byExternalId.status, externalId).to.equal(404)
        }
      })

      it('are fresh whatever string externalId is, and it leads to nobody as an id (S01)', async () => {
        const externalIds = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
        const storable = externalIds.filter((text) => text.trim() !== '' && !/\p{Cc}|\p{Cs}/u.test(text))
        await fc.assert(
          fc.asyncProperty(storable, async (text) => {
            const externalId = `${text}${fresh('~')}`
            await expectOwnId(externalId)
            expect((await client.get(`${endpoint}/${encodeURIComponent(externalId)}`)).status).to.equal(404)
          }),
          { numRuns: 60 },
        )
      })

      it('stay who they are when a lookup by externalId names an id (S01)', async () => {
        const victim = await make(client, endpoint, named(endpoint, {}))
        const other = await make(client, endpoint, named(endpoint, { externalId: victim }))
        const found = await client.get(filterOn(endpoint, `externalId eq "${victim}"`))
        expect(found.text).to.include(`"id":"${other}"`).and.not.include(`"id":"${victim}"`)
        expect((await client.delete(`${endpoint}/${victim}`)).status).to.equal(204)
        expect((await client.get(`${endpoint}/${other}`)).status).to.equal(200)
        expect((await client.get(`${endpoint}/${victim}`)).status).to.equal(404)
      })

      it('refuse an externalId that is no string: 400 invalidValue (S01)', async () => {
        for (const externalId of [1, 0, -1, 1.5, true, false, { value: 'x' }, [1], ['1', '2']]) {
          const answer = await client.post(endpoint, named(endpoint, { externalId }))
          expect([answer.status, answer.body['scimType']], JSON.stringify(externalId)).to.deep.equal([
            400,
            'invalidValue',
          ])
        }
      })

      it('come from the path alone: id, meta and schemas of a body touch nobody else (S03)', async () => {
        const victim = await make(client, endpoint, named(endpoint, { externalId: fresh('victim') }))
        const row = await rowsNaming(test.gateway, victim)
        expect(row).not.to.deep.equal([])
        const meta = { resourceType: 'Group', location: `${test.base}${endpoint}/${victim}`, version: 'W/"9"' }
        const schemas = [endpoint === '/Users' ? USER : GROUP, `urn:victim:${victim}`, ENTERPRISE]
        const confusions: readonly object[] = [
          { id: victim },
          { ID: victim, Id: victim },
          { id: victim, meta, schemas },
          { meta: { ...meta, id: victim }, location: meta.location, $ref: meta.location },
        ]
        for (const confusion of confusions) {
          const name = fresh('changed')
          const changed = endpoint === '/Users' ? { userName: name } : { displayName: name }
          const id = await make(client, endpoint, named(endpoint, {}))
          const put = await client.put(`${endpoint}/${id}?id=${victim}`, { ...named(endpoint, changed), ...confusion })
          expect([put.status, idOf(put)], put.text).to.deep.equal([200, id])
          expect(put.text).to.include(name)
          const operations = [{ op: 'replace', value: { ...confusion, displayName: fresh('patched') } }]
          const patched = await client.patch(`${endpoint}/${id}`, operations)
          expect(patched.status, patched.text).to.be.oneOf([200, 400])
          if (patched.status === 200) expect(idOf(patched)).to.equal(id)
          for (const [path, value] of Object.entries(confusion)) {
            const answer = await client.patch(`${endpoint}/${id}`, [{ op: 'replace', path, value: value as unknown }])
            expect(answer.status, `${path}: ${answer.text}`).to.be.oneOf([200, 400])
          }
          expect((await client.post(endpoint, { ...named(endpoint, {}), ...confusion })).body['id']).to.not.equal(
            victim,
          )
          expect(await rowsNaming(test.gateway, victim)).to.deep.equal(row)
        }
      })
    })
  }

  async function orgId(): Promise<Parameters<typeof test.gateway.opened.store.reads.orgs.tokens>[0]> {
    const [org] = await test.gateway.opened.store.reads.orgs.list()
    return org!.id
  }
})
