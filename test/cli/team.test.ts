import { expect } from 'chai'
import { actionsOf, askRollcall, runRollcall } from '../support/cli.ts'
import { forEachDialect } from '../support/databases.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ScimClient } from '../support/scim-client.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

interface ShownTeam {
  readonly id: string
  readonly name: string
  readonly memberCount: number
  readonly archived: string | null
}

forEachDialect('teams and roles by command, beside a running server', (dialect) => {
  let gateway: TestGateway
  let env: Readonly<Record<string, string>>
  let client: ScimClient

  before(async () => {
    gateway = await startTestGateway(dialect)
    env = gateway.env
    client = new ScimClient(gateway.base, gateway.token)
    for (const userName of ['ann', 'bob']) {
      const emails = [{ value: `${userName}@example.com`, primary: true }]
      await client.post('/Users', { schemas: [USER], userName, emails })
    }
  })
  after(async () => {
    client.close()
    await gateway.stop()
  })

  async function refused(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await runRollcall(args, env)
    expect([status, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.match(/^rollcall: [^\n]+\n$/)
    return stderr
  }

  it('makes, fills, shows, archives and restores a team, which SCIM sees as a group at once', async () => {
    const made = await askRollcall<ShownTeam>(['team', 'create', 'Lab', '--hidden', '--inviters', 'members'], env)
    expect((await client.get(`/Groups/${made.id}`)).body['displayName']).to.equal('Lab')
    await askRollcall(['team', 'add', 'lab', 'ann@example.com', '--role', 'admin'], env)
    expect(await askRollcall(['team', 'add', made.id, 'BOB'], env)).to.include({ role: 'member', changed: true })
    expect(await askRollcall(['team', 'role', 'lab', 'bob', 'viewer'], env)).to.include({ role: 'viewer' })
    expect(await askRollcall(['team', 'role', 'lab', 'bob'], env)).to.include({ role: 'member', changed: true })
    const { stdout } = await runRollcall(['team', 'members', 'Lab'], env)
    expect(stdout)
      .to.match(/ann +active +admin +explicit:\S+ +manual\n/)
      .and.to.match(/bob +active +member/)
    expect(await askRollcall(['team', 'remove', 'lab', 'bob'], env)).to.include({ role: null, changed: true })
    const bucket = ['--bucket', 'files', '--provider', 'AWS', '--default-role', 'viewer', '--name', 'Labs']
    expect(await askRollcall(['team', 'change', 'lab', ...bucket], env)).to.deep.include({
      ...{ name: 'Labs', storageBucket: { name: 'files', provider: 'AWS' }, hidden: true, inviters: 'members' },
    })
    expect(await refused('team', 'change', 'labs', '--bucket', 'files')).to.include('--bucket and --provider together')
    expect((await askRollcall<ShownTeam>(['team', 'archive', 'labs'], env)).archived).to.be.a('string')
    expect(await askRollcall(['team', 'list', '--archived'], env)).to.have.length(1)
    expect((await askRollcall<ShownTeam>(['team', 'restore', 'labs'], env)).archived).to.equal(null)
    expect((await runRollcall(['team', 'list', '--search', 'LAB'], env)).stdout).to.contain('Labs')
    expect((await actionsOf(env)).filter((action) => /^(team|member)\./.test(action))).to.deep.equal([
      ...['team.create', 'member.add', 'member.add', 'member.update', 'member.update', 'member.remove'],
      ...['team.update', 'team.archive', 'team.restore'],
    ])
  })

  it('restores a group that an identity provider deleted, with its members', async () => {
    const people = await client.get('/Users?filter=userName%20eq%20%22bob%22')
    const [bob] = people.body['Resources'] as readonly { readonly id: string }[]
    const members = [{ value: bob!.id }]
    const group = await client.post('/Groups', { schemas: [GROUP], displayName: 'Pushed', members })
    const id = group.body['id'] as string
    await client.delete(`/Groups/${id}`)
    expect(await askRollcall(['team', 'list', '--deleted'], env)).to.have.length(1)
    const restored = await askRollcall<ShownTeam>(['team', 'restore', 'pushed', '--name', 'Back'], env)
    expect(restored).to.include({ id, name: 'Back', memberCount: 1 })
    expect(await refused('team', 'restore', 'pushed')).to.include('no archived or deleted team "pushed"')
  })

  it('makes, shows, changes and deletes a custom role, and gives it in a team', async () => {
    const permit = ['--permit', 'run:delete', 'project:read']
    const made = await askRollcall<{ id: string }>(['role', 'create', 'Own', '--base', 'viewer', ...permit], env)
    await askRollcall(['team', 'create', 'Roles'], env)
    await askRollcall(['team', 'add', 'roles', 'ann', '--role', 'Own'], env)
    const { stdout } = await runRollcall(['role', 'show', 'Own'], env)
    expect(stdout)
      .to.match(/project:read +viewer\n/)
      .and.to.match(/run:delete +this role\n/)
    const change = ['role', 'change', made.id, '--forbid', 'run:delete', '--permit', 'team:update']
    expect(await askRollcall(change, env)).to.include({ changed: true })
    expect(await refused('role', 'change', 'Own', '--forbid', 'run:read')).to.include('comes with the base viewer')
    expect(await refused('role', 'create', 'Wide', '--permit', 'run:fly')).to.include(
      'there is no "run:fly". Operations there are create, read, update, stop, delete',
    )
    expect(await refused('role', 'create', 'Wide', '--permit', 'org:delete')).to.include('Objects are project, run')
    expect(await refused('role', 'create', 'Admin')).to.include('must not be that of a built-in role')
    expect(await refused('role', 'show', 'OWN')).to.include('in exactly this case')
    expect((await runRollcall(['role', 'list'], env)).stdout).to.contain('team:update')
    const { stdout: foreseen } = await runRollcall(['role', 'delete', 'Own', '--preview'], env)
    expect(foreseen).to.match(/^People: 1 of 1 change, [^\n]*\n {2}ann[^\n]*: team Roles [^\n]*-> viewer\n/)
    expect((await runRollcall(['role', 'change', 'Own', '--base', 'member', '--preview'], env)).stdout).to.match(
      /^People: /,
    )
    await askRollcall(['role', 'delete', 'Own'], env)
    const [member] = await askRollcall<readonly { role: string }[]>(['team', 'members', 'roles'], env)
    expect(member?.role).to.equal('viewer')
  })

  it('says which team or person is not there', async () => {
    expect(await refused('team', 'show', 'nowhere')).to.include('has no team "nowhere"')
    await askRollcall(['team', 'create', 'Empty'], env)
    expect(await refused('team', 'add', 'empty', 'nobody')).to.include('invite them to the organization first')
    expect(await refused('team', 'create', 'EMPTY')).to.include('has this displayName already')
  })
})
