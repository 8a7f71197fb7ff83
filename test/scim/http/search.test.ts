import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { ERROR, fresh, GROUP, idOf, idsOf, makeUser, type ScimClient, USER } from './scim-client.ts'

const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest'
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'

for (const fastRoutes of [true, false]) {
  forEachDialect(`POST /.search (RFC 7644 §3.4.3), fast routes ${fastRoutes ? 'on' : 'off'}`, (dialect) => {
    let gateway: Gateway
    let client: ScimClient
    const people: string[] = []
    const groups: string[] = []
    const word = fresh('find')

    const search = (path: string, body: object) => client.post(path, { schemas: [SEARCH], ...body })

    before(async () => {
      gateway = await openGateway({ dialect, fastRoutes })
      client = gateway.client()
      for (const n of [3, 1, 2]) {
        const { id } = await makeUser(client, { displayName: `${word} ${n}`, title: word, nickName: `n${n}` })
        people.push(id)
      }
      for (const n of [2, 1]) {
        const body = { schemas: [GROUP], displayName: `${word} ${n}`, members: [{ value: people[0] }] }
        groups.push(idOf(await client.post('/Groups', body)))
      }
    })
    after(async () => {
      expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
      client.close()
      await gateway.close()
    })

    describe('of one type', () => {
      it('answers what GET with the same parameters does (§3.4.3, figure 2)', async () => {
        const body = {
          attributes: ['displayName', 'userName'],
          filter: `displayName sw "${word}"`,
          sortBy: 'displayName',
          sortOrder: 'descending',
          startIndex: 2,
          count: 10,
        }
        const found = await search('/Users/.search', body)
        expect(found.status, found.text).to.equal(200)
        const query = new URLSearchParams({ ...body, attributes: 'displayName,userName', startIndex: '2', count: '10' })
        expect(found.text).to.equal((await client.get(`/Users?${query.toString()}`)).text)
        expect(found.json).to.deep.include({ schemas: [LIST], totalResults: 3, startIndex: 2, itemsPerPage: 2 })
        expect(idsOf(found)).to.deep.equal([people[2], people[1]])
        expect((found.json['Resources'] as object[])[0]).to.have.keys(['schemas', 'id', 'displayName', 'userName'])
      })

      it('leaves members out, counts alone with count 0, and finds groups by member', async () => {
        const without = await search('/Groups/.search', { excludedAttributes: ['members'] })
        expect((without.json['Resources'] as object[])[0]).to.not.have.property('members')
        const counted = await search('/Groups/.search', { filter: `members.value eq "${people[0]}"`, count: 0 })
        expect(counted.json).to.include({ totalResults: 2, itemsPerPage: 0 })
      })

      it('walks by cursor (RFC 9865 §3)', async () => {
        const ids: string[] = []
        let cursor: string | undefined = ''
        while (cursor !== undefined) {
          const page = await search('/Users/.search', { filter: `title eq "${word}"`, count: 2, cursor })
          expect(page.status, page.text).to.equal(200)
          ids.push(...idsOf(page))
          cursor = page.json['nextCursor'] as string | undefined
        }
        expect(ids).to.deep.equal(people)
      })

      it('takes keys in any case, null for absent, numbers as text, names as one text, and no schemas', async () => {
        const body = { FILTER: `title eq "${word}"`, Count: '1', startindex: 3, sortBy: null, attributes: 'id,title' }
        const found = await client.post('/users/.SEARCH', body)
        expect(found.json).to.deep.include({ totalResults: 3, startIndex: 3, itemsPerPage: 1 })
        expect((found.json['Resources'] as object[])[0]).to.have.keys(['schemas', 'id', 'title'])
      })

      it('refuses what only the other type has (400 invalidFilter)', async () => {
        const found = await search('/Groups/.search', { filter: 'userName pr' })
        expect([found.status, found.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
      })
    })

    describe('at the root', () => {
      it('finds people and groups, people first, with the total of both', async () => {
        const found = await search('/.search', { filter: `displayName sw "${word}"` })
        expect(found.json).to.deep.include({ schemas: [LIST], totalResults: 5, startIndex: 1, itemsPerPage: 5 })
        expect(idsOf(found)).to.deep.equal([...people, ...groups])
        const types = (found.json['Resources'] as { meta: { resourceType: string } }[]).map((each) => each.meta)
        expect(types.map(({ resourceType }) => resourceType)).to.deep.equal(['User', 'User', 'User', 'Group', 'Group'])
      })

      it('pages by index over both as over one list, the total the same on every page', async () => {
        for (const count of [1, 2, 3, 4, 5]) {
          const ids: string[] = []
          for (let startIndex = 1; startIndex <= 5; startIndex += count) {
            const page = await search('/.search', { filter: `displayName sw "${word}"`, startIndex, count })
            expect(page.json).to.include({ totalResults: 5, startIndex })
            expect(page.json['itemsPerPage']).to.equal(idsOf(page).length)
            ids.push(...idsOf(page))
          }
          expect(ids, `pages of ${count}`).to.deep.equal([...people, ...groups])
        }
        const none = await search('/.search', { filter: `displayName sw "${word}"`, count: 0 })
        expect(none.json).to.deep.include({ totalResults: 5, itemsPerPage: 0, Resources: [] })
        const beyond = await search('/.search', { filter: `displayName sw "${word}"`, startIndex: 6 })
        expect(beyond.json).to.deep.include({ totalResults: 5, itemsPerPage: 0, Resources: [] })
      })

      it('takes an attribute that a type does not have as one without a value (§3.4.2.1)', async () => {
        const found = async (filter: string) => {
          const answer = await search('/.search', { filter })
          expect(answer.status, answer.text).to.equal(200)
          return idsOf(answer)
        }
        const named = `displayName sw "${word}"`
        expect(await found(`title eq "${word}"`)).to.deep.equal(people)
        expect(await found(`members pr and ${named}`)).to.deep.equal(groups)
        expect(await found(`title eq "${word}" or (displayName eq "${word} 1" and members pr)`)).to.deep.equal([
          ...people,
          groups[1],
        ])
        expect(await found(`${named} and title ne "${word}"`)).to.deep.equal(groups)
        expect(await found(`${named} and not (title pr)`)).to.deep.equal(groups)
        expect(await found(`${named} and emails[type eq "work"]`)).to.deep.equal([])
        expect(await found(`${named} and not (emails[type eq "work"])`)).to.deep.equal([...people, ...groups])
        expect(await found(`${named} and meta.resourceType eq "Group"`)).to.deep.equal(groups)
        expect(await found(`${named} and schemas eq "${USER}"`)).to.deep.equal(people)
        expect(await found(`${named} and ${USER}:title eq "${word}"`)).to.deep.equal(people)
        expect(await found(`${named} and ${GROUP}:displayName eq "${word} 2"`)).to.deep.equal([groups[0]])
        expect(await found(`members.value eq "${people[0]}"`)).to.deep.equal(groups)
      })

      it('sorts each type by what it has', async () => {
        const body = { filter: `displayName sw "${word}"`, sortBy: 'displayName' }
        expect(idsOf(await search('/.search', body))).to.deep.equal([
          people[1],
          people[2],
          people[0],
          groups[1],
          groups[0],
        ])
        const byNick = await search('/.search', { ...body, sortBy: 'nickName', sortOrder: 'descending' })
        expect(idsOf(byNick)).to.deep.equal([people[0], people[2], people[1], ...groups])
      })

      it('shows what each type has of the attributes that are asked for', async () => {
        const found = await search('/.search', {
          filter: `displayName sw "${word}"`,
          attributes: ['title', 'members.value'],
        })
        const [person, , , team] = found.json['Resources'] as object[]
        expect(person).to.have.keys(['schemas', 'id', 'title'])
        expect(team).to.have.keys(['schemas', 'id', 'members'])
        expect(team).to.have.deep.property('members', [{ value: people[0] }])
      })

      it('refuses what no type has: 400 invalidFilter, 400 invalidPath', async () => {
        const filter = await search('/.search', { filter: 'nonsense eq "x"' })
        expect([filter.status, filter.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
        expect(filter.json['detail']).to.include('nonsense')
        const sort = await search('/.search', { sortBy: 'nonsense' })
        expect([sort.status, sort.json['scimType']]).to.deep.equal([400, 'invalidPath'])
      })

      it('shows a credential only the types its scopes reach', async () => {
        for (const [scope, ids] of [
          ['users', people],
          ['groups', groups],
        ] as const) {
          const limited = await gateway.connect({ scopes: [scope] })
          const found = await limited.post('/.search', { filter: `displayName sw "${word}"` })
          expect(idsOf(found)).to.deep.equal(ids)
          expect(found.json['totalResults']).to.equal(ids.length)
          limited.close()
        }
      })

      it('refuses a cursor, which walks one type only', async () => {
        const answer = await search('/.search', { cursor: '' })
        expect([answer.status, answer.json['scimType']]).to.deep.equal([400, 'invalidValue'])
      })
    })

    describe('bad input', () => {
      const bodies: readonly (readonly [title: string, body: unknown, scimType: string])[] = [
        ['an array', [], 'invalidSyntax'],
        ['null', null, 'invalidSyntax'],
        ['the schema of another message', { schemas: [LIST] }, 'invalidSyntax'],
        ['a filter of a number', { filter: 1 }, 'invalidFilter'],
        ['a blank filter', { filter: ' ' }, 'invalidFilter'],
        ['a filter with U+0000', { filter: 'userName eq "\0"' }, 'invalidFilter'],
        ['a filter that ends early', { filter: 'displayName eq' }, 'invalidFilter'],
        ['a filter of an object', { filter: { __proto__: null } }, 'invalidFilter'],
        ['sortBy of a list', { sortBy: ['displayName'] }, 'invalidPath'],
        ['sortOrder up', { sortBy: 'displayName', sortOrder: 'up' }, 'invalidValue'],
        ['a count of 1.5', { count: 1.5 }, 'invalidValue'],
        ['a count of true', { count: true }, 'invalidValue'],
        ['a startIndex of text', { startIndex: 'first' }, 'invalidValue'],
        ['attributes of numbers', { attributes: [1] }, 'invalidValue'],
        ['attributes of an object', { attributes: {} }, 'invalidValue'],
      ]
      for (const [title, body, scimType] of bodies) {
        for (const path of ['/.search', '/Users/.search', '/Groups/.search']) {
          it(`${path} refuses a body that is or has ${title}: 400 ${scimType}`, async () => {
            const answer = await client.post(path, JSON.stringify(body))
            expect(answer.status, answer.text).to.equal(400)
            expect(answer.json).to.deep.include({ schemas: [ERROR], status: '400', scimType })
            expect(answer.json['detail'])
              .to.be.a('string')
              .and.match(/^.{10,}$/)
          })
        }
      }

      it('takes names of the object prototype for unknown attributes', async () => {
        const text = `{"__proto__":{"count":0},"filter":"displayName sw \\"${word}\\"","attributes":["__proto__","constructor"]}`
        const answer = await client.post('/.search', text)
        expect(answer.json['totalResults']).to.equal(5)
        const filter = await search('/.search', { filter: '__proto__ pr' })
        expect([filter.status, filter.json['scimType']]).to.deep.equal([400, 'invalidFilter'])
        expect(({} as Record<string, unknown>)['count']).to.equal(undefined)
      })

      it('answers other methods with 405 and OPTIONS with what there is', async () => {
        for (const path of ['/.search', '/Users/.search', '/Groups/.search']) {
          const get = await client.get(path)
          expect([get.status, get.headers.allow], path).to.deep.equal([405, 'POST, OPTIONS'])
          expect((await client.send('OPTIONS', `/scim/v2${path}`)).headers.allow).to.equal('POST, OPTIONS')
        }
      })
    })
  })
}
