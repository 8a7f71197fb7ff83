import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CommandPorts, Operator } from '../../src/cli/ports.ts'
import { createProgram } from '../../src/cli/program.ts'
import { readRulesFile } from '../../src/cli/rules-file.ts'
import { packageRoot } from '../../src/config.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRole } from '../../src/provisioning/create-role.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { actionsOf, foundTenant, operation, problemsOf, teamsOf, type Tenant } from '../support/tenant.ts'

forEachDialect('rules of an organisation as a file', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let folder: string
  let told: string[]

  before(async () => {
    test = await openTestStore(dialect)
    folder = mkdtempSync(join(tmpdir(), 'rollcall-rules-'))
  })
  after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await test.close()
  })
  beforeEach(async () => {
    tenant = await foundTenant(test)
    await group('research')
  })
  afterEach(async () => {
    await tenant.jobs()
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const group = async (displayName: string, people: readonly string[] = []) => {
    const members = people.map((value) => ({ value }))
    return (await createGroup(tenant.provisioning, tenant.idp, { displayName, externalId: undefined, members }).durable)
      .id
  }

  /** What a command writes, over the store itself. @throws what the command refuses */
  async function run(...args: readonly string[]): Promise<string> {
    const lines: string[] = []
    told = []
    const operator: Operator = {
      reads: test.store.reads,
      provisioning: tenant.provisioning,
      log: undefined as never,
      finishErasure: notAsked,
      sinks: undefined as never,
      providers: undefined as never,
      backup: notAsked,
      operation,
      mintToken: notAsked,
      mintSetupLink: notAsked,
      mintResetLink: notAsked,
      mail: undefined,
      packDir: undefined,
      unreachableDirectories: () => Promise.resolve([]),
      lookUpProof: () => Promise.resolve('unknown'),
      trustProblem: () => undefined,
    }
    const ports = {
      out: (text: string) => lines.push(text),
      err: (text: string) => told.push(text),
      withStore: (work: (given: Operator) => Promise<unknown>) => work(operator),
    } as unknown as CommandPorts
    await createProgram(ports, '0').parseAsync([...args, '--org', tenant.orgId], { from: 'user' })
    return lines.join('\n')
  }

  function file(text: string): string {
    const path = join(folder, 'rules.yaml')
    writeFileSync(path, text)
    return path
  }

  const refused = async (text: string): Promise<string> => {
    const error: unknown = await run('rules', 'apply', '-f', file(text)).catch((caught: unknown) => caught)
    expect(error, text).to.be.instanceOf(Error)
    const sentences = told.length > 0 ? told.join('\n') : (error as Error).message
    return sentences.replaceAll(join(folder, 'rules.yaml'), 'F')
  }

  const TWO = `
rules:
  - name: Leads
    match: {name: ML-Leads}
    grants:
      - {team: research, role: admin}
      - {seat: weave, type: none}
  - match: everyone
    enabled: false
    grants: [{orgRole: viewer}]
`

  it('is planned with its effect, applied, and exported as what it was', async () => {
    const ann = await tenant.user('ann@example.com')
    const feeding = await group('ml-leads', [ann.id])
    const plan = await run('rules', 'plan', '-f', file(TWO))
    expect(plan.split('\n')).to.include.members([
      '+ name ML-Leads: seat weave: none, team research: admin',
      '+ everyone: org role: viewer, off',
      'Rules: 2 new, 0 changed, 0 gone, 0 as they were',
      'People: 1 of 1 change, 1 gain, 1 lose; admins 0 -> 0',
      '  ann@example.com: team research none -> admin, seat weave full -> none',
      'Warning: The rule "everyone" is for every person of the organization',
    ])
    expect(await test.store.reads.rules.list(tenant.orgId)).to.deep.equal([])
    expect(await run('rules', 'apply', '-f', file(TWO))).to.match(/Rules: 2 new, 0 changed, 0 gone/)
    expect((await teamsOf(test, tenant.orgId, ann.id)).filter((held) => !held.startsWith(feeding))).to.have.length(1)
    const exported = await run('rules', 'export')
    expect(await run('rules', 'plan', '-f', file(exported))).to.include('0 new, 0 changed, 0 gone, 2 as they were')
    const before = await actionsOf(test, tenant.orgId)
    await run('rules', 'apply', '-f', file(exported))
    expect(await actionsOf(test, tenant.orgId), 'nothing to do leaves nothing').to.deep.equal(before)
    const changed = TWO.replace('role: admin', 'role: viewer').replace(/ {2}- match: everyone[^]*/, '')
    expect(await run('rules', 'apply', '-f', file(changed))).to.equal(
      [
        '~ name ML-Leads',
        '    was Leads seat weave: none, team research: admin',
        '    is  Leads seat weave: none, team research: viewer',
        '- everyone: org role: viewer, off',
        'Rules: 0 new, 1 changed, 1 gone, 0 as they were',
      ].join('\n'),
    )
    expect((await actionsOf(test, tenant.orgId)).slice(-2)).to.deep.equal(['rule.delete', 'rule.update'])
    const listed = JSON.parse(await run('rules', 'list', '--json')) as readonly object[]
    expect(listed).to.have.length(1)
  })

  it('hands the last admin from one rule to another in one step', async () => {
    const ann = await tenant.user('ann')
    await group('one', [ann.id])
    await group('two', [ann.id])
    const of = (name: string) => `rules: [{match: {name: ${name}}, grants: [{orgRole: admin}]}]`
    await run('rules', 'apply', '-f', file(of('one')))
    await run('rules', 'apply', '-f', file(of('two')))
    expect((await test.store.reads.users.find(tenant.orgId, ann.id))?.orgRole).to.equal('admin')
    expect(await refused('rules: []')).to.match(/last active admin/)
  })

  it('is refused with every mistake by line and column, and nothing is applied', async () => {
    const text = [
      'rules:',
      '  - match: {name: a, colour: red}',
      '    grant: []',
      '    grants:',
      '      - {team: research}',
      '      - {orgRole: [admin]}',
      '  - match: nobody',
      '    enabled: maybe',
      'extra: 1',
    ].join('\n')
    const mistakes = (await refused(text)).split('\n').map((line) => line.replace(/; there are .*$/, ''))
    expect(mistakes).to.deep.equal([
      'F:9:1: "extra" is no key of the file',
      'F:3:5: "grant" is no key of a rule',
      'F:2:22: "colour" is no key of match',
      'F:5:9: a grant is team and role, or orgRole, or seat and type',
      'F:6:19: orgRole must be text',
      'F:7:12: match is everyone, or has one of name, glob and externalId, and connection where only one counts',
      'F:8:14: enabled must be true or false',
    ])
    expect(await refused('rules:\n  - match: {name: a\n')).to.match(/^F:\d+:\d+: /)
    expect(await refused('rules:\n  - match: everyone\n    match: everyone\n')).to.match(/^F:3:5: .*unique/)
    expect(await refused('- a')).to.match(/^F:1:1: the file must have keys: rules/)
    expect(await test.store.reads.rules.list(tenant.orgId)).to.deep.equal([])
  })

  it('is refused at the line that names what is not there, or what is said twice', async () => {
    const team =
      'rules:\n  - match: {name: a}\n    grants:\n      - {orgRole: member}\n      - {team: missing, role: admin}\n'
    expect(await refused(team)).to.equal('F:5:16: grants[1].team: there is no team "missing"; make it first.')
    const role = 'rules:\n  - match: everyone\n    grants: [{team: research, role: boss}]\n'
    expect(await refused(role)).to.match(/^F:3:37: grants\[0\]\.role: there is no role "boss"/)
    const twice =
      'rules:\n  - {match: {name: a}, grants: [{orgRole: member}]}\n  - {match: {name: A}, grants: [{orgRole: viewer}]}\n'
    expect(await refused(twice)).to.match(/^F:3:13: There is a rule for name A above already/)
    expect(await test.store.reads.rules.list(tenant.orgId)).to.deep.equal([])
  })

  it('comes with an example that can be applied where its teams and roles are', async () => {
    const script = { ...operation(), orgId: tenant.orgId, connection: undefined }
    for (const name of ['ml-research', 'platform', 'lobby']) await group(name)
    const state = { name: 'Release manager', description: undefined, base: 'member', permissions: [] } as const
    await createRole(tenant.provisioning, script, state).durable
    await tenant.connect('idp', 'default')
    const answer = await run('rules', 'apply', '-f', join(packageRoot(), 'config', 'rules.example.yaml'))
    expect(answer).to.include('Rules: 5 new')
  })

  it('explains a person by userName, with what lost', async () => {
    const ann = await tenant.user('ann@example.com')
    const leads = await group('ml-leads', [ann.id])
    await run('rules', 'apply', '-f', file(TWO))
    const lines = (await run('explain', 'ANN@example.com')).split('\n')
    expect(lines).to.include.members([
      'ann@example.com, active',
      'seat of weave: none (rule "Leads" through the group ml-leads)',
      '    not full (default of the organization)',
      'team research: admin (rule "Leads" through the group ml-leads)',
    ])
    expect(lines.join('\n')).not.to.include('Groups within groups')
    const inner = { displayName: 'All leads', externalId: undefined, members: [{ value: leads }] }
    await createGroup(tenant.provisioning, tenant.idp, inner).durable
    const nested = (await run('explain', ann.id)).split('\n')
    expect(nested.slice(-2)).to.deep.equal([
      'nothing through group All leads, which only holds the group ml-leads',
      'Groups within groups grant nothing: identity providers push who is in them as members.',
    ])
    const answer = JSON.parse(await run('explain', ann.id, '--json')) as { values: readonly object[] }
    expect(answer.values).to.have.length(5)
  })
})

describe('a file of rules', () => {
  it('may hold numbers where text is meant, and says nothing of what it leaves out', () => {
    const { rules } = readRulesFile('rules: [{match: {externalId: 0012, connection: okta}, directoryOnly: true}]', 'f')
    expect(rules).to.deep.equal([
      {
        ...{ name: undefined, directoryOnly: true, enabled: undefined, grants: [] },
        match: { kind: 'externalId', value: '0012', connection: 'okta' },
      },
    ])
  })
})

function notAsked(): never {
  throw new Error('not asked for')
}
