import { expect } from 'chai'
import type { JsonObject } from '../../../src/domain/json.ts'
import { referencesIn } from '../../../src/scim/bulk/references.ts'
import { forEachDialect } from '../../support/databases.ts'
import { bulk, type BulkResult, failed, postGroup, postUser, resultsOf, statusesOf } from './bulk.ts'
import { type Gateway, openGateway } from './gateway.ts'
import type { ScimClient } from './scim-client.ts'

forEachDialect('bulkIds in Bulk requests (RFC 7644 §3.7.2)', (dialect) => {
  let gateway: Gateway
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = gateway.client()
  })
  after(async () => {
    expect(gateway.failures).to.deep.equal([])
    client.close()
    await gateway.close()
  })

  const idIn = (result: BulkResult | undefined): string => String(result?.location).split('/').at(-1) ?? ''
  const memberIds = async (result: BulkResult | undefined): Promise<readonly string[]> => {
    const { json } = await client.get(`/Groups/${idIn(result)}`)
    return ((json['members'] ?? []) as { value: string }[]).map(({ value }) => value)
  }

  it('resolves references in the filter of a PATCH path, forward, several, and with quotes that came escaped', async () => {
    const remove = (filter: string): object => ({ op: 'remove', path: `members[${filter}]` })
    const answer = await bulk(client, [
      {
        ...{ method: 'PATCH', path: '/Groups/bulkId:g' },
        data: {
          Operations: [remove('value eq "bulkId:u" or value eq "bulkId:u\\u0031"'), remove('value eq \\"bulkId:v\\"')],
        },
      },
      postGroup('g', ['bulkId:u', 'bulkId:u1', 'bulkId:v', 'bulkId:w']),
      ...['u', 'u1', 'v', 'w'].map((bulkId) => postUser(bulkId)),
    ])
    expect(statusesOf(answer)).to.deep.equal(['200', '201', '201', '201', '201', '201'])
    const results = resultsOf(answer)
    expect(await memberIds(results[1])).to.deep.equal([idIn(results[5])])
  })

  it('answers 400 for a bulkId in a path that no operation has, and takes text within a literal for text', async () => {
    const answer = await bulk(client, [
      ...[
        'members[value eq "bulkId:nobody"]',
        'members[display eq "a \\"bulkId:u\\""]',
        'members[value eq "bulkId:u',
      ].map((path) => ({
        method: 'PATCH',
        path: '/Groups/bulkId:g',
        data: { Operations: [{ op: 'remove', path }] },
      })),
      postGroup('g', ['bulkId:u']),
      postUser('u'),
    ])
    expect(resultsOf(answer).map(failed)).to.deep.equal([
      ['400', 'invalidValue'],
      ['200', undefined],
      ['400', 'invalidPath'],
      ['201', undefined],
      ['201', undefined],
    ])
  })

  it('leaves a record for each operation, and one that completes a circle of groups names what it comes of', async () => {
    const answer = await bulk(client, [postGroup('a', ['bulkId:b']), postGroup('b', ['bulkId:a'])])
    expect(statusesOf(answer)).to.deep.equal(['201', '201'])
    const [a, b] = resultsOf(answer).map(idIn)
    const records = (await gateway.records()).slice(-3)
    expect(records.map(({ action }) => action)).to.deep.equal(['group.create', 'group.create', 'group.update'])
    const [first, second, completed] = records
    expect((first?.['targets'] as JsonObject[])[0]).to.include({ id: a })
    expect((second?.['targets'] as JsonObject[])[0]).to.include({ id: b })
    expect((completed?.['targets'] as JsonObject[])[0]).to.include({ id: a })
    expect(completed).to.include({ cause: first?.['id'] })
    expect([first, second].filter((record) => record !== undefined && 'cause' in record)).to.deep.equal([])
    const indexes = records.map((record) => (record['request'] as JsonObject)['bulkIndex'])
    expect(indexes).to.deep.equal([0, 1, 0])
  })
})

describe('references in the data of a Bulk operation', () => {
  it('are found in time that grows with the text, however its quotes stand', () => {
    for (const quotes of ['"\\', '\\"', '"']) {
      expect(referencesIn({ path: `members[${quotes.repeat(1_000_000)}`, value: 'bulkId:x' })).to.deep.equal(
        new Set(['x']),
      )
    }
  })
})
