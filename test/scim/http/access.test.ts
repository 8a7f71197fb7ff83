import { expect } from 'chai'
import { ROLLCALL_URN, TEAMS_URN, WANDB_URN } from '../../../src/domain/schema-urns.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { type Answer, fresh, GROUP, idOf, idsOf, makeUser, type ScimClient, USER } from './scim-client.ts'

type Values = Record<string, unknown>

/** The extension of a person's answer. */
function accessIn(answer: Answer): Values {
  expect(answer.status, answer.text).to.be.oneOf([200, 201])
  return answer.json[ROLLCALL_URN] as Values
}

function expectRefusal(answer: Answer, status: number, scimType?: string): void {
  expect(answer.status, answer.text).to.equal(status)
  expect(answer.json['scimType']).to.equal(scimType)
}

const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }]
const remove = (path: string) => [{ op: 'remove', path }]

forEachDialect('what a person may do, over HTTP', (dialect) => {
  let gateway: Gateway
  let idp: ScimClient
  /** A script that may grant admin. */
  let script: ScimClient
  /** A script that may not. */
  let plain: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    idp = gateway.client()
    script = await gateway.connect({ kind: 'script', mayGrantAdmin: true })
    plain = await gateway.connect({ kind: 'script' })
    // An org with an admin that no test touches, so that "last admin" is asked for in its own test alone.
    await makeUser(script, { organizationRole: 'admin' })
  })
  after(async () => {
    expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
    for (const client of [idp, script, plain]) client.close()
    await gateway.close()
  })

  const team = async (client = script): Promise<string> => {
    const displayName = fresh('team')
    const answer = await client.post('/Groups', { schemas: [GROUP], displayName })
    expect(answer.status, answer.text).to.equal(201)
    return displayName
  }
  const path = (id: string): string => `/Users/${id}`

  it('is shown as effective values in the extension, and in `schemas` (RFC 7643 §3.3)', async () => {
    const { id } = await makeUser(idp)
    const answer = await idp.get(path(id))
    expect(accessIn(answer)).to.deep.equal({
      organizationRole: 'member',
      modelsSeat: 'full',
      weaveRole: 'full',
      accountType: 'USER',
    })
    expect(answer.json['schemas']).to.include(ROLLCALL_URN)
    expect(answer.json).to.not.have.property('organizationRole')
  })

  it('is shown at the top level as well on the mounts of W&B, and only there', async () => {
    const { id } = await makeUser(idp)
    for (const mount of ['/scim', '/api/scim']) {
      const client = idp.at(mount)
      expect((await client.get(path(id))).json).to.include({ organizationRole: 'member', modelsSeat: 'full' })
      const only = await client.get(`${path(id)}?attributes=weaveRole`)
      expect(only.json['weaveRole']).to.equal('full')
      expect(only.json).to.not.have.any.keys('modelsSeat', 'userName')
      const without = await client.get(`${path(id)}?excludedAttributes=weaveRole`)
      expect(without.json).to.include({ modelsSeat: 'full' }).and.not.have.property('weaveRole')
      client.close()
    }
  })

  it('is published with its characteristics, at the top level where it is shown there (RFC 7643 §7)', async () => {
    type Schema = { attributes: { name: string; mutability: string; canonicalValues?: string[] }[] }
    const attribute = async (mount: string, urn: string, name: string) => {
      const client = idp.at(mount)
      const schema = (await client.get(`/Schemas/${urn}`)).json as unknown as Schema
      client.close()
      return schema.attributes.find((each) => each.name === name)
    }
    expect(await attribute('/scim/v2', ROLLCALL_URN, 'teamRoles')).to.include({ mutability: 'readOnly' })
    expect(await attribute('/scim', ROLLCALL_URN, 'teamRoles')).to.include({ mutability: 'readWrite' })
    expect(await attribute('/scim/v2', ROLLCALL_URN, 'accountType')).to.include({ mutability: 'immutable' })
    expect(await attribute('/scim/v2', ROLLCALL_URN, 'daysActive')).to.include({ mutability: 'readOnly' })
    expect((await attribute('/scim/v2', ROLLCALL_URN, 'modelsSeat'))?.canonicalValues).to.include('viewer')
    expect(await attribute('/scim/v2', USER, 'organizationRole')).to.equal(undefined)
    expect(await attribute('/api/scim', USER, 'organizationRole')).to.include({ mutability: 'readWrite' })
  })

  for (const mount of ['/scim/v2', '/scim', '/api/scim']) {
    it(`stays as it is when the answer of GET is PUT back at ${mount} (RFC 7644 §3.5.1)`, async () => {
      const client = script.at(mount)
      const teamName = await team()
      for (const organizationRole of ['admin', 'member', 'viewer']) {
        const { id } = await makeUser(client, {
          organizationRole,
          teamRoles: [{ teamName, roleName: 'admin' }],
          registryRoles: [{ registryName: 'r', roleName: 'admin' }],
        })
        const before = await client.get(path(id))
        const after = await client.put(path(id), before.json)
        expect(after.json).to.deep.equal(before.json)
      }
      client.close()
    })
  }

  it('is left alone by a PUT that does not name it, and cleared by null', async () => {
    const { id, userName } = await makeUser(script, { organizationRole: 'viewer', weaveRole: 'none' })
    const bare = await script.put(path(id), { schemas: [USER], userName })
    expect(accessIn(bare)).to.include({ organizationRole: 'viewer', weaveRole: 'none' })
    const cleared = await script.put(path(id), { schemas: [USER], userName, organizationRole: null, weaveRole: '' })
    expect(accessIn(cleared)).to.include({ organizationRole: 'member', weaveRole: 'full' })
  })

  for (const form of ['organizationRole', `${ROLLCALL_URN}:organizationRole`, `${WANDB_URN}:organizationRole`]) {
    it(`is set and cleared by the path ${form}`, async () => {
      const { id } = await makeUser(script)
      expect(accessIn(await script.patch(path(id), replace(form, 'Viewer')))).to.include({
        organizationRole: 'viewer',
        modelsSeat: 'viewer',
      })
      expect(accessIn(await script.patch(path(id), remove(form)))).to.include({ organizationRole: 'member' })
    })
  }

  it('is taken under the extension, under the URN of W&B and without a path', async () => {
    const { id } = await makeUser(script, { [WANDB_URN]: { organizationRole: 'viewer' } })
    expect(accessIn(await script.get(path(id)))).to.include({ organizationRole: 'viewer' })
    const body = { [ROLLCALL_URN]: { organizationRole: 'member', modelsSeat: 'none' } }
    const answer = await script.patch(path(id), [{ op: 'replace', value: body }])
    expect(accessIn(answer)).to.include({ organizationRole: 'member', modelsSeat: 'none' })
  })

  it('changes no version when it is stated a second time', async () => {
    const { id } = await makeUser(script)
    const first = await script.patch(path(id), replace('organizationRole', 'member'))
    const second = await script.patch(path(id), replace('organizationRole', 'member'))
    expect(second.headers.etag).to.equal(first.headers.etag)
  })

  it('keeps explicit values over deactivation, and an old echo does not change them', async () => {
    const { id } = await makeUser(script, { organizationRole: 'viewer' })
    const before = await script.get(path(id))
    await script.patch(path(id), replace('active', false))
    const back = await script.put(path(id), before.json)
    expect(accessIn(back)).to.deep.equal(accessIn(before))
  })

  describe('teamRoles', () => {
    it('join a team that nobody manages, and set the role there alone', async () => {
      const [one, two] = [await team(), await team()]
      const { id } = await makeUser(script, { teamRoles: [{ teamName: one, roleName: 'viewer' }] })
      const answer = await script.patch(path(id), replace('teamRoles', [{ teamName: two, roleName: 'Admin' }]))
      expect(accessIn(answer)['teamRoles']).to.have.deep.members([
        { teamName: one, roleName: 'viewer' },
        { teamName: two, roleName: 'admin' },
      ])
      expect((answer.json['groups'] as unknown[]).length).to.equal(2)
    })

    it('lose the explicit role by a path with a filter, and keep the membership', async () => {
      const teamName = await team()
      const { id } = await makeUser(script, { teamRoles: [{ teamName, roleName: 'admin' }] })
      const answer = await script.patch(path(id), remove(`teamRoles[teamName eq "${teamName}"]`))
      expect(accessIn(answer)['teamRoles']).to.deep.equal([{ teamName, roleName: 'member' }])
    })

    it('change by a value path', async () => {
      const teamName = await team()
      const { id } = await makeUser(script, { teamRoles: [{ teamName, roleName: 'admin' }] })
      const answer = await script.patch(path(id), replace(`teamRoles[teamName eq "${teamName}"].roleName`, 'viewer'))
      expect(accessIn(answer)['teamRoles']).to.deep.equal([{ teamName, roleName: 'viewer' }])
    })

    it('refuse a team of an identity provider that the person is not in, and name its group', async () => {
      const teamName = await team(idp)
      const { id } = await makeUser(script)
      const refused = await script.patch(path(id), replace('teamRoles', [{ teamName, roleName: 'admin' }]))
      expectRefusal(refused, 400, 'invalidValue')
      expect(refused.json['detail']).to.include(teamName)
      const group = idsOf(await idp.get(`/Groups?filter=displayName eq "${teamName}"`.replaceAll(' ', '%20')))[0]
      await idp.patch(`/Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: id }] }])
      const taken = await script.patch(path(id), replace('teamRoles', [{ teamName, roleName: 'admin' }]))
      expect(accessIn(taken)['teamRoles']).to.deep.equal([{ teamName, roleName: 'admin' }])
    })

    it('are joined by the extension for teams', async () => {
      const teamName = await team()
      const { id } = await makeUser(script, { [TEAMS_URN]: { teams: [teamName] } })
      expect(accessIn(await script.get(path(id)))['teamRoles']).to.deep.equal([{ teamName, roleName: 'member' }])
    })
  })

  it('keeps registry roles as stated: added one by one, removed by name, or all', async () => {
    const { id } = await makeUser(script)
    const add = (registryName: string, roleName: string) =>
      script.patch(path(id), [{ op: 'add', path: 'registryRoles', value: [{ registryName, roleName }] }])
    await add('a', 'admin')
    await add('b', 'member')
    expect(accessIn(await add('a', 'viewer'))['registryRoles']).to.deep.equal([
      { registryName: 'a', roleName: 'viewer' },
      { registryName: 'b', roleName: 'member' },
    ])
    const one = await script.patch(path(id), remove('registryRoles[registryName eq \\"a\\"]'))
    expect(accessIn(one)['registryRoles']).to.deep.equal([{ registryName: 'b', roleName: 'member' }])
    expect(accessIn(await script.patch(path(id), remove('registryRoles')))).to.not.have.property('registryRoles')
  })

  it('can be filtered by', async () => {
    const teamName = await team()
    const { id } = await makeUser(script, {
      organizationRole: 'viewer',
      weaveRole: 'none',
      teamRoles: [{ teamName, roleName: 'viewer' }],
      registryRoles: [{ registryName: teamName, roleName: 'admin' }],
    })
    for (const filter of [
      `teamRoles[teamName eq "${teamName.toUpperCase()}" and roleName eq "viewer"]`,
      `registryRoles.registryName eq "${teamName}"`,
      `organizationRole eq "VIEWER" and weaveRole eq "none" and ${ROLLCALL_URN}:teamRoles.teamName sw "${teamName}"`,
      `id eq "${id}" and accountType eq "USER" and modelsSeat pr`,
    ]) {
      const answer = await script.get(`/Users?sortBy=teamRoles.teamName&filter=${encodeURIComponent(filter)}`)
      expect(answer.status, answer.text).to.equal(200)
      expect(idsOf(answer), filter).to.deep.equal([id])
    }
  })

  const bad: readonly [string, unknown[], string][] = [
    ['an unknown role', replace('organizationRole', 'owner'), 'invalidValue'],
    ['a role that is no text', replace('organizationRole', { value: 'admin' }), 'invalidValue'],
    ['an unknown seat', replace('modelsSeat', 'half'), 'invalidValue'],
    ['an unknown team', replace('teamRoles', [{ teamName: 'no such team', roleName: 'admin' }]), 'invalidValue'],
    ['a team role without a team', replace('teamRoles', [{ roleName: 'admin' }]), 'invalidValue'],
    ['a registry role without a role', replace('registryRoles', [{ registryName: 'r' }]), 'invalidValue'],
    ['a long registry', replace('registryRoles', [{ registryName: 'r'.repeat(257), roleName: 'x' }]), 'invalidValue'],
    ['another account type', replace('accountType', 'SERVICE'), 'mutability'],
    ['no account type', remove('accountType'), 'mutability'],
    ['a day count', replace('daysActive', 3), 'mutability'],
    ['an unknown path', replace('teamRoles.nothing', 'x'), 'invalidPath'],
  ]
  for (const [what, operations, scimType] of bad) {
    it(`refuses ${what}, and changes nothing`, async () => {
      const { id } = await makeUser(script)
      const before = await script.get(path(id))
      expectRefusal(await script.patch(path(id), operations), 400, scimType)
      expect((await script.get(path(id))).json).to.deep.equal(before.json)
    })
  }

  it('refuses an unknown role in a team', async () => {
    const teamName = await team()
    const { id } = await makeUser(script)
    const refused = await script.patch(path(id), replace('teamRoles', [{ teamName, roleName: 'owner' }]))
    expectRefusal(refused, 400, 'invalidValue')
  })

  it('refuses a full seat to a viewer of the organization', async () => {
    const { id } = await makeUser(script, { organizationRole: 'viewer' })
    expectRefusal(await script.patch(path(id), replace('modelsSeat', 'full')), 400, 'invalidValue')
  })

  describe('of an admin', () => {
    it('is not granted through a connection without the right to', async () => {
      const { id } = await makeUser(plain)
      expectRefusal(await plain.patch(path(id), replace('organizationRole', 'admin')), 403)
      const body = { schemas: [USER], userName: fresh('no'), organizationRole: 'Admin' }
      expectRefusal(await plain.post('/Users', body), 403)
    })

    it('and what the admin is known by, is not changed through such a connection; the rest is', async () => {
      const { id, userName } = await makeUser(script, { organizationRole: 'admin', externalId: fresh('x') })
      for (const [name, value] of [
        ['userName', fresh('other')],
        ['emails', [{ value: 'other@example.com', primary: true }]],
        ['externalId', fresh('y')],
        ['roles', [{ value: 'reader' }]],
        ['organizationRole', 'member'],
      ] as const) {
        expectRefusal(await plain.patch(path(id), replace(name, value)), 403)
      }
      const renamed = await plain.patch(path(id), replace('displayName', 'Somebody'))
      expect(renamed.json).to.include({ userName, displayName: 'Somebody' })
      expect(accessIn(renamed)['organizationRole']).to.equal('admin')
    })

    it('ends with deactivation through such a connection, and comes back exactly; nothing is taken meanwhile', async () => {
      const { id } = await makeUser(script, { organizationRole: 'admin' })
      const off = await plain.patch(path(id), replace('active', false))
      expect(accessIn(off)).to.not.have.property('organizationRole')
      expectRefusal(await plain.patch(path(id), replace('userName', fresh('thief'))), 403)
      expect(accessIn(await plain.patch(path(id), replace('active', true)))['organizationRole']).to.equal('admin')
    })

    it('is not ended for the last active one: 409 that names the person', async () => {
      const org = fresh('org')
      const other = await gateway.connect({ kind: 'script', mayGrantAdmin: true, org })
      const { id, userName } = await makeUser(other, { organizationRole: 'admin' })
      for (const operations of [replace('active', false), replace('organizationRole', 'member')]) {
        const refused = await other.patch(path(id), operations)
        expectRefusal(refused, 409)
        expect(refused.json['detail']).to.include(userName)
      }
      expectRefusal(await other.delete(path(id)), 409)
      await makeUser(other, { organizationRole: 'admin' })
      expect((await other.delete(path(id))).status).to.equal(204)
      other.close()
    })
  })

  describe('by roles and entitlements', () => {
    it('are kept as sent, and a recognised value sets the role in the organization', async () => {
      const roles = [{ value: 'custom-7', display: 'Viewer', type: 'app', primary: true }]
      const { id } = await makeUser(idp, { roles })
      const answer = await idp.get(path(id))
      expect(answer.json['roles']).to.deep.equal(roles)
      expect(accessIn(answer)['organizationRole']).to.equal('viewer')
      const changed = await idp.patch(path(id), replace('roles', [{ value: 'whatever' }]))
      expect(changed.json['roles']).to.deep.equal([{ value: 'whatever' }])
      expect(accessIn(changed)['organizationRole']).to.equal('member')
    })

    it('make an admin through a connection that may, and are withheld through one that may not', async () => {
      const roles = [{ value: 'ADMIN' }]
      const granted = await script.post('/Users', { schemas: [USER], userName: fresh('boss'), roles })
      expect(accessIn(granted)['organizationRole']).to.equal('admin')
      const withheld = await plain.post('/Users', { schemas: [USER], userName: fresh('boss'), roles })
      expect(accessIn(withheld)['organizationRole']).to.equal('member')
      expect(withheld.json['roles']).to.deep.equal(roles)
      expect(idOf(withheld)).to.not.equal(idOf(granted))
      const same = replace('roles', roles)
      const again = await plain.patch(path(idOf(withheld)), same)
      expect([again.status, again.headers.etag]).to.deep.equal([200, withheld.headers.etag])
      expect(accessIn(await script.patch(path(idOf(withheld)), same))['organizationRole']).to.equal('admin')
      const refused = await plain.delete(path(idOf(withheld)))
      expectRefusal(refused, 403)
      expect(refused.json['detail']).to.include('admin')
    })
  })
})
