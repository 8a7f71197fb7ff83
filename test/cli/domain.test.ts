import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

interface ShownDomain {
  readonly domain: string
  readonly state: string
  readonly record: { readonly name: string; readonly value: string }
  readonly captures: boolean
  readonly team: string | null
}

forEachDialect('domains by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let dns: DnsServer
  let env: Readonly<Record<string, string>>

  before(async () => {
    dns = await openDnsServer()
    gateway = await startTestGateway(dialect, { ROLLCALL_DNS_SERVERS: dns.address })
    env = gateway.env
  })
  after(async () => {
    await gateway.stop()
    await dns.close()
  })

  const refused = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await runRollcall(['domain', ...args], env)
    expect([status, stdout]).to.deep.equal([1, ''])
    return stderr
  }

  it('are claimed, proved, set and let go', async () => {
    const said = await runRollcall(['domain', 'claim', 'people.example', '--capture'], env)
    expect(said.stdout).to.match(
      /^Claimed people\.example\. Set this TXT record, then: rollcall domain prove people\.example\n_rollcall-challenge\.people\.example\nrollcall-domain-verification=[0-9a-f]{40}\n$/,
    )
    expect(await refused('claim', 'people.example')).to.include('claimed already')
    expect(await refused('claim', 'gmail.com')).to.include("a mail provider's")
    expect(await refused('prove', 'people.example')).to.include('does not show the proof yet')
    const { record, captures } = await askRollcall<ShownDomain>(['domain', 'show', 'people.example'], env)
    expect(captures).to.equal(true)
    dns.zone.set(record.name, [record.value])
    expect((await runRollcall(['domain', 'prove', 'people.example'], env)).stdout).to.include(
      'people.example is proved',
    )
    const team = await askRollcall<{ id: string; joinable: boolean }>(['team', 'create', 'Lab', '--joinable'], env)
    expect(team.joinable).to.equal(true)
    const set = await askRollcall<ShownDomain>(
      ['domain', 'set', 'people.example', '--team', 'lab', '--no-capture'],
      env,
    )
    expect(set).to.include({ team: team.id, captures: false })
    const closing = await runRollcall(['team', 'change', 'lab', '--no-joinable'], env)
    expect(closing.stderr).to.include('default team of people.example')
    expect((await runRollcall(['domain', 'list'], env)).stdout).to.match(
      /^domain .*\npeople\.example +proved +no +\S+ /,
    )
    expect(await askRollcall<ShownDomain>(['domain', 'set', 'people.example', '--no-team'], env)).to.include({
      team: null,
    })
    expect(await askRollcall(['domain', 'release', 'People.example'], env)).to.deep.equal({
      ...{ domain: 'people.example', state: 'released' },
    })
    expect((await runRollcall(['domain', 'list'], env)).stdout).to.equal('No domains yet\n')
    expect(await refused('show', 'people.example')).to.include('is not claimed here')
    expect((await actionsOf(env)).filter((action) => action.startsWith('domain.'))).to.deep.equal([
      ...['domain.claim', 'domain.claim', 'domain.prove', 'domain.prove', 'domain.update', 'domain.update'],
      'domain.release',
    ])
  })
})
