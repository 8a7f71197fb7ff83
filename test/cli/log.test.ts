import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall, type ShownRecord, until } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { type GatewayProcess, spawnRollcall, startTestGateway, type TestGateway } from '../support/gateway.ts'

forEachDialect('rollcall log tail', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  let following: GatewayProcess | undefined

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
    for (const name of ['one', 'two']) await askRollcall(['connection', 'create', '--name', name], env)
  })
  after(() => gateway.stop())
  afterEach(async () => {
    await following?.end('SIGKILL')
    following = undefined
  })

  it('shows the newest records, oldest first, a line each', async () => {
    const { status, stdout, stderr } = await runRollcall(['log', 'tail'], env)
    expect([status, stderr]).to.deep.equal([0, ''])
    const lines = stdout.trimEnd().split('\n')
    const line = /^20\S+Z {2} *(\d+) {2}success {2}(\S+) {2}(system|cli:uid:\d+)( {2}\w+:[0-9a-f-]{36})+$/
    const parts = lines.map((text) => line.exec(text)!)
    expect(parts.map((found) => Number(found[1]))).to.deep.equal(lines.map((_, index) => index + 1))
    expect(parts.map((found) => found[2])).to.deep.equal(await actionsOf(env))
  })

  it('shows as many as -n asks for', async () => {
    const { stdout } = await runRollcall(['log', 'tail', '-n', '2'], env)
    const actions = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/)[3])
    expect(actions).to.deep.equal(['connection.create', 'token.create'])
  })

  it('is one JSON object a line with --json: the record and its place in the chain', async () => {
    const { stdout } = await runRollcall(['log', 'tail', '--json'], env)
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ShownRecord)
    expect(records.map(({ seq }) => seq)).to.deep.equal(records.map((_, index) => index + 1))
    for (const { epoch, hash, record } of records) {
      expect(epoch).to.equal(1)
      expect(hash).to.match(/^[0-9a-f]{64}$/)
      expect(record).to.include.keys('id', 'action', 'actor', 'outcome')
    }
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`shows with --follow what is recorded meanwhile, and ends with status 0 on ${signal}`, async () => {
      following = spawnRollcall(['log', 'tail', '--follow', '-n', '1', '--json'], env)
      const { output, end } = following
      const lines = (): string[] =>
        output()
          .split('\n')
          .filter((line) => line !== '')
      await until(() => lines().length === 1, output)
      const made = await askRollcall<{ id: string }>(['connection', 'create', '--name', `while-${signal}`], env)
      await until(() => lines().length === 3, output)
      const records = lines().map((line) => JSON.parse(line) as ShownRecord)
      expect(records.slice(1).map(({ record }) => record.action)).to.deep.equal(['connection.create', 'token.create'])
      expect(records[1]?.record.targets[0]?.id).to.equal(made.id)
      expect(records.map(({ seq }) => seq - records[0]!.seq)).to.deep.equal([0, 1, 2])
      expect(await end(signal)).to.equal(0)
      expect(lines()).to.have.length(3)
    })
  }

  it('ends quietly when its reader has seen enough, as head does', async () => {
    following = spawnRollcall(['log', 'tail', '--follow'], env)
    const { child, exited, output } = following
    await until(() => output() !== '', output)
    child.stdout!.destroy()
    await askRollcall(['connection', 'create', '--name', 'unseen'], env)
    expect(await exited).to.equal(0)
    expect(output()).not.to.match(/EPIPE|Error/)
  })

  it('names an organisation that is not there', async () => {
    const { status, stderr } = await runRollcall(['log', 'tail', '--org', 'none'], env)
    expect([status, stderr]).to.deep.equal([1, 'rollcall: There is no organisation "none"; see: rollcall org list\n'])
  })
})
