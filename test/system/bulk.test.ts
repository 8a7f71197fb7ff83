import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { allRecords, lookBeside, troublesOf } from './beside.ts'
import { madeId, person, team } from './resources.ts'
import { eventually } from './waiting.ts'

/** People of one Bulk request, and as many circles of two groups. */
const COUNT = 200

const user = (bulkId: string, userName: string): object => ({
  ...{ method: 'POST', path: '/Users', bulkId },
  data: person(userName),
})
const group = (bulkId: string, displayName: string, member: string): object => ({
  ...{ method: 'POST', path: '/Groups', bulkId },
  data: team(displayName, { members: [{ value: `bulkId:${member}` }] }),
})

/** People and circles of two groups in turn, so that wherever it is cut off both kinds are near. */
function operationsOf(prefix: string): readonly object[] {
  return Array.from({ length: COUNT }, (_, n) => [
    user(`u${n}`, `${prefix}-${n}@example.com`),
    group(`a${n}`, `${prefix}-a${n}`, `b${n}`),
    group(`b${n}`, `${prefix}-b${n}`, `a${n}`),
  ]).flat()
}

interface LoggedRequest {
  readonly action: string
  readonly request?: { readonly id: string; readonly route?: string; readonly bulkIndex?: number }
}

forEachDialect('Bulk and the log', (dialect) => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess
  let client: ScimClient

  before(async function () {
    this.timeout(60_000)
    environment = await gatewayEnvironment(dialect)
    gateway = await serveProcess(environment)
    client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
  })
  after(async () => {
    client.close()
    await gateway.end('SIGKILL')
  })

  const bulk = (operations: readonly object[]): Promise<Answer> => client.post('/Bulk', { Operations: operations })
  const statuses = ({ body, text }: Answer): readonly string[] => {
    expect(body['Operations'], text).to.be.an('array')
    return (body['Operations'] as { status: string }[]).map(({ status }) => status)
  }

  it('writes one record an operation, with its place in the request, and one for a refusal', async () => {
    const taken = madeId(await client.post('/Users', person('taken@example.com')))
    const answer = await bulk([
      group('g', 'of the log', 'u'),
      user('u', 'logged@example.com'),
      user('t', 'taken@example.com'),
      { method: 'PATCH', path: `/Users/${taken}`, data: { Operations: [{ op: 'add', path: 'title', value: 'x' }] } },
      { method: 'DELETE', path: `/Users/${taken}`, version: 'W/"1"' },
      { method: 'DELETE', path: '/Users/nobody' },
    ])
    expect(statuses(answer)).to.deep.equal(['201', '201', '409', '200', '412', '404'])
    const requestId = answer.headers['x-request-id']
    await lookBeside(environment, async (test, orgId) => {
      const bodies = (await allRecords(test, orgId)).map(({ body, result }) => ({
        ...(JSON.parse(body) as LoggedRequest),
        result,
      }))
      const mine = bodies.filter(({ request }) => request?.id === requestId)
      expect(mine.map(({ action, result, request }) => [request?.bulkIndex, action, result])).to.deep.equal([
        [1, 'user.create', 'success'],
        [0, 'group.create', 'success'],
        [2, 'user.create', 'refused'],
        [3, 'user.update', 'success'],
        [4, 'user.delete', 'refused'],
      ])
      for (const { request } of mine) expect(request?.route).to.equal('/Bulk')
      expect(await troublesOf(test, orgId)).to.deep.equal([])
    })
  })

  it('is killed in the middle and leaves each operation whole; sent again it doubles nothing (R11)', async function () {
    this.timeout(120_000)
    const operations = operationsOf('cut')
    const cut = bulk(operations).catch((error: unknown) => error)
    const other = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    const total = async (path: string): Promise<number> => Number((await other.get(path)).body['totalResults'])
    await eventually(async () => (await total('/Groups?count=0&filter=displayName+sw+"cut-"')) >= 20)
    expect(await gateway.end('SIGKILL')).to.equal('SIGKILL')
    expect(await cut).to.be.instanceOf(Error)
    gateway = await serveProcess(environment)

    const groups = (await other.get('/Groups?count=1000&filter=displayName+sw+"cut-"')).body['Resources']
    const members = new Map(
      (groups as { displayName: string; members?: { display: string }[] }[]).map((each) => [
        each.displayName,
        each.members?.map(({ display }) => display),
      ]),
    )
    const people = await total('/Users?count=0&filter=userName+sw+"cut-"')
    expect(members.size).to.be.within(20, 2 * COUNT - 1)
    for (const [name, of] of members) {
      const twin = name.replace(/-[ab]/, (part) => (part === '-a' ? '-b' : '-a'))
      expect(of, name).to.deep.equal([twin])
    }
    expect(Math.abs(people - members.size / 2), 'what was done is the beginning of the request').to.be.at.most(1)
    await lookBeside(environment, async (test, orgId) => {
      expect(await troublesOf(test, orgId)).to.deep.equal([])
    })

    const again = statuses(await bulk(operations))
    expect(again.filter((status) => status === '201')).to.have.length(3 * COUNT - people - members.size)
    expect(again.filter((status) => status === '409')).to.have.length(people + members.size)
    expect(await total('/Users?count=0&filter=userName+sw+"cut-"')).to.equal(COUNT)
    expect(await total('/Groups?count=0&filter=displayName+sw+"cut-"')).to.equal(2 * COUNT)
    await lookBeside(environment, async (test, orgId) => {
      expect(await troublesOf(test, orgId)).to.deep.equal([])
    })
    other.close()
  })
})
