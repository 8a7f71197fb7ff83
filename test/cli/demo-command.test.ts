import { createServer, type Server } from 'node:http'
import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall, runRollcallProcess, serveHere, until } from '../support/cli.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment, spawnRollcall, startTestGateway, type TestGateway } from '../support/gateway.ts'

interface Summary {
  readonly active: number
  readonly deactivated: number
  readonly groups: number
  readonly mismatches: readonly string[]
  readonly store?: { readonly users: number; readonly teams: number; readonly activeUsers: number }
}

interface ShownConnection {
  readonly name: string
  readonly status: string
}

const PUSHED = { active: 180, deactivated: 20, groups: 20 }

async function demoConnections(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const connections = await askRollcall<ShownConnection[]>(['connection', 'list'], env)
  return connections.filter(({ name }) => name === 'demo').map(({ status }) => status)
}

forEachDialect('rollcall demo beside a running server', (dialect) => {
  let gateway: TestGateway
  before(async () => {
    gateway = await startTestGateway(dialect)
  })
  after(() => gateway.stop())

  it('makes a connection "demo", pushes, says what the store holds, and revokes it', async function () {
    this.timeout(120_000)
    const summary = await askRollcall<Summary>(['demo'], gateway.env)
    expect(summary).to.include(PUSHED)
    expect(summary.mismatches).to.deep.equal([])
    expect(summary.store).to.include({ users: 200, activeUsers: 180, teams: 20 })
    expect(await demoConnections(gateway.env)).to.deep.equal(['revoked'])
  })

  it('revokes its connection when it is interrupted', async function () {
    this.timeout(60_000)
    const demo = spawnRollcall(['demo'], gateway.env)
    await until(() => demo.output().includes('10 %'), demo.output)
    expect(await demo.end('SIGINT')).to.equal(1)
    expect(demo.output()).to.match(/\nrollcall: The demo was interrupted\n$/)
    expect(await demoConnections(gateway.env)).to.deep.equal(['revoked', 'revoked'])
  })

  it('ends in the same state when it runs again, with the words of a person', async function () {
    this.timeout(120_000)
    const { status, stdout, stderr } = await runRollcallProcess(['demo'], gateway.env)
    expect(status).to.equal(0)
    expect(stdout).to.match(/^Pushed 200 people \(180 active, 20 deactivated\), 20 groups and \d+ memberships with /)
    expect(stdout).to.match(
      /\nThe store now holds 200 people \(180 active\), 20 teams, \d+ team memberships and \d+ rec/,
    )
    expect(stdout).to.match(/\nRead back over SCIM: exactly what was pushed\n$/)
    expect(stderr).to.include('100 %')
  })

  it('ends with a sentence and status 1 when a token is not good, and asks for URL and token together', async () => {
    const refused = await runRollcall(['demo', '--url', gateway.base, '--token', 'x'.repeat(40)], {})
    expect(refused.status).to.equal(1)
    expect(refused.stderr).to.match(/^rollcall: GET \/\S+ answered 401, expected 200: [^\n]+\n$/m)
    expect(refused.stderr).not.to.match(/^\s+at /m)
    const half = await runRollcall(['demo', '--url', gateway.base], {})
    expect([half.status, half.stderr]).to.deep.equal([1, 'rollcall: Give --url and --token together, or neither\n'])
  })

  it('leaves a connection "demo" of somebody else alone, and says how to go on', async () => {
    await askRollcall(['connection', 'create', '--name', 'demo'], gateway.env)
    const { status, stderr } = await runRollcall(['demo'], gateway.env)
    expect(status).to.equal(1)
    expect(stderr).to.match(
      /^rollcall: There is a connection "demo" already: .* rollcall connection revoke demo --org \S+\n$/,
    )
    expect((await demoConnections(gateway.env)).at(-1)).to.equal('active')
  })
})

describe('rollcall demo against any gateway', () => {
  it('pushes with a URL and a token, without looking for a store', async function () {
    this.timeout(120_000)
    const gateway = await startTestGateway(DIALECTS[0]!)
    const { status, stdout } = await runRollcall(['demo', '--url', gateway.base, '--token', gateway.token], {
      ROLLCALL_DATA_DIR: '/nowhere',
    })
    await gateway.stop()
    expect(status).to.equal(0)
    expect(stdout).to.match(/\nRead back over SCIM: exactly what was pushed\n$/)
    expect(stdout).not.to.include('The store now holds')
  })
})

forEachDialect('rollcall demo without its gateway', (dialect) => {
  it('writes nothing when nobody listens, and says how to start one', async () => {
    const environment = await gatewayEnvironment(dialect)
    await (await serveHere(environment.env)).end('SIGTERM')
    const { status, stderr } = await runRollcall(['demo'], environment.env)
    expect(status).to.equal(1)
    expect(stderr).to.equal(
      `rollcall: No gateway answers at ${environment.url}/scim/v2: start one with "npm start" in another terminal, ` +
        'or give --url and --token\n',
    )
    expect(await actionsOf(environment.env)).to.deep.equal([
      'org.create',
      'connection.create',
      'token.create',
      'key.create',
      'setup.create',
    ])
  })

  it('revokes its connection when somebody else answers, and shows their words without control characters', async () => {
    const environment = await gatewayEnvironment(dialect)
    await (await serveHere(environment.env)).end('SIGTERM')
    const other = await strangerOn(Number(environment.env['PORT']))
    const { status, stderr } = await runRollcall(['demo'], environment.env)
    other.close()
    expect(status).to.equal(1)
    expect(stderr).to.match(/^rollcall: GET \/\S+ answered 418, expected 200: a\\u001b\[2J teapot[^\n]*\n$/)
    expect(await demoConnections(environment.env)).to.deep.equal(['revoked'])
  })
})

function strangerOn(port: number): Promise<Server> {
  const server = createServer((_req, res) => res.writeHead(418).end('a\u001b[2J teapot'))
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve(server)
    })
  })
}
