import { expect } from 'chai'
import { parseJson } from '../../../src/http/json-body.ts'
import { forEachDialect } from '../../support/databases.ts'
import { bulk, type BulkResult, failed, postGroup, postUser, resultsOf, statusesOf } from './bulk.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { ERROR, type ScimClient, USER } from './scim-client.ts'

forEachDialect('bad input to POST /Bulk (RFC 7644 §3.7)', (dialect) => {
  let gateway: Gateway
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = gateway.client()
  })
  after(async () => {
    expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
    client.close()
    await gateway.close()
  })

  const idIn = (result: BulkResult | undefined): string => String(result?.location).split('/').at(-1) ?? ''

  const envelopes: readonly (readonly [title: string, body: unknown, status: number, scimType: string])[] = [
    ['an array', [], 400, 'invalidSyntax'],
    ['null', null, 400, 'invalidSyntax'],
    ['no Operations', {}, 400, 'invalidSyntax'],
    ['Operations that are no array', { Operations: { '0': {} } }, 400, 'invalidSyntax'],
    ['the schema of another message', { schemas: [USER], Operations: [] }, 400, 'invalidSyntax'],
    ['failOnErrors of 0', { failOnErrors: 0, Operations: [] }, 400, 'invalidValue'],
    ['failOnErrors below 0', { failOnErrors: -1, Operations: [] }, 400, 'invalidValue'],
    ['failOnErrors as text', { failOnErrors: '1', Operations: [] }, 400, 'invalidValue'],
    ['failOnErrors of 1.5', { failOnErrors: 1.5, Operations: [] }, 400, 'invalidValue'],
  ]
  for (const [title, body, status, scimType] of envelopes) {
    it(`refuses an envelope that is or has ${title}`, async () => {
      const answer = await client.post('/Bulk', JSON.stringify(body))
      expect([answer.status, answer.json['scimType']], answer.text).to.deep.equal([status, scimType])
    })
  }

  const data = { schemas: [USER], userName: 'never' }
  const operations: readonly (readonly [title: string, operation: unknown, status: string, scimType?: string])[] = [
    ['null', null, '400', 'invalidSyntax'],
    ['a text', 'POST /Users', '400', 'invalidSyntax'],
    ['nothing', {}, '400', 'invalidPath'],
    ['no path', { method: 'POST', bulkId: 'x', data }, '400', 'invalidPath'],
    ['a path of a number', { method: 'POST', bulkId: 'x', path: 1, data }, '400', 'invalidPath'],
    ['the path of nothing', { method: 'POST', bulkId: 'x', path: '/Planets', data }, '400', 'invalidPath'],
    ['the path of discovery', { method: 'POST', bulkId: 'x', path: '/Schemas', data }, '400', 'invalidPath'],
    ['the path of a search', { method: 'POST', bulkId: 'x', path: '/Users/.search', data }, '400', 'invalidPath'],
    ['the path of Bulk', { method: 'POST', bulkId: 'x', path: '/Bulk', data }, '400', 'invalidPath'],
    ['a path too deep', { method: 'PUT', path: '/Users/a/b', data }, '400', 'invalidPath'],
    ['a broken escape', { method: 'DELETE', path: '/Users/%E0%A4%A' }, '400', 'invalidSyntax'],
    ['no method', { path: '/Users', bulkId: 'x', data }, '400', 'invalidSyntax'],
    ['a method of a number', { method: 7, path: '/Users', bulkId: 'x', data }, '400', 'invalidSyntax'],
    ['GET', { method: 'GET', path: '/Users' }, '405'],
    ['POST to a resource', { method: 'POST', path: '/Users/x', bulkId: 'x', data }, '405'],
    ['DELETE of a collection', { method: 'DELETE', path: '/Users' }, '405'],
    ['POST without a bulkId', { method: 'POST', path: '/Users', data }, '400', 'invalidSyntax'],
    ['an empty bulkId', { method: 'POST', path: '/Users', bulkId: '', data }, '400', 'invalidSyntax'],
    ['a bulkId of a number', { method: 'POST', path: '/Users', bulkId: 1, data }, '400', 'invalidSyntax'],
    ['half a character as bulkId', { method: 'POST', path: '/Users', bulkId: '\ud800', data }, '400', 'invalidValue'],
    ['no data', { method: 'POST', path: '/Users', bulkId: 'x' }, '400', 'invalidSyntax'],
    ['data that is text', { method: 'POST', path: '/Users', bulkId: 'x', data: '{}' }, '400', 'invalidSyntax'],
    ['PATCH without operations', { method: 'PATCH', path: '/Users/x', data: {} }, '404'],
    ['a version of an object', { method: 'DELETE', path: '/Users/x', version: {} }, '400', 'invalidValue'],
    ['a bulkId nobody has', { method: 'PUT', path: '/Users/bulkId:none', data }, '400', 'invalidValue'],
    [
      'a member of a bulkId nobody has',
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'x',
        data: { displayName: 'never', members: [{ value: 'bulkId:y' }] },
      },
      '400',
      'invalidValue',
    ],
    [
      'itself as its member',
      {
        method: 'POST',
        path: '/Groups',
        bulkId: 'x',
        data: { displayName: 'never', members: [{ value: 'bulkId:x' }] },
      },
      '400',
      'invalidValue',
    ],
    [
      'U+0000 in data',
      { method: 'POST', path: '/Users', bulkId: 'x', data: { userName: 'a\0b' } },
      '400',
      'invalidValue',
    ],
  ]
  for (const [title, operation, status, scimType] of operations) {
    it(`answers ${status} to an operation that is or has ${title}, and does the others`, async () => {
      const answer = await bulk(client, [postUser('before'), operation, postUser('after')])
      expect(answer.status, answer.text).to.equal(200)
      expect(resultsOf(answer).map(failed), answer.text).to.deep.equal([
        ['201', undefined],
        [status, scimType],
        ['201', undefined],
      ])
      const { response } = resultsOf(answer)[1]!
      expect(response).to.deep.include({ schemas: [ERROR], status })
      expect(response?.detail)
        .to.match(/^.{20,}$/)
        .and.to.not.match(/undefined|\[object|TypeError|Cannot read/)
    })
  }

  it('makes none of several operations of one bulkId, and nothing that refers to it', async () => {
    const answer = await bulk(client, [postUser('twin'), postUser('twin'), postGroup('g', ['bulkId:twin'])])
    expect(resultsOf(answer).map(failed)).to.deep.equal([
      ['400', 'invalidSyntax'],
      ['400', 'invalidSyntax'],
      ['409', 'invalidValue'],
    ])
  })

  it('refuses a circle of more operations than one unit of work may hold', async () => {
    const circle = Array.from({ length: 60 }, (_, n) => postGroup(`g${n}`, [`bulkId:g${(n + 1) % 60}`]))
    expect(new Set(statusesOf(await bulk(client, circle)))).to.deep.equal(new Set(['409']))
  })

  it('takes names of the object prototype for ordinary keys and bulkIds (no pollution)', async () => {
    const text = JSON.stringify({
      Operations: ['__proto__', 'constructor', 'toString'].map((bulkId) => postUser(bulkId)),
    }).replaceAll('"schemas"', '"__proto__":{"polluted":"bulkId:constructor"},"constructor":{"prototype":{}},"schemas"')
    expect(parseJson(Buffer.from(text))).to.have.property('Operations')
    const answer = await client.post('/Bulk', text)
    expect(statusesOf(answer), answer.text).to.deep.equal(['201', '201', '201'])
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined)
    const team = await bulk(client, [postUser('__proto__'), postGroup('g', ['bulkId:__proto__'])])
    const [person, group] = resultsOf(team)
    const { json } = await client.get(`/Groups/${idIn(group)}`)
    expect((json['members'] as { value: string }[]).map(({ value }) => value)).to.deep.equal([idIn(person)])
    const none = await bulk(client, [postGroup('g', ['bulkId:constructor'])])
    expect(statusesOf(none)).to.deep.equal(['400'])
  })
})
