import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  actionsOf,
  askRollcall,
  recordsOf,
  runRollcall,
  type Served,
  serveHere,
  statusOf,
  until,
} from '../support/cli.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { gatewayEnvironment, type GatewayEnvironment, serveProcess, spawnRollcall } from '../support/gateway.ts'
import { freePort } from '../support/postgres.ts'

const NO_BOOTSTRAP = { ROLLCALL_BOOTSTRAP_SCIM_TOKEN: '' }
const FIRST_ACTIONS = ['org.create', 'connection.create', 'token.create', 'key.create', 'setup.create']

const running: Served[] = []

function noted<T extends Served>(gateway: T): T {
  running.push(gateway)
  return gateway
}

const serve = async ({ env }: GatewayEnvironment): Promise<Served> => noted(await serveHere(env))
const serveApart = async (environment: GatewayEnvironment): Promise<Served> => noted(await serveProcess(environment))

async function endAll(): Promise<void> {
  await Promise.all(running.splice(0).map((gateway) => gateway.end('SIGKILL')))
}

function withToken(environment: GatewayEnvironment, token: string): GatewayEnvironment {
  return { ...environment, env: { ...environment.env, ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token } }
}

function shownToken(output: string): string | undefined {
  return /First token, shown this once: (\S+)/.exec(output)?.[1]
}

afterEach(endAll)

forEachDialect('the first start', (dialect) => {
  it('prints the base URL and a token that works, once; a second start prints none', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    const first = await serveApart(environment)
    expect(first.output()).to.include(`SCIM base URL: ${environment.url}/scim/v2`)
    const token = shownToken(first.output())
    expect(token).to.match(/^rollcall_/)
    expect(await statusOf(environment.url, token!)).to.equal(200)
    expect(await first.end('SIGTERM')).to.equal(0)

    const second = await serveApart(environment)
    expect(second.output()).to.include(`SCIM base URL: ${environment.url}/scim/v2`)
    expect(shownToken(second.output())).to.equal(undefined)
    expect(second.output()).not.to.include(token)
    expect(await statusOf(environment.url, token!)).to.equal(200)
  })

  it('makes one organisation "default" with one idp connection of one token, each with its record', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    const gateway = await serve(environment)
    expect(await gateway.end('SIGTERM')).to.equal(0)
    const orgs = await askRollcall<{ name: string }[]>(['org', 'list'], environment.env)
    expect(orgs.map(({ name }) => name)).to.deep.equal(['default'])
    const connections = await askRollcall<{ name: string; kind: string; tokens: object[] }[]>(
      ['connection', 'list'],
      environment.env,
    )
    expect(connections).to.have.length(1)
    expect(connections[0]).to.include({ name: 'default', kind: 'idp', status: 'active', mayGrantAdmin: false })
    expect(connections[0]?.tokens).to.have.length(1)
    const records = await recordsOf(environment.env)
    expect(records.map(({ record }) => record.action)).to.deep.equal(FIRST_ACTIONS)
    expect(records.map(({ record }) => record.actor)).to.deep.equal(FIRST_ACTIONS.map(() => ({ type: 'system' })))
  })

  it('says with --json what the start made, as one object on a line', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    const gateway = noted(spawnRollcall(['serve', '--json'], environment.env))
    await until(() => gateway.output().includes('\n'), gateway.output)
    const started = JSON.parse(gateway.output()) as Record<string, string>
    expect(started['scimUrl']).to.equal(`${environment.url}/scim/v2`)
    expect(await statusOf(environment.url, started['firstToken']!)).to.equal(200)
  })

  it('makes no token that nobody sees when the port is taken', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    const other = await listenOn(Number(environment.env['PORT']))
    const refused = await runRollcall(['serve'], environment.env)
    other.close()
    expect(refused.status).to.equal(69)
    expect(refused.stderr).to.match(/^rollcall: Cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE\n$/)
    const gateway = await serve(environment)
    expect(shownToken(gateway.output())).to.match(/^rollcall_/)
  })

  it('leaves alone what an operator has set up before: other organisations get no "default" beside them', async () => {
    const environment = await gatewayEnvironment(dialect)
    await askRollcall(['org', 'create', 'acme'], environment.env)
    const gateway = await serve(environment)
    expect(gateway.output()).to.match(/Warning: ROLLCALL_BOOTSTRAP_SCIM_TOKEN is not in use: there is no active conn/)
    expect(await statusOf(environment.url, environment.token)).to.equal(401)
    expect(await askRollcall(['org', 'list'], environment.env)).to.have.length(1)
  })

  it('gives an organisation "Default" that an operator made its connection and token', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    await askRollcall(['org', 'create', 'Default'], environment.env)
    const gateway = await serve(environment)
    expect(await statusOf(environment.url, shownToken(gateway.output())!)).to.equal(200)
    expect(await askRollcall(['org', 'list'], environment.env)).to.have.length(1)
  })
})

forEachDialect('the bootstrap token', (dialect) => {
  it('may be any string of 32 characters; the same value at a restart changes and records nothing', async () => {
    const environment = withToken(await gatewayEnvironment(dialect), '0123456789 abcdefghij/+=~0123456')
    const token = environment.env['ROLLCALL_BOOTSTRAP_SCIM_TOKEN']!
    expect(token).to.have.length(32)
    const first = await serve(environment)
    expect(shownToken(first.output())).to.equal(undefined)
    expect(await statusOf(environment.url, token)).to.equal(200)
    await first.end('SIGTERM')
    const second = await serve(environment)
    expect(await statusOf(environment.url, token)).to.equal(200)
    await second.end('SIGTERM')
    expect(await actionsOf(environment.env)).to.deep.equal(FIRST_ACTIONS)
    expect(first.output() + second.output()).not.to.include(token)
  })

  it('is replaced by a different value at a restart, recorded', async () => {
    const environment = await gatewayEnvironment(dialect)
    await (await serve(environment)).end('SIGTERM')
    const other = randomBytes(24).toString('base64url')
    await serve(withToken(environment, other))
    expect(await statusOf(environment.url, environment.token)).to.equal(401)
    expect(await statusOf(environment.url, other)).to.equal(200)
    expect(await actionsOf(environment.env)).to.deep.equal([...FIRST_ACTIONS, 'token.revoke', 'token.create'])
  })

  it('stays revoked when a restart gives it again, and the start says so', async () => {
    const environment = await gatewayEnvironment(dialect)
    const first = await serve(environment)
    const [connection] = await askRollcall<{ tokens: { id: string }[] }[]>(['connection', 'list'], environment.env)
    await askRollcall(['token', 'revoke', connection!.tokens[0]!.id], environment.env)
    expect(await statusOf(environment.url, environment.token)).to.equal(401)
    await first.end('SIGTERM')
    const second = await serve(environment)
    expect(second.output()).to.match(
      /Warning: ROLLCALL_BOOTSTRAP_SCIM_TOKEN is not in use: .* revoked or replaced at 2/,
    )
    expect(await statusOf(environment.url, environment.token)).to.equal(401)
    const ofTokens = (await actionsOf(environment.env)).filter((action) => action.startsWith('token.'))
    expect(ofTokens).to.deep.equal(['token.create', 'token.revoke'])
  })

  it('stops the start when two minted tokens are live, and names the older', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    await (await serve(environment)).end('SIGTERM')
    await askRollcall(['token', 'create'], environment.env)
    const [connection] = await askRollcall<{ tokens: { id: string }[] }[]>(['connection', 'list'], environment.env)
    const refused = await runRollcall(['serve'], withToken(environment, environment.token).env)
    expect(refused.status).to.equal(78)
    expect(refused.stderr).to.include(`revoke the older one first: ${connection!.tokens[0]!.id}`)
  })

  it('may come from a file, whose last line break does not count', async () => {
    const environment = await gatewayEnvironment(dialect, NO_BOOTSTRAP)
    const file = join(environment.dataDir, 'bootstrap')
    writeFileSync(file, `${environment.token}\n`)
    await serve({ ...environment, env: { ...environment.env, ROLLCALL_BOOTSTRAP_SCIM_TOKEN_FILE: file } })
    expect(await statusOf(environment.url, environment.token)).to.equal(200)
  })

  it('is refused below 32 characters before anything is made', async () => {
    const environment = await gatewayEnvironment(dialect)
    rmSync(environment.dataDir, { recursive: true })
    const refused = await runRollcall(['serve'], withToken(environment, 'a'.repeat(31)).env)
    expect(refused.status).to.equal(78)
    expect(refused.stderr).to.include('ROLLCALL_BOOTSTRAP_SCIM_TOKEN: got **** (31 characters)')
    expect(existsSync(environment.dataDir)).to.equal(false)
  })
})

describe('the first start of the embedded store', () => {
  if (!DIALECTS.includes('sqlite')) return

  it('makes master.key, readable by its owner only, and says so once', async () => {
    const environment = await gatewayEnvironment('sqlite')
    const file = join(environment.dataDir, 'master.key')
    const first = await serve(environment)
    expect(first.output()).to.include(`Master key made in ${file} (mode 600)`)
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    const text = readFileSync(file, 'utf8')
    expect(text).to.match(/^[0-9a-f]{64}\n$/)
    expect(first.output()).not.to.include(text.trim())
    await first.end('SIGTERM')
    const second = await serve(environment)
    expect(second.output()).not.to.include('Master key made')
    expect(readFileSync(file, 'utf8')).to.equal(text)
  })

  it('says where the key is also when a command made the store', async () => {
    const { env, dataDir } = await gatewayEnvironment('sqlite')
    const made = await runRollcall(['org', 'create', 'acme'], env)
    expect(made.stdout).to.match(/^Made organisation acme \([0-9a-f-]{36}\)\n$/)
    expect(made.stderr).to.include(`Master key made in ${join(dataDir, 'master.key')}`)
  })

  it('makes one key and one schema when several commands begin at once', async () => {
    const { env } = await gatewayEnvironment('sqlite')
    const names = ['a', 'b', 'c', 'd']
    const made = await Promise.all(names.map((name) => runRollcall(['org', 'create', name], env)))
    expect(made.map(({ status, stderr }) => (status === 0 ? 0 : stderr))).to.deep.equal(names.map(() => 0))
    expect(made.filter(({ stderr }) => stderr.includes('Master key made'))).to.have.length(1)
    expect(await askRollcall(['org', 'list'], env)).to.have.length(names.length)
  })

  it('refuses a second server on the same file', async () => {
    const environment = await gatewayEnvironment('sqlite')
    await serve(environment)
    const second = await runRollcall(['serve'], { ...environment.env, PORT: String(await freePort()) })
    expect(second.status).to.equal(69)
    expect(second.stderr).to.match(/^rollcall: Another gateway is serving the store in /)
  })
})

describe('two first starts on one PostgreSQL', () => {
  if (!DIALECTS.includes('postgres')) return

  it('make one organisation, one connection and one token, and both serve', async function () {
    this.timeout(60_000)
    for (let round = 0; round < 3; round++) {
      const one = await gatewayEnvironment('postgres', NO_BOOTSTRAP)
      const gateways = await Promise.all([one, await beside(one)].map(serveApart))
      const tokens = gateways.map((gateway) => shownToken(gateway.output())).filter((token) => token !== undefined)
      expect(tokens).to.have.length(1)
      expect(await actionsOf(one.env)).to.deep.equal(FIRST_ACTIONS)
      expect(await statusOf(one.url, tokens[0]!)).to.equal(200)
      await endAll()
    }
  })

  it('store the same bootstrap token once', async function () {
    this.timeout(60_000)
    const one = await gatewayEnvironment('postgres')
    const other = await beside(one)
    await Promise.all([one, other].map(serveApart))
    expect(await statusOf(one.url, one.token)).to.equal(200)
    expect(await statusOf(other.url, one.token)).to.equal(200)
    expect(await actionsOf(one.env)).to.deep.equal(FIRST_ACTIONS)
  })
})

/** The environment of another instance on the same store. */
async function beside(environment: GatewayEnvironment): Promise<GatewayEnvironment> {
  const port = await freePort()
  return { ...environment, url: `http://127.0.0.1:${port}`, env: { ...environment.env, PORT: String(port) } }
}

function listenOn(port: number): Promise<Server> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve(server)
    })
  })
}

forEachDialect('the first admin key', (dialect) => {
  const KEY = 'any admin key of at least 32 characters'

  async function mayCall(url: string, key: string): Promise<number> {
    const answer = await fetch(`${url}/api/v1/me`, { headers: { authorization: `Bearer ${key}` } })
    await answer.arrayBuffer()
    return answer.status
  }

  it('is printed once by the first start, and works; a second start prints none', async () => {
    const environment = await gatewayEnvironment(dialect)
    const first = await serve(environment)
    const key = /First admin key, shown this once: (\S+)/.exec(first.output())?.[1]
    expect(key).to.match(/^rollcall_/)
    expect(await mayCall(environment.url, key!)).to.equal(200)
    await first.end('SIGTERM')
    const second = await serve(environment)
    expect(second.output()).not.to.include('First admin key').and.not.to.include(key)
    expect(await mayCall(environment.url, key!)).to.equal(200)
  })

  it('may be given: the same value at a restart changes nothing, another one replaces it, a revoked one stays so', async () => {
    const environment = await gatewayEnvironment(dialect)
    const given = (key: string): GatewayEnvironment => {
      return { ...environment, env: { ...environment.env, ROLLCALL_BOOTSTRAP_ADMIN_KEY: key } }
    }
    const first = await serve(given(KEY))
    expect(first.output()).not.to.include('First admin key').and.not.to.include(KEY)
    expect(await mayCall(environment.url, KEY)).to.equal(200)
    await first.end('SIGTERM')
    const before = await actionsOf(environment.env)
    const again = await serve(given(KEY))
    await again.end('SIGTERM')
    expect(await actionsOf(environment.env)).to.deep.equal(before)
    const other = await serve(given(`${KEY} 2`))
    expect([await mayCall(environment.url, KEY), await mayCall(environment.url, `${KEY} 2`)]).to.deep.equal([401, 200])
    await other.end('SIGTERM')
    // The old value, shown above, was refused after that.
    expect((await actionsOf(environment.env)).slice(-3)).to.deep.equal([
      'key.revoke',
      'key.create',
      'credential.refuse',
    ])
    const revived = await serve(given(KEY))
    expect(revived.output()).to.include('Warning: ROLLCALL_BOOTSTRAP_ADMIN_KEY is not in use: this value was revoked')
    expect([await mayCall(environment.url, KEY), await mayCall(environment.url, `${KEY} 2`)]).to.deep.equal([401, 200])
  })
})
