import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'

interface Foreseen {
  readonly people: readonly { readonly changes: readonly object[] }[]
  readonly summary: {
    readonly seats: readonly { readonly product: string; readonly type: string; readonly bought: number | null }[]
  }
}

interface ShownBatch {
  readonly id: string
  readonly state: string
  readonly done: number
  readonly held: number
}

forEachDialect('seats, settings and mass removals by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  let client: ScimClient

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
    client = new ScimClient(gateway.base, gateway.token)
  })
  after(async () => {
    client.close()
    await gateway.stop()
  })

  async function refused(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await runRollcall(args, env)
    expect([status, stdout]).to.deep.equal([1, ''])
    return stderr
  }

  const off = (id: string) => client.patch(`/Users/${id}`, [{ op: 'replace', path: 'active', value: false }])

  it('set the licence and the policy, which SCIM keeps to with the next request', async () => {
    const set = await askRollcall(['settings', 'set', 'seatPolicy=refuse', 'breaker.floor=2', 'breaker.percent=1'], env)
    expect(set).to.include({ seatPolicy: 'refuse', 'breaker.floor': 2, changed: true })
    const bought = await askRollcall<readonly object[]>(['seat', 'licence', 'models', '--full', '4'], env)
    expect(bought[0]).to.include({ product: 'models', type: 'full', bought: 4, used: 0, left: 4 })
    for (let n = 0; n < 4; n++) await client.post('/Users', { schemas: [USER], userName: `p${n}` })
    const late = await client.post('/Users', { schemas: [USER], userName: 'late' })
    expect([late.status, late.body['detail']]).to.deep.equal([
      403,
      'Seat limit reached: 4 of 4 full seats of models are taken',
    ])
    const { stdout } = await runRollcall(['seat', 'list'], env)
    expect(stdout).to.match(/^product +type +bought +used +reserved +left +waiting\nmodels +full +4 +4 +0 +0 +0\n/)
    expect(await refused('seat', 'licence', 'models', '--full', '-1')).to.include('Wanted is a whole number from 0')
    expect(await refused('seat', 'licence', 'modles', '--full', '1')).to.include('There is no product "modles"')
    expect(await refused('seat', 'licence', 'models')).to.include('Say how many')
    const lifted = await askRollcall<readonly object[]>(['seat', 'licence', 'models', '--full', 'unlimited'], env)
    expect(lifted[0]).to.include({ product: 'models', type: 'full', bought: null })
    expect(await refused('settings', 'set', 'seatpolicy=refuse')).to.include('There is no setting "seatpolicy"')
    expect(await refused('settings', 'set', 'breaker.floor=0')).to.include('a whole number from 1')
  })

  it('say what a licence and a setting would come to, and change nothing', async () => {
    const asked = ['seat', 'licence', 'models', '--full', '1', '--preview']
    const { stdout } = await runRollcall(asked, env)
    expect(stdout).to.match(/^People: 0 of \d+ change, 0 gain, 0 lose; admins \d+ -> \d+\n/)
    const { summary } = await askRollcall<Foreseen>(asked, env)
    expect(summary.seats.find(({ product, type }) => product === 'models' && type === 'full')).to.include({ bought: 1 })
    const stated = ['settings', 'set', 'defaultSeats={"models":"viewer","weave":"full"}', '--preview']
    const { people } = await askRollcall<Foreseen>([...stated, '--people'], env)
    expect(people).to.have.length(4)
    expect(people[0]!.changes[0]).to.include({
      ...{ kind: 'seat', target: 'models', old: 'full', new: 'viewer' },
    })
    expect((await runRollcall(['seat', 'list'], env)).stdout).to.match(/\nmodels +full +unlimited +4 /)
    expect(await refused('settings', 'set', 'breaker.floor=0', '--preview')).to.include('a whole number from 1')
  })

  it('report a mass removal, bring it back, and decide what is held', async () => {
    const listed = await client.get('/Users')
    const ids = (listed.body['Resources'] as readonly { readonly id: string }[]).map(({ id }) => id)
    for (const id of ids.slice(0, 3)) await off(id)
    const [batch] = await askRollcall<readonly ShownBatch[]>(['breaker', 'list'], env)
    expect(batch).to.include({ mode: 'alert', state: 'open', done: 3, held: 0 })
    expect(await askRollcall(['breaker', 'show', batch!.id], env)).to.have.length(3)
    const restored = await runRollcall(['breaker', 'restore', batch!.id], env)
    expect(restored.stdout).to.equal('Restored: 3\n')
    await askRollcall(['settings', 'set', 'breaker.mode=hold'], env)
    const held = await off(ids[0]!)
    expect([held.status, held.headers['retry-after']]).to.deep.equal([503, '3600'])
    expect(held.body['detail']).to.include('until an administrator allows or rejects it')
    const [newest] = await askRollcall<readonly ShownBatch[]>(['breaker', 'list'], env)
    const allowed = await runRollcall(['breaker', 'allow', newest!.id], env)
    expect(allowed.stdout).to.equal('Removed: 1\n')
    expect((await client.get(`/Users/${ids[0]!}`)).body['active']).to.equal(false)
    expect(await refused('breaker', 'reject', newest!.id)).to.include('This batch was allowed already')
    expect(await refused('breaker', 'show', 'nothing')).to.include('There is no batch "nothing"')
    const actions = (await actionsOf(env)).filter((action) => action.startsWith('breaker.'))
    // The last is the refusal.
    const decided = ['breaker.trip', 'breaker.restore', 'breaker.trip', 'breaker.allow', 'breaker.reject']
    expect(actions).to.deep.equal(decided)
  })
})
