import { expect } from 'chai'
import { ROLLCALL_URN, TEAMS_URN } from '../../../src/domain/schema-urns.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { fresh, GROUP, idOf, makeGroup, makeUser, type ScimClient, USER } from './scim-client.ts'

forEachDialect('the groups of a person (RFC 7643 §4.1.2)', (dialect) => {
  let gateway: Gateway
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    client = await gateway.connect({ kind: 'script' })
  })
  after(async () => {
    client.close()
    await gateway.close()
  })

  async function groupsOf(user: string): Promise<readonly object[]> {
    const { json } = await client.get(`/Users/${user}`)
    return (json['groups'] ?? []) as readonly object[]
  }
  async function setActive(user: string, value: boolean): Promise<void> {
    const operation = { op: 'replace', path: 'active', value }
    const answer = await client.patch(`/Users/${user}`, [operation])
    expect(answer.status, answer.text).to.equal(200)
  }

  it('are all that list the person, by id, direct and once each, also while the person is deactivated', async () => {
    const { id } = await makeUser(client)
    const groups = [await makeGroup(client, [id]), await makeGroup(client, [id])].sort()
    const values = async () => (await groupsOf(id)).map((group) => group as { value: string; type: string })
    for (const active of [true, false, true]) {
      await setActive(id, active)
      expect((await values()).map(({ value, type }) => [value, type])).to.deep.equal(
        groups.map((group) => [group, 'direct']),
      )
    }
  })

  it('are indirect where a team holds a member that its group does not list', async () => {
    const displayName = fresh('indirect-team')
    const team = idOf(await client.post('/Groups', { schemas: [GROUP], displayName }))
    const account = await client.post('/Users', {
      ...{ schemas: [USER, TEAMS_URN], userName: fresh('sa-indirect'), [TEAMS_URN]: { defaultTeam: displayName } },
      [ROLLCALL_URN]: { accountType: 'SERVICE' },
    })
    expect(account.status, account.text).to.equal(201)
    const [group, ...others] = await groupsOf(idOf(account))
    expect(others).to.deep.equal([])
    expect(group).to.deep.include({ value: team, display: displayName, type: 'indirect' })
    expect((await client.get(`/Groups/${team}`)).json).to.not.have.property('members')
  })
})
