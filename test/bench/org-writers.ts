/*
 * Writers of one org over the unit of work, without HTTP: as many changes of people as fit into some seconds, each with
 * its record. Run as: org-writers.ts <writers> <seconds>, with DATABASE_URL and BENCH_KEY; it says what it did on stdout.
 */
import { performance } from 'node:perf_hooks'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import { createTally } from '../../src/audit/tally.ts'
import type { UserState } from '../../src/domain/user.ts'
import { newId } from '../../src/domain/ids.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createConnection } from '../../src/provisioning/create-connection.ts'
import { createUser } from '../../src/provisioning/create-user.ts'
import { foundOrg, type Operation } from '../../src/provisioning/found-org.ts'
import type { Provisioning } from '../../src/provisioning/provisioning.ts'
import { openConnections, openStore } from '../../src/storage/store.ts'
import { attributesOf } from './person.ts'

/** What the process tells on standard output. */
export interface WritersResult {
  readonly changes: number
  readonly seconds: number
  /** Milliseconds of each change until it was durable, in no order. */
  readonly times: readonly number[]
}

const PEOPLE_EACH = 20

const [writers = 16, seconds = 5] = process.argv.slice(2).map(Number)
const { DATABASE_URL: databaseUrl, BENCH_KEY = '', BENCH_ORG = '' } = process.env

function operation(): Operation {
  const now = Date.now()
  return { actor: { type: 'system' }, request: { id: newId(now), receivedAt: now, started: performance.now() } }
}

async function main(): Promise<void> {
  const connections = openConnections({ dataDir: '', databaseUrl, poolSize: 10, onIdleError: () => undefined })
  const sealer = createRecordSealer({ kek: Buffer.from(BENCH_KEY, 'hex'), now: Date.now })
  const { work, reads } = openStore(connections, sealer, Date.now)
  const provisioning: Provisioning = { work, tally: createTally({ now: Date.now }), wakeJobs: () => undefined }
  const org = await reads.orgs.find(BENCH_ORG)
  const orgId = org?.id ?? (await foundOrg(provisioning, operation(), BENCH_ORG).durable).id
  const idp = await createConnection(provisioning, operation(), orgId, {
    ...{ name: `idp-${process.pid}`, kind: 'idp', mayGrantAdmin: false, scopes: ['users', 'groups'], trust: undefined },
  }).durable
  const caller = () => ({ ...operation(), orgId, connection: idp })
  const first = process.pid * 1_000
  const made = Array.from({ length: writers * PEOPLE_EACH }, (_, n) =>
    createUser(provisioning, caller(), { active: true, externalId: undefined, attributes: attributesOf(first + n) }),
  )
  const people = (await Promise.all(made.map(({ durable }) => durable))).map(({ id }) => id)
  const times: number[] = []
  const began = performance.now()
  const write = async (writer: number): Promise<void> => {
    for (let n = 0; performance.now() - began < seconds * 1_000; n++) {
      const change = (state: UserState): UserState => {
        return { ...state, attributes: { ...state.attributes, title: `Title ${n}` } }
      }
      const asked = performance.now()
      const id = people[writer * PEOPLE_EACH + (n % PEOPLE_EACH)]!
      await changeUser(provisioning, caller(), id, { method: 'PATCH', change }).durable
      times.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const took = (performance.now() - began) / 1_000
  await work.idle()
  await connections.close()
  const result: WritersResult = { changes: times.length, seconds: took, times }
  process.stdout.write(JSON.stringify(result))
}

await main()
