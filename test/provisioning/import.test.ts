import { expect } from 'chai'
import type { Caller } from '../../src/domain/caller.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createTeam } from '../../src/provisioning/create-team.ts'
import { importProblem, importRow, planImport } from '../../src/provisioning/import-people.ts'
import { type LineProblem, readImportFile } from '../../src/provisioning/import-rows.ts'
import { peopleCsv } from '../../src/provisioning/people-csv.ts'
import { operatorOf } from '../support/callers.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, problemsOf, teamsOf, type Tenant } from '../support/tenant.ts'

const HEADER = 'user name,name,e-mail,org role,seats,teams,status'

describe('a CSV of people', () => {
  it('is read in any order of columns, with quotes, byte order mark, either end of line and guarded formulas', () => {
    const text = '\uFEFFTeams,User Name\r\n"Lab: admin; A: b: viewer\r\n;Zoo",\'=ann\r\n,bob\r\n'
    const { rows, problems } = readImportFile(text.replace('viewer\r\n;', 'viewer;'))
    expect(problems).to.deep.equal([])
    expect(rows.map(({ line, userName, teams }) => [line, userName, [...teams]])).to.deep.equal([
      [
        2,
        '=ann',
        [
          ['Lab', 'admin'],
          ['A: b', 'viewer'],
          ['Zoo', undefined],
        ],
      ],
      [3, 'bob', []],
    ])
  })

  it('has its columns known however their names are written', () => {
    const { rows, problems } = readImportFile('userName,E_Mail,orgRole\nann,ann@x.example,admin\n')
    expect(problems).to.deep.equal([])
    expect(rows).to.have.length(1)
    expect(rows[0]).to.deep.include({ userName: 'ann', email: 'ann@x.example', orgRole: 'admin' })
    expect(readImportFile('userName,user name\na,b\n').problems[0]?.problem).to.include('is there twice')
  })

  it('has every wrong line named with what is wrong', () => {
    const lines = [
      HEADER,
      ',Nobody,,,,,',
      'ann,,not an address,,,,',
      'bob,,,owner,,,',
      'cy,,,,models: half,,',
      'di,,,,,,gone',
      'ed,too,few',
      'flo,,,,,,active',
      'FLO,,,,,,active',
      'gus,,,,weave,,',
    ]
    const { rows, problems } = readImportFile(lines.join('\n'))
    expect(rows.map(({ userName, line }) => [userName, line])).to.deep.equal([['flo', 8]])
    expect(problems.map(({ line, problem }) => `${line} ${problem}`)).to.deep.equal([
      '2 user name is empty',
      '3 e-mail is no address',
      '4 org role is none of admin, member, viewer',
      '5 the seat of models is none of full, viewer, none',
      '6 status is none of active, deactivated',
      '7 has 3 cells, wanted are 7',
      '9 the user name "FLO" is on line 8 already',
      '10 the seat of weave is none of full, viewer, none',
    ])
  })

  it('counts lines as an editor does, also behind a cell of several', () => {
    const { problems } = readImportFile('user name,name\n"ann","A\nB"\n,x\n')
    expect(problems.map(({ line }) => line)).to.deep.equal([2, 4])
  })

  it('is refused as a whole where its header is not ours, or it is no CSV', () => {
    for (const [text, problem] of [
      ['name\nx', 'the column "user name" is missing'],
      ['user name,shoe size\nx,1', 'there is no column "shoe size"; there are user name, name'],
      ['user name,USER NAME\nx,y', 'the column "user name" is there twice'],
      ['', 'the column "user name" is missing'],
      ['user name\n"x', 'is no CSV'],
    ] as const) {
      const read = readImportFile(text)
      expect(read.rows).to.deep.equal([])
      expect(read.problems[0]?.problem, text).to.contain(problem)
    }
  })
})

forEachDialect('importing people', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let operator: Caller

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())
  beforeEach(async () => {
    tenant = await foundTenant(test)
    operator = operatorOf(tenant.orgId)
    await createTeam(tenant.provisioning, operator, { name: 'Lab' }).durable
  })
  afterEach(async () => {
    expect(await problemsOf(test, tenant.orgId)).to.deep.equal([])
  })

  const plan = (text: string) => planImport(test.store.reads, tenant.orgId, readImportFile(text).rows)
  const run = async (text: string): Promise<readonly (string | LineProblem)[]> => {
    const { planned, problems } = await plan(text)
    expect(problems).to.deep.equal([])
    return Promise.all(
      planned.map((each) =>
        importRow(tenant.provisioning, operator, each).catch((error: unknown) => importProblem(each.row, error)),
      ),
    )
  }
  const exported = async (): Promise<string> => {
    let text = ''
    for await (const piece of peopleCsv(test.store.reads, tenant.orgId)) text += piece
    return text
  }

  it('makes and changes people with role, seats and teams, and changes nothing when it is run again', async () => {
    await tenant.user('bob', { attributes: { displayName: 'Bob' } })
    const text = [
      HEADER,
      'ann,Ann Lee,ann@example.com,admin,models: viewer,Lab: admin,',
      'BOB,Robert,,member,,lab,active',
      'cy,,,,,,deactivated',
    ].join('\n')
    const { planned } = await plan(text)
    expect(planned.map(({ act }) => act)).to.deep.equal(['create', 'change', 'create'])
    expect(await run(text)).to.deep.equal(['create', 'change', 'create'])
    const { rows } = await test.store.reads.users.page(tenant.orgId, {
      ...{ filter: undefined, sort: undefined, startIndex: 1, count: 10 },
      viewer: { connectionId: undefined, kind: 'script' },
    })
    const [bob, ann, cy] = ['bob', 'ann', 'cy'].map((name) => rows.find((user) => user.attributes.userName === name)!)
    expect([ann!.orgRole, cy!.status]).to.deep.equal(['admin', 'deactivated'])
    expect(bob!.attributes['displayName']).to.equal('Robert')
    const lab = (await test.store.reads.teams.named(tenant.orgId, 'lab'))!.id
    expect([await teamsOf(test, tenant.orgId, ann!.id), await teamsOf(test, tenant.orgId, bob!.id)]).to.deep.equal([
      [`${lab} admin`],
      [`${lab} member`],
    ])
    const head = await test.store.reads.records.head(tenant.orgId)
    expect((await plan(text)).planned.map(({ act }) => act)).to.deep.equal(['same', 'same', 'same'])
    expect(await run(text)).to.deep.equal(['same', 'same', 'same'])
    expect(await test.store.reads.records.head(tenant.orgId)).to.deep.equal(head)
  })

  it('takes what was exported as it is', async () => {
    await run([HEADER, 'ann,=1+1,ann@example.com,viewer,,Lab,', 'bob,,,,weave: none,,deactivated'].join('\n'))
    const text = await exported()
    expect((await plan(text)).planned.map(({ act }) => act)).to.deep.equal(['same', 'same'])
    expect(readImportFile(text).problems).to.deep.equal([])
  })

  it('finds ahead what a line names that is not there, and what an identity provider manages', async () => {
    await createGroup(tenant.provisioning, tenant.idp, { displayName: 'Pushed', externalId: undefined, members: [] })
      .durable
    const text = [HEADER, 'ann,,,,cars: full,,', 'bob,,,,,Nowhere; Lab: boss,', 'cy,,,,,Pushed,', 'di,,,,,Lab,'].join(
      '\n',
    )
    const { planned, problems } = await plan(text)
    expect(planned.map(({ row }) => row.userName)).to.deep.equal(['di'])
    expect(problems.map(({ line, problem }) => `${line} ${problem}`)).to.deep.equal([
      '2 there is no product "cars"',
      '3 there is no team "Nowhere"',
      '3 there is no role "boss"; case counts in custom ones',
      '4 the team "Pushed" is managed by a group of an identity provider',
    ])
  })

  it('says of a line that is refused why, and does the others', async () => {
    await run([HEADER, 'ann,,,admin,,,'].join('\n'))
    const outcomes = await run([HEADER, 'ann,,,member,,,', 'bob,,,,,,'].join('\n'))
    expect(outcomes[0]).to.include({ line: 2 })
    expect((outcomes[0] as LineProblem).problem).to.contain('last active admin')
    expect(outcomes[1]).to.equal('create')
  })
})
