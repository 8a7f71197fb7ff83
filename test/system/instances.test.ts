import { expect } from 'chai'
import { CUSTOM_URN } from '../../src/domain/schema-urns.ts'
import { askRollcall } from '../support/cli.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, spawnRollcall } from '../support/gateway.ts'
import { freePort } from '../support/postgres.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { allRecords, lookBeside, onDialect, troublesOf } from './beside.ts'
import { add, madeId, makePeople, membersOf, person, removal, statusCounts, team, versionOf } from './resources.ts'
import { eventually } from './waiting.ts'

/** An effective or idle PATCH as a client saw it: what it asked for, and the version it was answered. */
interface Acknowledged {
  readonly op: 'add' | 'remove'
  readonly person: string
  readonly version: number
}

function apply(members: Set<string>, { op, person: id }: Acknowledged): boolean {
  if (op === 'remove') return members.delete(id)
  if (members.has(id)) return false
  members.add(id)
  return true
}

/**
 * Runs an acknowledged history in the order of its versions. Each version was made by exactly one change; whoever else
 * was answered with it must find nothing to do there.
 * @returns the members at the end
 */
function linearised(history: readonly Acknowledged[], first: number): ReadonlySet<string> {
  const members = new Set<string>()
  const byVersion = new Map<number, Acknowledged[]>()
  for (const call of history) byVersion.set(call.version, [...(byVersion.get(call.version) ?? []), call])
  const last = Math.max(first, ...byVersion.keys())
  for (let version = first; version <= last; version++) {
    const answered = byVersion.get(version) ?? []
    const effective = answered.filter((call) => apply(new Set(members), call))
    // The version a group was made with has no PATCH behind it; two clients may have asked for the same change.
    const [change] = effective
    if (version > first) expect(change, `the change of version ${version}`).not.to.equal(undefined)
    if (change !== undefined) apply(members, change)
    for (const idle of answered) expect(apply(members, idle), `an idle answer of version ${version}`).to.equal(false)
  }
  return members
}

onDialect('postgres', 'two instances on one store', function () {
  const environments: GatewayEnvironment[] = []
  let gateways: readonly GatewayProcess[] = []
  let clients: readonly ScimClient[] = []

  before(async () => {
    const first = await gatewayEnvironment('postgres')
    const port = await freePort()
    environments.push(first, {
      ...first,
      env: { ...first.env, PORT: String(port) },
      url: `http://127.0.0.1:${port}`,
    })
    // Both at once on an empty store: each must come up.
    gateways = environments.map(({ env }) => spawnRollcall(['serve'], env))
    for (const { url } of environments) await eventually(async () => (await fetch(`${url}/readyz`)).status === 200)
    clients = environments.map(({ url, token }) => new ScimClient(`${url}/scim/v2`, token))
  })
  after(async () => {
    for (const client of clients) client.close()
    await Promise.all(gateways.map((gateway) => gateway.end('SIGTERM')))
  })

  it('make one org, one connection and one token when they start at the same time on an empty store', async () => {
    const actions = await lookBeside(environments[0]!, allRecords)
    expect(actions.map(({ action }) => action)).to.deep.equal([
      'org.create',
      'connection.create',
      'token.create',
      'key.create',
      'setup.create',
    ])
  })

  it('lose no update: the members are those of the acknowledged history (R04)', async () => {
    const people = await makePeople(clients[0]!, 'history', 24)
    const made = await clients[0]!.post('/Groups', team('contended'))
    const group = madeId(made)
    const history: Acknowledged[] = []
    const until = performance.now() + 3_000
    const write = async (client: ScimClient): Promise<void> => {
      while (performance.now() < until) {
        const id = people[Math.floor(Math.random() * people.length)]!
        const op = Math.random() < 0.5 ? 'add' : 'remove'
        const answer = await client.patch(`/Groups/${group}`, [op === 'add' ? add(id) : removal(id)])
        expect(answer.status, answer.text).to.equal(200)
        history.push({ op, person: id, version: versionOf(answer) })
      }
    }
    await Promise.all(clients.flatMap((client) => Array.from({ length: 16 }, () => write(client))))
    const members = [...linearised(history, versionOf(made))].sort()
    for (const client of clients) expect(await membersOf(client, group)).to.deep.equal(members)
    console.info(`      ${history.length} acknowledged changes by 32 clients of two instances`)
  })

  it('refuse a stale If-Match with 412 and let one of 32 parallel holders of a version win (R04, RFC 7644 §3.14)', async () => {
    const [one, other] = [clients[0]!, clients[1]!]
    const people = await makePeople(one, 'holder', 33)
    const made = await one.post('/Groups', team('versioned'))
    const group = madeId(made)
    const etag = made.headers['etag']!
    const answers = await Promise.all(
      people
        .slice(1)
        .map((id, index) => clients[index % 2]!.patch(`/Groups/${group}`, [add(id)], { 'if-match': etag })),
    )
    expect(statusCounts(answers)).to.deep.equal({ 200: 1, 412: 31 })
    const winner = people.slice(1)[answers.findIndex(({ status }) => status === 200)]
    const stale = await other.patch(`/Groups/${group}`, [add(people[0]!)], { 'if-match': etag })
    expect(stale.status).to.equal(412)
    expect(await membersOf(other, group)).to.deep.equal([winner])
  })

  it('make one person of 64 parallel POSTs of one userName, round after round (R05)', async () => {
    for (let round = 0; round < 8; round++) {
      const forms = [`Ren\u00e9e-${round}@example.com`, `rene\u0301e-${round}@EXAMPLE.com`]
      const answers: Answer[] = await Promise.all(
        Array.from({ length: 64 }, (_, index) => clients[index % 2]!.post('/Users', person(forms[(index >> 1) % 2]!))),
      )
      expect(statusCounts(answers), `round ${round}`).to.deep.equal({ 201: 1, 409: 63 })
    }
  })

  it('leave one chain without a fork, and rows that agree with it', async () => {
    expect(await lookBeside(environments[0]!, troublesOf)).to.deep.equal([])
  })

  it('take, show and filter what the org declares from the next request on, and no longer once it is removed', async () => {
    const { env } = environments[0]!
    const find = (client: ScimClient) =>
      client
        .get(`/Users?filter=${encodeURIComponent(`${CUSTOM_URN}:floor ge 3`)}`)
        .then(({ status, body }) => [status, body['totalResults']])
    for (const client of clients) expect((await find(client))[0]).to.equal(400)
    await askRollcall(['attribute', 'declare', 'floor', '--type', 'integer'], env)
    for (const [index, client] of clients.entries()) {
      const user = { ...person(`floor-${index}`), [CUSTOM_URN]: { floor: 3 + index } }
      expect((await client.post('/Users', user)).body[CUSTOM_URN]).to.deep.equal({ floor: 3 + index })
      expect((await client.get(`/Schemas/${CUSTOM_URN}`)).status).to.equal(200)
    }
    for (const client of clients) expect(await find(client)).to.deep.equal([200, 2])
    await askRollcall(['attribute', 'remove', 'floor'], env)
    for (const client of clients) expect((await find(client))[0]).to.equal(400)
    expect((await clients[1]!.get('/Users?count=1000')).text).not.to.include('floor"')
  })
})
