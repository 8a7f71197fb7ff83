import { expect } from 'chai'
import { askRollcall } from '../support/cli.ts'
import { type GatewayEnvironment, gatewayEnvironment, type GatewayProcess, spawnRollcall } from '../support/gateway.ts'
import { freePort } from '../support/postgres.ts'
import { ScimClient } from '../support/scim-client.ts'
import { onDialect } from './beside.ts'
import { person } from './resources.ts'
import { eventually } from './waiting.ts'

interface ShownSeats {
  readonly product: string
  readonly type: string
  readonly used: number
  readonly left: number | null
}

onDialect('postgres', 'the last seat, asked for at two instances on one store', function () {
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
    gateways = environments.map(({ env }) => spawnRollcall(['serve'], env))
    for (const { url } of environments) await eventually(async () => (await fetch(`${url}/readyz`)).status === 200)
    clients = environments.map(({ url, token }) => new ScimClient(`${url}/scim/v2`, token))
  })
  after(async () => {
    for (const client of clients) client.close()
    await Promise.all(gateways.map((gateway) => gateway.end('SIGTERM')))
  })

  it('goes to exactly one of 64 people at the same time', async () => {
    const { env } = environments[0]!
    await askRollcall(['seat', 'licence', 'models', '--full', '1'], env)
    const asked = Array.from({ length: 64 }, (_, n) => clients[n % 2]!.post('/Users', person(`race${n}`)))
    const answers = await Promise.all(asked)
    expect(answers.filter(({ status }) => status === 201).length).to.equal(1)
    const refused = answers.filter(({ status }) => status === 403)
    expect(refused.length).to.equal(63)
    for (const { body } of refused) {
      expect(body['detail']).to.equal('Seat limit reached: 1 of 1 full seats of models are taken')
    }
    const seats = await askRollcall<readonly ShownSeats[]>(['seat', 'list'], env)
    expect(seats[0]).to.include({ product: 'models', type: 'full', used: 1, left: 0 })
  })
})
