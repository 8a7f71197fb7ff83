import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { lookBeside, troublesOf } from './beside.ts'
import { add, madeId, makePeople, membersOf, person, statusCounts, team, versionOf } from './resources.ts'

const MANY = 64

/** Ways to write one name that SCIM takes for the same: other case, decomposed, full width (RFC 7643 §2.2, RFC 7644 §7.8). */
const VARIANTS = [
  'J\u00fcrgen.Bj\u00f8rk@example.com',
  'j\u00fcrgen.bj\u00f8rk@EXAMPLE.com',
  'Ju\u0308rgen.Bj\u00f8rk@example.com',
  'JU\u0308RGEN.BJ\u00d8RK@EXAMPLE.COM',
  '\uff2a\u00fcrgen.Bj\u00f8r\u212a@example.com',
]

function variant(index: number): string {
  return VARIANTS[index % VARIANTS.length]!
}

function expectOneWinner(answers: readonly Answer[]): void {
  expect(statusCounts(answers)).to.deep.equal({ 201: 1, 409: MANY - 1 })
  const refused = answers.filter(({ status }) => status === 409)
  expect(refused.map(({ body }) => body['scimType'])).to.deep.equal(refused.map(() => 'uniqueness'))
}

forEachDialect('clients that write at once', (dialect) => {
  let gateway: TestGateway
  let client: ScimClient

  before(async () => {
    gateway = await startTestGateway(dialect)
    client = new ScimClient(gateway.base, gateway.token)
  })
  after(async () => {
    client.close()
    await gateway.stop()
  })

  function parallel(send: (index: number) => Promise<Answer>): Promise<Answer[]> {
    return Promise.all(Array.from({ length: MANY }, (_, index) => send(index)))
  }

  it('stores 32 members that 32 parallel PATCHes add to one group (RFC 7644 §3.5.2.1)', async () => {
    const people = await makePeople(client, 'added', 32)
    const group = madeId(await client.post('/Groups', team('thirty-two')))
    const answers = await Promise.all(people.map((id) => client.patch(`/Groups/${group}`, [add(id)])))
    expect(statusCounts(answers)).to.deep.equal({ 200: 32 })
    expect(await membersOf(client, group)).to.deep.equal([...people].sort())
    expect(answers.map(versionOf).sort((a, b) => a - b)).to.deep.equal(people.map((_id, index) => index + 2))
  })

  it('gives one 201 and 63 uniqueness refusals to 64 parallel POSTs of one userName in any form (R05)', async () => {
    expectOneWinner(await parallel((index) => client.post('/Users', person(variant(index)))))
  })

  it('gives one 201 and 63 uniqueness refusals to 64 parallel POSTs of one externalId (R05)', async () => {
    expectOneWinner(
      await parallel((index) =>
        client.post('/Users', person(`external-${index}@example.com`, { externalId: '00u1same' })),
      ),
    )
  })

  it('gives one 201 and 63 uniqueness refusals to 64 parallel POSTs of one displayName of a group (R05)', async () => {
    expectOneWinner(await parallel((index) => client.post('/Groups', team(`Team ${variant(index)}`))))
  })

  it('gives one 201 and 63 uniqueness refusals to 64 parallel POSTs of one externalId of a group (R05)', async () => {
    expectOneWinner(
      await parallel((index) => client.post('/Groups', team(`external ${index}`, { externalId: '00g1same' }))),
    )
  })

  it('leaves rows, log and chain in agreement', async () => {
    const environment = { dataDir: gateway.dataDir, databaseUrl: gateway.env['DATABASE_URL'] }
    expect(await lookBeside(environment, troublesOf)).to.deep.equal([])
  })
})
