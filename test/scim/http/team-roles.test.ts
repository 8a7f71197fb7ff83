import { expect } from 'chai'
import { ROLLCALL_URN } from '../../../src/domain/schema-urns.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { type Answer, fresh, GROUP, idOf, idsOf, makeUser, type ScimClient } from './scim-client.ts'

const ROLE = 'urn:ietf:params:scim:schemas:core:2.0:Role'

forEachDialect('custom roles in teams, over HTTP', (dialect) => {
  let gateway: Gateway
  let script: ScimClient
  let teamName: string

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    script = await gateway.connect({ kind: 'script', mayGrantAdmin: true })
    teamName = fresh('team')
    await script.post('/Groups', { schemas: [GROUP], displayName: teamName })
  })
  after(async () => {
    expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
    script.close()
    await gateway.close()
  })

  const makeRole = async (name: string, inheritedFrom = 'member'): Promise<string> => {
    const answer = await script.post('/Roles', { schemas: [ROLE], name, inheritedFrom })
    expect(answer.status, answer.text).to.equal(201)
    return idOf(answer)
  }
  const rolesIn = (answer: Answer): unknown => {
    expect(answer.status, answer.text).to.be.oneOf([200, 201])
    return (answer.json[ROLLCALL_URN] as Record<string, unknown>)['teamRoles']
  }
  const give = (id: string, roleName: string): Promise<Answer> =>
    script.patch(`/Users/${id}`, [{ op: 'replace', path: 'teamRoles', value: [{ teamName, roleName }] }])

  it('are set by name or id, and shown by name in every answer', async () => {
    const name = fresh('Reviewer')
    const role = await makeRole(name)
    const { id } = await makeUser(script, { teamRoles: [{ teamName, roleName: name }] })
    const before = await script.get(`/Users/${id}`)
    expect(rolesIn(before)).to.deep.equal([{ teamName, roleName: name }])
    expect((await give(id, role)).headers.etag).to.equal(before.headers.etag)
    const put = await script.put(`/Users/${id}`, before.json)
    expect(put.json).to.deep.equal(before.json)
    const list = await script.get(`/Users?filter=${encodeURIComponent(`id eq "${id}"`)}`)
    expect((list.json['Resources'] as unknown[])[0]).to.deep.equal(before.json)
    const wandb = script.at('/scim')
    expect((await wandb.get(`/Users/${id}`)).json['teamRoles']).to.deep.equal([{ teamName, roleName: name }])
    wandb.close()
  })

  it('compare in exact case, against each other and by PUT (W&B)', async () => {
    const [upper, lower] = [fresh('Case'), fresh('x')]
    await makeRole(upper)
    await makeRole(upper.toLowerCase())
    const { id, userName } = await makeUser(script, { teamRoles: [{ teamName, roleName: upper }] })
    const body = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName }
    const put = await script.put(`/Users/${id}`, { ...body, teamRoles: [{ teamName, roleName: upper.toLowerCase() }] })
    expect(rolesIn(put)).to.deep.equal([{ teamName, roleName: upper.toLowerCase() }])
    const refused = await give(id, lower)
    expect([refused.status, refused.json['scimType']]).to.deep.equal([400, 'invalidValue'])
    expect(refused.json['detail']).to.include(lower)
  })

  it('are found by a filter in any case, and the sort takes their names', async () => {
    const name = fresh('Ärzte')
    await makeRole(name, 'viewer')
    const { id } = await makeUser(script, { teamRoles: [{ teamName, roleName: name }] })
    for (const filter of [
      `teamRoles[teamName eq "${teamName}" and roleName eq "${name.toUpperCase()}"]`,
      `teamRoles.roleName sw "${name.toLowerCase()}"`,
    ]) {
      const answer = await script.get(`/Users?sortBy=teamRoles.roleName&filter=${encodeURIComponent(filter)}`)
      expect(idsOf(answer), filter).to.deep.equal([id])
    }
    const none = await script.get(
      `/Users?filter=${encodeURIComponent(`id eq "${id}" and teamRoles.roleName eq "viewer"`)}`,
    )
    expect(idsOf(none)).to.deep.equal([])
  })

  it('change their name where they are shown, and leave their base when they are deleted', async () => {
    const role = await makeRole(fresh('Old'), 'viewer')
    const { id } = await makeUser(script)
    await give(id, role)
    const name = fresh('New')
    await script.put(`/Roles/${role}`, { name })
    expect(rolesIn(await script.get(`/Users/${id}`))).to.deep.equal([{ teamName, roleName: name }])
    expect((await script.delete(`/Roles/${role}`)).status).to.equal(204)
    expect(rolesIn(await script.get(`/Users/${id}`))).to.deep.equal([{ teamName, roleName: 'viewer' }])
  })
})
