import { expect } from 'chai'
import { askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

interface Shown {
  readonly asked: Readonly<Record<string, unknown>>
  readonly rows: readonly Readonly<Record<string, string | number | null>>[]
}

forEachDialect('reports by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let client: ScimClient
  let ann: string

  before(async () => {
    gateway = await startTestGateway(dialect)
    client = new ScimClient(gateway.base, gateway.token)
    ann = (await client.post('/Users', { schemas: [USER], userName: 'ann' })).body['id'] as string
    const members = [{ value: ann }]
    await client.post('/Groups', { schemas: [GROUP], displayName: 'Research', externalId: 'r', members })
  })
  after(async () => {
    client.close()
    await gateway.stop()
  })

  it('say who has what, as a table, JSON, CSV and a page', async () => {
    const { rows } = await askRollcall<Shown>(['report', 'access', '--user', 'ann'], gateway.env)
    expect(rows.map(({ kind }) => kind)).to.deep.equal(['account', 'organization role', 'seat', 'seat', 'team role'])
    const inTeam = await askRollcall<Shown>(['report', 'access', '--team', 'research'], gateway.env)
    expect(inTeam.rows.map(({ userName, value }) => [userName, value])).to.deep.equal([['ann', 'member']])
    const table = await runRollcall(['report', 'access', '--user', ann, '--tz', 'Asia/Tokyo'], gateway.env)
    expect([table.status, table.stderr]).to.deep.equal([0, ''])
    expect(table.stdout).to.match(
      /^Report: Access at an instant\nAt: .*\+09:00\nAfter record: \d+\nAbout: ann\n\nuser +userName/,
    )
    expect(table.stdout).to.match(/ team role +\S+ +Research +member +20\S+\+09:00 +default +\d+\n/)
    const csv = await runRollcall(['report', 'access', '--user', ann, '--format', 'csv', '--bom'], gateway.env)
    expect(csv.stdout).to.match(/^\ufeffuser,userName,kind,/)
    const html = await runRollcall(['report', 'access', '--user', ann, '--format', 'html'], gateway.env)
    expect(html.stdout).to.match(/^<!doctype html>/)
  })

  it('say what was given, who left, what was held, how many seats are in use and whom to look at', async () => {
    const { env } = gateway
    const grants = await askRollcall<Shown>(['report', 'grants'], env)
    expect(grants.rows.filter(({ group }) => group === 'Research')).to.have.length(1)
    const gone = (await client.post('/Users', { schemas: [USER], userName: 'gone' })).body['id'] as string
    await client.patch(`/Users/${gone}`, [{ op: 'replace', path: 'active', value: false }])
    const leavers = await askRollcall<Shown>(['report', 'leavers', '--limit-seconds', '60'], env)
    expect(leavers.rows.map(({ user, breach }) => [user, breach])).to.deep.equal([[gone, 'no']])
    expect((await askRollcall<Shown>(['report', 'history', '--user', gone], env)).rows).to.have.length(4)
    const seats = await askRollcall<Shown>(['report', 'seats'], env)
    const full = seats.rows.filter(({ product, type }) => product === 'models' && type === 'full')
    expect(full.at(-1)).to.include({ used: 1 })
    const found = await runRollcall(['report', 'exceptions', '--kind', 'neverSignedIn'], env)
    expect(found.stdout).to.match(/neverSignedIn +\S+ +ann /)
  })

  it('and access reviews are begun, shown, decided and signed off, by nobody who gave what they decide', async () => {
    const { env } = gateway
    const review = await askRollcall<{ id: string }>(
      ['review', 'start', 'Research', '--of', 'team', '--team', 'research'],
      env,
    )
    const shown = await askRollcall<Shown>(['review', 'show', review.id], env)
    expect(shown.rows.map(({ userName, value }) => [userName, value])).to.deep.equal([['ann', 'member']])
    const decide = ['review', 'decide', review.id, '--item', '1', '--reason', 'needed', '--decision']
    expect(await askRollcall([...decide, 'keep'], env)).to.deep.equal({ item: 1, decision: 'keep', problem: null })
    const { digest } = await askRollcall<{ digest: string }>(['review', 'sign', review.id], env)
    expect(digest).to.match(/^[0-9a-f]{64}$/)
    expect((await askRollcall<object[]>(['review', 'list'], env))[0]).to.include({ state: 'signed', digest })
    await askRollcall(['user', 'create', 'boss', '--org-role', 'admin'], env)
    const own = await askRollcall<{ id: string }>(['review', 'start', 'Admins'], env)
    const refused = await runRollcall(
      ['review', 'decide', own.id, '--item', '1', '--reason', 'x', '--decision', 'keep'],
      env,
    )
    expect([refused.status, refused.stderr]).to.deep.equal([
      1,
      'rollcall: Whoever gave it does not review it; let another admin decide\n',
    ])
  })

  it('refuse what cannot be asked in a sentence', async () => {
    for (const [args, said] of [
      [['--at', '2026-02-30'], '--at is no date'],
      [['--at', '2999-01-01'], 'lies in the future'],
      [['--tz', 'Mars'], 'tz is no time zone'],
      [['--user', 'nobody'], 'There is no user "nobody"'],
      [['--user', 'ann', '--team', 'research'], 'not both'],
      [['--format', 'pdf'], 'Allowed choices are table, csv, json, html'],
    ] as const) {
      const { status, stdout, stderr } = await runRollcall(['report', 'access', ...args], gateway.env)
      expect([status, stdout], args.join(' ')).to.deep.equal([1, ''])
      expect(stderr).to.include(said)
    }
  })
})
