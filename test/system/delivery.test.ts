import { expect } from 'chai'
import type { Dialect } from '../../db/dialect.ts'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, serveProcess } from '../support/gateway.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { ScimClient } from '../support/scim-client.ts'
import { lookBeside } from './beside.ts'
import { person } from './resources.ts'
import { eventually } from './waiting.ts'

/** On PostgreSQL the lease of a process that was killed has to run out each time. */
const ROUNDS: Readonly<Record<Dialect, number>> = { sqlite: 2, postgres: 1 }

/** The seq and id of each webhook that was taken, as they came. */
function taken({ taken: all }: Receiver): readonly { readonly seq: number; readonly id: string }[] {
  return all.map(({ body, headers }) => {
    const { data } = JSON.parse(body) as { readonly data: { readonly seq: number } }
    return { seq: data.seq, id: String(headers['webhook-id']) }
  })
}

forEachDialect('deliveries of the log across kill -9', (dialect) => {
  let environment: GatewayEnvironment
  let receiver: Receiver
  let gateway: GatewayProcess

  before(async function () {
    this.timeout(120_000)
    receiver = await openReceiver()
    environment = await gatewayEnvironment(dialect, { ALLOW_PRIVATE_SINKS: 'true' })
    gateway = await serveProcess(environment)
  })
  after(async () => {
    await gateway.end('SIGKILL')
    await receiver.close()
  })

  it('lose and skip nothing, and send again only what was on its way', async function () {
    this.timeout(120_000)
    const config = JSON.stringify({ url: receiver.url })
    const made = await runRollcall(['sink', 'create', 'hook', 'webhook', '--config', config], environment.env)
    expect([made.status, made.stderr], made.stdout).to.deep.equal([0, ''])
    expect(made.stdout).to.match(/shown this once: whsec_/)
    for (let round = 0; round < ROUNDS[dialect]; round++) {
      const client = new ScimClient(`${environment.url}/scim/v2`, environment.token)
      const before = receiver.taken.length
      const writing = writeUntilCut(client, `round-${round}`)
      await eventually(() => receiver.taken.length > before + 10)
      await gateway.end('SIGKILL')
      await writing
      client.close()
      gateway = await serveProcess(environment)
    }
    const head = await lookBeside(environment, async (test, orgId) => (await test.store.reads.records.head(orgId))!.seq)
    await eventually(() => Math.max(...taken(receiver).map(({ seq }) => seq)) >= head, 60_000)
    const seen = taken(receiver)
    const [first] = seen
    const seqs = new Set(seen.map(({ seq }) => seq))
    const missing = Array.from({ length: head - first!.seq + 1 }, (_, at) => first!.seq + at).filter(
      (seq) => !seqs.has(seq),
    )
    expect(missing).to.deep.equal([])
    // The first time each came, they came in their order; a second time only what a kill left unsure.
    const firsts = seen.filter(({ seq }, at) => seen.findIndex((one) => one.seq === seq) === at).map(({ seq }) => seq)
    expect(firsts).to.deep.equal([...firsts].sort((a, b) => a - b))
    expect(new Set(seen.map(({ id }) => id)).size).to.equal(seqs.size)
  })

  it('are shown by the command line, with what would not be taken, and sent again by it', async () => {
    const { env } = environment
    const [shown] = await askRollcall<readonly { name: string; lag: { records: number } }[]>(['sink', 'list'], env)
    expect(shown).to.include({ name: 'hook', kind: 'webhook', state: 'active', deadLetters: 0 })
    expect((await runRollcall(['sink', 'test', 'hook'], env)).stdout).to.equal('It arrived\n')
    expect((await runRollcall(['sink', 'pause', 'hook'], env)).stdout).to.equal('hook is paused\n')
    expect((await runRollcall(['sink', 'resume', 'hook'], env)).stdout).to.equal('hook is active\n')
    expect((await runRollcall(['sink', 'dead', 'hook'], env)).stdout).to.equal('No dead letters\n')
    expect((await runRollcall(['sink', 'replay', 'hook'], env)).stdout).to.equal('There are none\n')
    const changed = await runRollcall(['sink', 'change', 'hook', '--name', 'other', '--personal'], env)
    expect(changed.stdout).to.equal('Changed the receiver other\n')
    expect((await runRollcall(['sink', 'show', 'other'], env)).stdout).to.contain('personal: true')
    expect((await runRollcall(['sink', 'secret', 'other'], env)).stdout).to.match(/shown this once: whsec_/)
    const bad = await runRollcall(['sink', 'create', 'bad', 'webhook', '--config', '{"url":"ftp://x"}'], env)
    expect([bad.status, bad.stderr]).to.deep.equal([1, 'rollcall: url: ftp://x must begin with https://\n'])
    const none = await runRollcall(['sink', 'show', 'none'], env)
    expect(none.stderr).to.match(/has no receiver "none"; see: rollcall sink list/)
    expect((await runRollcall(['sink', 'remove', 'other'], env)).stdout).to.match(/^Removed the receiver /)
    expect((await runRollcall(['sink', 'list'], env)).stdout).to.equal('The log is delivered to nobody\n')
  })
})

/** Makes people until the connection breaks. */
async function writeUntilCut(client: ScimClient, prefix: string): Promise<void> {
  for (let n = 0; ; n++) {
    const answer = await client.post('/Users', person(`${prefix}-${n}@example.com`)).catch(() => undefined)
    if (answer === undefined) return
  }
}
