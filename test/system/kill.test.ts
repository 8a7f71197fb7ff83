import { expect } from 'chai'
import type { Dialect } from '../../db/dialect.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import { forEachDialect, type TestStore } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { type Answer, ScimClient } from '../support/scim-client.ts'
import { lookBeside, troublesOf } from './beside.ts'
import { eventually } from './waiting.ts'
import { activation, add, madeId, person, team, versionOf } from './resources.ts'

/** Rounds of an ordinary run; the long run asks for more. A round on PostgreSQL starts and proves the same but slower. */
const ROUNDS: Readonly<Record<Dialect, number>> = roundsFrom(process.env['ROLLCALL_KILL_ROUNDS'])
const CLIENTS = 8

function roundsFrom(text: string | undefined): Record<Dialect, number> {
  if (text === undefined || text === '') return { sqlite: 12, postgres: 4 }
  const rounds = Number(text)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`ROLLCALL_KILL_ROUNDS is ${text}; wanted is a number`)
  return { sqlite: rounds, postgres: Math.ceil(rounds / 3) }
}

/** What clients were told of one person: only a 2xx counts. */
interface Acknowledged {
  version: number
  active: boolean
  /** A deactivation that was sent and not answered may or may not have been done. */
  unsure: boolean
  member: boolean
}

/** Creates, deactivates and adds until the connection breaks; writes down every acknowledgement. */
async function write(
  client: ScimClient,
  prefix: string,
  group: string,
  known: Map<string, Acknowledged>,
): Promise<void> {
  for (let n = 0; ; n++) {
    const made = await answered(client.post('/Users', person(`${prefix}-${n}@example.com`)))
    if (made === undefined) return
    const id = madeId(made)
    const state: Acknowledged = { version: versionOf(made), active: true, unsure: false, member: false }
    known.set(id, state)
    const added = await answered(client.patch(`/Groups/${group}`, [add(id)]))
    if (added === undefined) return
    expect(added.status, added.text).to.be.oneOf([200, 204])
    state.member = true
    state.unsure = true
    const changed = await answered(client.patch(`/Users/${id}`, [activation(false)]))
    if (changed === undefined) return
    expect(changed.status, changed.text).to.equal(200)
    Object.assign(state, { version: versionOf(changed), active: false, unsure: false })
  }
}

/** The answer, or undefined when the connection broke before all of it came. */
async function answered(call: Promise<Answer>): Promise<Answer | undefined> {
  return call.catch((error: unknown) => {
    if (/^(ECONNRESET|ECONNREFUSED|EPIPE)$/.test(String((error as NodeJS.ErrnoException).code))) return undefined
    throw error
  })
}

/** What was acknowledged and is not in the store. */
async function lost(
  test: TestStore,
  orgId: OrgId,
  group: string,
  known: ReadonlyMap<string, Acknowledged>,
): Promise<readonly string[]> {
  const db = test.connections.reader
  const rows = await db.selectFrom('user').select(['id', 'status', 'version']).where('org_id', '=', orgId).execute()
  const facts = db.selectFrom('group_member').select('user_id').where('org_id', '=', orgId)
  const members = new Set((await facts.where('group_id', '=', group).execute()).map((row) => row.user_id))
  const stored = new Map(rows.map((row) => [row.id, row]))
  return [...known].flatMap(([id, { version, active, unsure, member }]) => {
    const row = stored.get(id)
    if (row === undefined) return [`person ${id}`]
    return [
      ...(row.version < version ? [`version ${version} of ${id}`] : []),
      ...(unsure || (row.status === 'active') === active ? [] : [`status of ${id}`]),
      ...(member && !members.has(id) ? [`membership of ${id}`] : []),
    ]
  })
}

forEachDialect('kill -9 under load (R01)', (dialect) => {
  let environment: GatewayEnvironment
  let gateway: GatewayProcess

  before(async () => {
    environment = await gatewayEnvironment(dialect)
    gateway = await serveProcess(environment)
  })
  after(async () => {
    await gateway.end('SIGKILL')
  })

  it(`loses no acknowledged write in ${ROUNDS[dialect]} rounds and leaves log and chain whole`, async function () {
    this.timeout(ROUNDS[dialect] * 10_000)
    const known = new Map<string, Acknowledged>()
    const setUp = new ScimClient(`${environment.url}/scim/v2`, environment.token)
    const group = madeId(await setUp.post('/Groups', team('survivors')))
    setUp.close()
    for (let round = 0; round < ROUNDS[dialect]; round++) {
      const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
      const before = known.size
      const clients = Array.from({ length: CLIENTS }, (_, index) => write(client, `r${round}-c${index}`, group, known))
      // From the first acknowledgement on, so that every round has something to lose.
      await eventually(() => known.size > before)
      await new Promise((resolve) => {
        setTimeout(resolve, 20 + Math.random() * 380)
      })
      expect(await gateway.end('SIGKILL')).to.equal('SIGKILL')
      await Promise.all(clients)
      client.close()
      gateway = await serveProcess(environment)
      await lookBeside(environment, async (test, orgId) => {
        expect(await lost(test, orgId, group, known), `round ${round}`).to.deep.equal([])
        expect(await troublesOf(test, orgId), `round ${round}`).to.deep.equal([])
      })
    }
    console.info(`      ${known.size} acknowledged people in ${ROUNDS[dialect]} rounds, none lost`)
  })
})
