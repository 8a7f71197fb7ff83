import { expect } from 'chai'
import { sql } from 'kysely'
import { askRollcall, recordsOf, runRollcall, statusOf, withDatabase } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

interface MintedToken {
  readonly id: string
  readonly connection: string
  readonly token: string
  readonly expires: string | null
  readonly replaces: string | null
}

const DAY_MS = 86_400_000

forEachDialect('tokens by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>

  beforeEach(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
  })
  afterEach(() => gateway.stop())

  async function firstTokenId(): Promise<string> {
    const [connection] = await askRollcall<{ tokens: { id: string }[] }[]>(['connection', 'list'], env)
    return connection!.tokens[0]!.id
  }

  it('are rotated without downtime: both work, then the revoked one is 401 at once', async () => {
    const older = await firstTokenId()
    const shown = await runRollcall(['token', 'rotate'], env)
    expect([shown.status, shown.stderr]).to.deep.equal([0, ''])
    const token = /shown this once: (rollcall_\S+)$/m.exec(shown.stdout)![1]!
    expect(shown.stdout).to.include(`then: rollcall token revoke ${older} --org `)
    expect(await statusOf(gateway.url, gateway.token)).to.equal(200)
    expect(await statusOf(gateway.url, token)).to.equal(200)
    const revoked = await runRollcall(['token', 'revoke', older], env)
    expect(revoked).to.deep.equal({ status: 0, stdout: `Revoked token ${older}\n`, stderr: '' })
    expect(await statusOf(gateway.url, gateway.token)).to.equal(401)
    expect(await statusOf(gateway.url, token)).to.equal(200)
  })

  it('live two at most: a third is refused and the older is named, whatever comes at once', async () => {
    const older = await firstTokenId()
    const tries = await Promise.all(
      [
        ['token', 'create'],
        ['token', 'rotate'],
        ['token', 'create'],
      ].map((args) => runRollcall(args, env)),
    )
    expect(tries.map(({ status }) => status).sort()).to.deep.equal([0, 1, 1])
    for (const { stderr } of tries.filter(({ status }) => status === 1)) {
      expect(stderr).to.match(
        /^rollcall: The connection has two live tokens; revoke the older one first: \S+ \(made 20\S+Z\)\n$/,
      )
      expect(stderr).to.include(older)
    }
    expect(await askRollcall(['token', 'revoke', older], env)).to.deep.equal({ id: older, status: 'revoked' })
    const next = await askRollcall<MintedToken>(['token', 'rotate'], env)
    expect(next.replaces).to.be.a('string').and.not.to.equal(older)
  })

  it('expire after the days they were given', async () => {
    const before = Date.now()
    const made = await askRollcall<MintedToken>(['token', 'create', '--expires', '30'], env)
    expect(Date.parse(made.expires!) - before).to.be.within(30 * DAY_MS, 30 * DAY_MS + 20_000)
    expect(await statusOf(gateway.url, made.token)).to.equal(200)
    await withDatabase(env, (db) =>
      sql`update connection_token set expires = ${Date.now() - 1} where id = ${made.id}`.execute(db),
    )
    expect(await statusOf(gateway.url, made.token)).to.equal(401)
    const another = await askRollcall<MintedToken>(['token', 'create'], env)
    expect(another.expires).to.equal(null)
    expect(await statusOf(gateway.url, another.token)).to.equal(200)
  })

  it('cannot be rotated when none is live, nor revoked when there is none of the id', async () => {
    await askRollcall(['token', 'revoke', await firstTokenId()], env)
    const rotated = await runRollcall(['token', 'rotate'], env)
    expect(rotated.status).to.equal(1)
    expect(rotated.stderr).to.equal(
      'rollcall: The connection "default" has no live token to follow; use: rollcall token create\n',
    )
    const pasted = await runRollcall(['token', 'revoke', gateway.token], env)
    expect(pasted.status).to.equal(1)
    expect(pasted.stderr).to.match(/^rollcall: The organisation "default" has no token of this id; see: [^\n]+\n$/)
    expect(pasted.stderr).not.to.include(gateway.token)
  })

  it('are nowhere in the log, whose records name them by id and the operator by number', async () => {
    const made = await askRollcall<MintedToken>(['token', 'create'], env)
    const shown = await recordsOf(env)
    const { record } = shown.at(-1)!
    expect(record).to.deep.include({ action: 'token.create', actor: { type: 'cli', id: `uid:${process.getuid!()}` } })
    expect(record.targets).to.deep.equal([
      { type: 'token', id: made.id },
      { type: 'connection', id: made.connection },
    ])
    expect(JSON.stringify(shown)).not.to.include(made.token.split('_')[2])
  })
})
