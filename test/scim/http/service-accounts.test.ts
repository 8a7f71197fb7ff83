import { expect } from 'chai'
import { ROLLCALL_URN, TEAMS_URN } from '../../../src/domain/schema-urns.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { type Answer, fresh, GROUP, idOf, idsOf, makeUser, type ScimClient, USER } from './scim-client.ts'

const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'

function expectRefusal(answer: Answer, status: number, scimType?: string): void {
  expect(answer.status, answer.text).to.equal(status)
  expect(answer.json['scimType']).to.equal(scimType)
}

forEachDialect('service accounts over HTTP', (dialect) => {
  let gateway: Gateway
  let script: ScimClient
  /** The same at an address of W&B. */
  let wandb: ScimClient
  let teamName: string
  let teamId: string

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    script = await gateway.connect({ kind: 'script', mayGrantAdmin: true })
    wandb = script.at('/scim')
    teamName = fresh('ml-platform')
    teamId = idOf(await script.post('/Groups', { schemas: [GROUP], displayName: teamName }))
  })
  after(async () => {
    expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
    for (const client of [script, wandb]) client.close()
    await gateway.close()
  })

  const body = (more: object = {}): object => ({
    ...{ schemas: [USER, TEAMS_URN], userName: fresh('sa-deploy-bot'), accountType: 'SERVICE' },
    ...{ [TEAMS_URN]: { defaultTeam: teamName }, ...more },
  })
  const make = async (more: object = {}): Promise<Answer> => {
    const answer = await wandb.post('/Users', body(more))
    expect(answer.status, answer.text).to.equal(201)
    return answer
  }
  const path = (answer: Answer): string => `/Users/${idOf(answer)}`
  const filtered = async (client: ScimClient, filter: string): Promise<Answer> =>
    client.get(`/Users?filter=${encodeURIComponent(filter)}`)

  it('are made and shown as its documentation says on the addresses of W&B', async () => {
    const made = await make({ userName: 'sa-deploy-bot' })
    expect(made.json).to.deep.include({
      ...{ accountType: 'SERVICE', active: true, displayName: 'sa-deploy-bot', userName: 'sa-deploy-bot' },
      ...{ organizationRole: 'member', teamRoles: [{ teamName, roleName: 'member' }] },
    })
    expect(made.json).to.not.have.any.keys('emails', 'modelsSeat', 'weaveRole')
    expect((await wandb.get(path(made))).json).to.deep.equal(made.json)
    const listed = await filtered(wandb, 'userName eq "sa-deploy-bot"')
    expect((listed.json['Resources'] as object[])[0]).to.deep.equal(made.json)
    expectRefusal(await wandb.post('/Users', body({ userName: 'SA-deploy-bot' })), 409, 'uniqueness')
  })

  it('are made by the extension alone at /scim/v2', async () => {
    const answer = await script.post('/Users', {
      ...{ schemas: [USER], userName: fresh('bot'), displayName: 'A bot' },
      ...{ [ROLLCALL_URN]: { accountType: 'ORG_SERVICE' }, [TEAMS_URN]: { defaultTeam: teamName } },
    })
    expect(answer.status, answer.text).to.equal(201)
    expect(answer.json).to.include({ displayName: 'A bot' }).and.not.have.property('accountType')
    expect(answer.json[ROLLCALL_URN]).to.deep.equal({
      ...{ accountType: 'ORG_SERVICE', organizationRole: 'member', teamRoles: [{ teamName, roleName: 'member' }] },
    })
    const later = fresh('later')
    await script.post('/Groups', { schemas: [GROUP], displayName: later })
    const again = (await wandb.get(path(answer))).json['teamRoles']
    expect(again).to.have.deep.members([teamName, later].map((name) => ({ teamName: name, roleName: 'member' })))
  })

  it('are found by accountType and counted in totals (RFC 7644 §3.4.2)', async () => {
    const total = async (): Promise<unknown> => (await script.get('/Users?count=0')).json['totalResults']
    const before = await total()
    const made = await make()
    expect(await total()).to.equal(Number(before) + 1)
    const services = await filtered(wandb, 'accountType eq "SERVICE"')
    expect(idsOf(services)).to.include(idOf(made))
    const types = (services.json['Resources'] as { accountType: string }[]).map(({ accountType }) => accountType)
    expect(new Set(types)).to.deep.equal(new Set(['SERVICE']))
    expect(
      idsOf(await filtered(script, `${ROLLCALL_URN}:accountType ne "USER" and id eq "${idOf(made)}"`)),
    ).to.have.length(1)
    expect(idsOf(await filtered(script, 'accountType eq "USER"'))).to.not.include(idOf(made))
    expect(
      idsOf(await filtered(script, `teamRoles[teamName eq "${teamName}"] and id eq "${idOf(made)}"`)),
    ).to.have.length(1)
    await script.delete(path(made))
    expect(await total()).to.equal(before)
  })

  it('stay as they are when the answer of GET is PUT back (RFC 7644 §3.5.1)', async () => {
    const made = await make()
    for (const client of [script, wandb]) {
      const before = await client.get(path(made))
      const after = await client.put(path(made), before.json)
      expect([after.status, after.json]).to.deep.equal([200, before.json])
    }
    const renamed = await script.put(path(made), { schemas: [USER], userName: fresh('renamed'), displayName: 'New' })
    expect(renamed.json).to.include({ displayName: 'New' })
    expect(renamed.json[ROLLCALL_URN]).to.include({ accountType: 'SERVICE' })
  })

  it('are renamed, deactivated, activated and deleted', async () => {
    const made = await make()
    const patch = (name: string, value: unknown) => script.patch(path(made), [{ op: 'replace', path: name, value }])
    expect((await patch('displayName', 'New name')).json).to.include({ displayName: 'New name' })
    const off = await patch('active', false)
    expect(off.json).to.include({ active: false })
    expect(off.json[ROLLCALL_URN]).to.deep.equal({ accountType: 'SERVICE' })
    const on = await patch('active', true)
    expect(on.json[ROLLCALL_URN]).to.deep.include({ teamRoles: [{ teamName, roleName: 'member' }] })
    expect((await script.delete(path(made))).status).to.equal(204)
    expect((await script.get(path(made))).status).to.equal(404)
  })

  it('are not among the members of their group, whatever is done to them', async () => {
    const made = await make()
    const group = `/Groups/${teamId}`
    const { id } = await makeUser(script)
    await script.patch(group, [{ op: 'add', path: 'members', value: [{ value: id }] }])
    expect((await script.get(group)).json['members']).to.have.length(1)
    await script.patch(group, [{ op: 'remove', path: 'members' }])
    await script.put(group, { schemas: [GROUP], displayName: teamName, members: [] })
    expect((await wandb.get(path(made))).json['teamRoles']).to.deep.equal([{ teamName, roleName: 'member' }])
    expectRefusal(
      await script.patch(group, [{ op: 'add', path: 'members', value: [{ value: idOf(made) }] }]),
      400,
      'invalidValue',
    )
  })

  const bad: readonly [string, object][] = [
    ['an unknown accountType', { accountType: 'ROBOT' }],
    ['no defaultTeam', { [TEAMS_URN]: {} }],
    ['an unknown defaultTeam', { [TEAMS_URN]: { defaultTeam: 'no such team' } }],
    ['teams without the defaultTeam', { [TEAMS_URN]: { defaultTeam: 'no such team', teams: ['x'] } }],
    ['modelsSeat', { modelsSeat: 'full' }],
    ['weaveRole', { weaveRole: 'none' }],
    ['an address', { emails: [{ value: 'bot@example.com', primary: true }] }],
    ['an accountType that is no text', { accountType: 7 }],
  ]
  for (const [what, more] of bad) {
    it(`are refused with ${what}`, async () => {
      expectRefusal(await wandb.post('/Users', body(more)), 400, 'invalidValue')
    })
  }

  it('have an immutable accountType and default team (RFC 7643 §2.2)', async () => {
    const made = await make()
    const patch = (name: string, value: unknown) => script.patch(path(made), [{ op: 'replace', path: name, value }])
    expect((await patch('accountType', 'SERVICE')).headers.etag).to.equal(made.headers.etag)
    expect((await patch(`${TEAMS_URN}:defaultTeam`, teamName)).headers.etag).to.equal(made.headers.etag)
    expectRefusal(await patch('accountType', 'USER'), 400, 'mutability')
    expectRefusal(await patch(`${TEAMS_URN}:defaultTeam`, 'other'), 400, 'mutability')
    expectRefusal(await script.put(path(made), body({ accountType: 'ORG_SERVICE' })), 400, 'mutability')
    expectRefusal(await patch('modelsSeat', 'full'), 400, 'invalidValue')
  })

  it('are made in Bulk in the team that the same request makes (RFC 7644 §3.7)', async () => {
    const name = fresh('team')
    const answer = await script.post('/Bulk', {
      schemas: [BULK],
      Operations: [
        { method: 'POST', path: '/Groups', bulkId: 'g', data: { schemas: [GROUP], displayName: name } },
        { method: 'POST', path: '/Users', bulkId: 'u', data: body({ [TEAMS_URN]: { defaultTeam: name } }) },
      ],
    })
    const statuses = (answer.json['Operations'] as { status: string }[]).map(({ status }) => status)
    expect(statuses, answer.text).to.deep.equal(['201', '201'])
  })
})
