import { expect } from 'chai'
import { sql } from 'kysely'
import { actionsOf, askRollcall, recordsOf, runRollcall, statusOf, withDatabase } from '../support/cli.ts'
import { DIALECTS, forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const ENTRA = ['--issuer', 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/']
const ENTRA_SHARED = [...ENTRA, '--audience', '8adf8e6e-67b2-4cf2-a259-e3dc5476c621']

interface MadeConnection {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly org: string
  readonly scimUrl: string
  readonly tokenId: string
  readonly token: string
}

interface ShownConnection {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly tokens: readonly { readonly id: string; readonly lastUsed: string | null }[]
  readonly trusts: readonly object[]
}

forEachDialect('organisations and connections by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
  })
  after(() => gateway.stop())

  const refused = (args: readonly string[]): Promise<string> => refusalOf(args, env)

  it('makes an organisation and lists it; its name is taken in every spelling of case', async () => {
    const made = await runRollcall(['org', 'create', 'Ärzte'], env)
    expect(made.stdout).to.match(/^Made organisation Ärzte \([0-9a-f-]{36}\)\n$/)
    const id = /\((.*)\)/.exec(made.stdout)![1]!
    const orgs = await askRollcall<{ id: string; name: string; created: string }[]>(['org', 'list'], env)
    expect(orgs.map(({ name }) => name)).to.deep.equal(['default', 'Ärzte'])
    expect(orgs[1]).to.include({ id })
    const listed = await runRollcall(['org', 'list'], env)
    expect(listed.stdout).to.match(new RegExp(`^id +name +created\\n.*\\n${id} +Ärzte +20\\S+Z\\n$`))
    expect(await refused(['org', 'create', 'ärzte'])).to.include('An organisation of this name exists already')
    expect(await actionsOf(env, id)).to.deep.equal(['org.create'])
  })

  it('makes a connection whose token is served at once, and ends it at once', async () => {
    const made = await askRollcall<MadeConnection>(['connection', 'create', '--kind', 'script'], env)
    expect(made).to.include({ name: 'script', kind: 'script', scimUrl: gateway.base })
    expect(made.token).to.match(/^rollcall_/)
    expect(await statusOf(gateway.url, made.token)).to.equal(200)
    expect(await askRollcall(['connection', 'revoke', 'SCRIPT'], env)).to.deep.equal({ id: made.id, status: 'revoked' })
    expect(await statusOf(gateway.url, made.token)).to.equal(401)
    expect(await refused(['connection', 'revoke', 'script'])).to.include('has no active connection "script"')
    expect(await refused(['token', 'create', '--connection', made.id])).to.include('is revoked; make a new one')
    const again = await askRollcall<MadeConnection>(['connection', 'create', '--kind', 'script'], env)
    expect(again.id).not.to.equal(made.id)
    expect(await statusOf(gateway.url, again.token)).to.equal(200)
  })

  it('keeps a connection to the scope it was given', async () => {
    const made = await askRollcall<MadeConnection>(['connection', 'create', '--name', 'g', '--scope', 'groups'], env)
    expect(await statusOf(gateway.url, made.token)).to.equal(403)
    const headers = { authorization: `Bearer ${made.token}` }
    expect((await fetch(`${gateway.base}/Groups`, { headers })).status).to.equal(200)
  })

  it('lists connections with tokens and trusts, as a table without control characters and as JSON', async () => {
    await askRollcall(
      [
        'connection',
        'create',
        '--name',
        'trusting',
        ...ENTRA,
        '--audience',
        'api://x',
        '--jwks',
        'https://k.example/j',
      ],
      env,
    )
    const listed = await askRollcall<ShownConnection[]>(['connection', 'list'], env)
    const trusting = listed.find(({ name }) => name === 'trusting')!
    expect(trusting).to.deep.include({ status: 'active', scopes: ['users', 'groups'], mayGrantAdmin: false })
    expect(trusting.tokens).to.have.length(1)
    expect(trusting.trusts).to.have.length(1)
    const trust = { issuer: ENTRA[1], audience: 'api://x', jwks: 'https://k.example/j', pins: {}, longLived: false }
    expect(trusting.trusts[0]).to.deep.include(trust)
    const shown = await runRollcall(['connection', 'list'], env)
    expect(shown.stdout.split('\n')).to.have.length(listed.length + 2)
    expect(shown.stdout).to.include(`${trusting.tokens[0]!.id} (last used never)`)
  })

  it('takes the audience that all of Entra ID shares only pinned by tid and by appid or oid', async () => {
    const listed = async (): Promise<readonly string[]> =>
      (await askRollcall<ShownConnection[]>(['connection', 'list'], env)).map(({ name }) => name)
    const before = await listed()
    for (const pins of [[], ['--pin', 'tid=t'], ['--pin', 'appid=a'], ['--pin', 'appid=a', '--pin', 'oid=o']]) {
      const said = await refused(['connection', 'create', '--name', 'entra', ...ENTRA_SHARED, ...pins])
      expect(said).to.match(/shared by every application of Entra ID: pin the tenant and the application/)
    }
    expect(await listed()).to.deep.equal(before)
    for (const [name, pin] of [
      ['by-appid', 'appid=a'],
      ['by-oid', 'oid=o'],
    ] as const) {
      await askRollcall(['connection', 'create', '--name', name, ...ENTRA_SHARED, '--pin', 'tid=t', '--pin', pin], env)
    }
    const again = ['connection', 'create', '--name', 'third', ...ENTRA_SHARED, '--pin', 'oid=o', '--pin', 'tid=t']
    expect(await refused(again)).to.include('Another connection trusts this issuer and audience with the same pinned')
    await askRollcall(['connection', 'revoke', 'by-oid'], env)
    await askRollcall(again, env)
  })

  it('says which organisation or connection is not there, with its control characters escaped', async () => {
    expect(await refused(['connection', 'list', '--org', 'no\u001b[2Jne'])).to.equal(
      'rollcall: There is no organisation "no\\u001b[2Jne"; see: rollcall org list\n',
    )
    expect(await refused(['connection', 'revoke', 'a\nb'])).to.include('no active connection "a\\u000ab"')
    expect(await refused(['connection', 'confirm', 'default', 'x'])).to.include('"x" is no id of a user or group')
  })

  it('shows names that hold control characters without them, in tables and in JSON', async () => {
    await withDatabase(env, (db) =>
      sql`update connection set name = ${'g\u001b]0;x\u0007\u202e\n'} where name_key = 'g'`.execute(db),
    )
    for (const args of [
      ['connection', 'list'],
      ['connection', 'list', '--json'],
    ]) {
      const { stdout } = await runRollcall(args, env)
      expect(stdout).to.match(/g\\u001b\]0;x\\u0007\\u202e\\(u000a|n)/)
      expect(stdout.replaceAll('\n', '')).not.to.match(/[\p{Cc}\p{Cf}]/u)
    }
  })

  it('records the local operator as cli and the number of the user, never a name', async () => {
    const records = await recordsOf(env)
    const byCommand = records.filter(({ record }) => record.action.startsWith('connection.')).slice(1)
    expect(byCommand.length).to.be.greaterThan(8)
    for (const { record } of byCommand) {
      expect(record.actor).to.deep.equal({ type: 'cli', id: `uid:${process.getuid!()}` })
    }
  })
})

describe('the trust of a connection', () => {
  let gateway: TestGateway
  before(async function () {
    this.timeout(60_000)
    gateway = await startTestGateway(DIALECTS[0]!)
  })
  after(() => gateway.stop())

  it('refuses a trust that no JWT could satisfy or whose keys could not be fetched, with a sentence', async function () {
    this.timeout(60_000)
    const trust = (issuer: string, ...more: string[]): string[] => [
      ...['connection', 'create', '--name', 'n', '--issuer', issuer, '--audience', 'a'],
      ...more,
    ]
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['connection', 'create', '--issuer', 'https://i.example'], /Give --issuer and --audience together/],
      [['connection', 'create', '--audience', 'a'], /Give --issuer and --audience together/],
      [['connection', 'create', '--pin', 'a=b'], /belong to an --issuer and its --audience/],
      [['connection', 'create', '--long-lived'], /belong to an --issuer and its --audience/],
      [trust('http://i.example'), /cannot be fetched from the issuer: http:\/\/i\.example must begin with https/],
      [trust('issuer'), /issuer is not a URL/],
      [trust('https://10.0.0.1/'), /which is not a public address/],
      [trust('https://i.example/ü'), /1 to 2048 printable ASCII characters/],
      [trust('anything', '--jwks', 'https://u:p@k.example/'), /from the JWKS address: k\.example: credentials in the/],
      [trust('https://i.example', '--jwks', 'https://127.0.0.1/keys'), /which is not a public address/],
    ]
    for (const [args, said] of cases) expect(await refusalOf(args, gateway.env)).to.match(said)
    await askRollcall(trust('anything', '--jwks', 'https://k.example/keys'), gateway.env)
  })
})

/** The one sentence of a command that must be refused with status 1. */
async function refusalOf(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { status, stdout, stderr } = await runRollcall(args, env)
  expect([status, stdout]).to.deep.equal([1, ''])
  expect(stderr).to.match(/^rollcall: [^\n]+\n$/)
  return stderr
}
