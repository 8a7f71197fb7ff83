import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { PERMISSIONS } from '../../../src/domain/role.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { type Answer, ERROR, fresh, GROUP, idOf, idsOf, type ScimClient } from './scim-client.ts'

const ROLE = 'urn:ietf:params:scim:schemas:core:2.0:Role'

interface Transcript {
  readonly headers: Readonly<Record<string, string>>
  readonly requests: readonly {
    readonly method: string
    readonly path: string
    readonly body?: unknown
    readonly status: number
  }[]
}

function transcript(name: string): Transcript {
  const path = new URL(`../../fixtures/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as Transcript
}

/** Names of the permissions an answer shows, all of them or those added or inherited. */
function permissionsIn({ json }: Answer, isInherited?: boolean): readonly string[] {
  const list = json['permissions'] as { name: string; isInherited: boolean }[]
  return list.filter((each) => isInherited === undefined || each.isInherited === isInherited).map(({ name }) => name)
}

forEachDialect('custom roles over HTTP', (dialect) => {
  let gateway: Gateway
  let idp: ScimClient
  let client: ScimClient

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true })
    idp = gateway.client()
    client = await gateway.connect({ kind: 'script' })
  })
  after(async () => {
    expect(gateway.failures, 'nothing of this is a failure of ours').to.deep.equal([])
    for (const each of [idp, client]) each.close()
    await gateway.close()
  })

  const make = async (more: object = {}): Promise<Answer> => {
    const body = { schemas: [ROLE], name: fresh('role'), inheritedFrom: 'member', ...more }
    const answer = await client.post('/Roles', body)
    expect(answer.status, answer.text).to.equal(201)
    return answer
  }

  function expectError(answer: Answer, status: number, scimType?: string): void {
    expect(answer.status, answer.text).to.equal(status)
    expect(answer.json).to.include({ status: String(status) })
    expect(answer.json['schemas']).to.deep.equal([ERROR])
    expect(answer.json['scimType']).to.equal(scimType)
    expect(answer.json['detail']).to.be.a('string').and.not.equal('')
  }

  it('shows a new role with all it permits, its org, ETag and Location (RFC 7644 §3.3)', async () => {
    const answer = await make({ name: 'Release', description: 'd', permissions: [{ name: 'project:update' }] })
    const { organizationID, permissions, meta, ...rest } = answer.json
    const id = idOf(answer)
    expect(rest).to.deep.equal({ schemas: [ROLE], id, name: 'Release', description: 'd', inheritedFrom: 'member' })
    expect(organizationID).to.match(/^[0-9a-f-]{36}$/)
    expect(permissions).to.deep.include.members([
      { name: 'artifact:read', isInherited: true },
      { name: 'project:update', isInherited: false },
    ])
    const location = `${gateway.publicUrl}/scim/v2/Roles/${id}`
    expect(meta).to.include({ resourceType: 'Role', location, version: 'W/"1"' })
    expect(answer.headers).to.include({ etag: 'W/"1"', location })
    expect((await client.get(`/Roles/${id}`)).json).to.deep.equal(answer.json)
  })

  it("answers what W&B's public client sends the way it expects (test/fixtures/wandb/roles.json)", async () => {
    const { headers, requests } = transcript('wandb/roles')
    const old = client.at('/api/scim')
    let id = ''
    for (const { method, path, body, status } of requests) {
      const call = { headers, ...(body === undefined ? {} : { body }) }
      const answer = await old.send(method, old.mount + path.replace('{id}', id), call)
      expect(answer.status, `${method} ${path}: ${answer.text}`).to.equal(status)
      if (status === 201) id = idOf(answer)
      // The client prints the body of every answer but the one to a DELETE.
      if (status !== 204) expect(answer.json).to.have.property('schemas')
    }
    expectError(await old.get(`/Roles/${id}`), 404)
    old.close()
  })

  it('keeps in a PUT what the body does not name, added permissions among it', async () => {
    const made = await make({ description: 'd', permissions: [{ name: 'run:delete' }] })
    const path = `/Roles/${idOf(made)}`
    const lowered = await client.put(path, { inheritedFrom: 'viewer' })
    expect(lowered.json).to.include({ name: made.json['name'], description: 'd', inheritedFrom: 'viewer' })
    expect(permissionsIn(lowered, false)).to.deep.equal(['run:delete'])
    expect(permissionsIn(lowered, true)).to.include('run:read').and.not.include('run:create')
    const cleared = await client.put(path, { schemas: [''], description: null, permissions: [] })
    expect(cleared.json).to.not.have.property('description')
    expect(permissionsIn(cleared, false)).to.deep.equal([])
    expect(cleared.headers.etag).to.equal('W/"3"')
  })

  it('takes back what it answered and changes nothing, also where inherited permissions stand in it', async () => {
    const made = await make({ permissions: ['run:delete'] })
    const path = `/Roles/${idOf(made)}`
    const echoed = await client.put(path, made.json)
    expect([echoed.status, echoed.headers.etag]).to.deep.equal([200, 'W/"1"'])
    const lowered = await client.put(path, { ...made.json, inheritedFrom: 'VIEWER' })
    expect(permissionsIn(lowered, false)).to.deep.equal(['run:delete'])
  })

  it('adds, removes and replaces permissions by value, and removes by filter (RFC 7644 §3.5.2)', async () => {
    const path = `/Roles/${idOf(await make())}`
    const patch = async (operation: object): Promise<readonly string[]> => {
      const answer = await client.patch(path, [operation])
      expect(answer.status, answer.text).to.equal(200)
      return permissionsIn(answer, false)
    }
    const named = (...names: string[]) => names.map((name) => ({ name }))
    expect(await patch({ op: 'add', path: 'permissions', value: named('run:delete', 'project:update') })).to.deep.equal(
      ['project:update', 'run:delete'],
    )
    expect(await patch({ op: 'Add', path: 'Permissions', value: { name: 'team:update' } })).to.have.lengthOf(3)
    expect(await patch({ op: 'add', value: { permissions: ['run:delete', 'artifact:read'] } })).to.have.lengthOf(3)
    expect(await patch({ op: 'remove', path: 'permissions', value: named('team:update') })).to.have.lengthOf(2)
    expect(await patch({ op: 'remove', path: 'permissions', value: named('team:update') })).to.have.lengthOf(2)
    expect(await patch({ op: 'remove', path: 'permissions[name eq "run:delete"]' })).to.deep.equal(['project:update'])
    expect(await patch({ op: 'replace', path: 'permissions', value: named('report:delete') })).to.deep.equal([
      'report:delete',
    ])
    expect(await patch({ op: 'remove', path: 'permissions' })).to.deep.equal([])
    const renamed = await client.patch(path, [
      { op: 'replace', value: { name: fresh('renamed'), inheritedFrom: 'viewer', unheardOf: 1 } },
      { op: 'remove', path: 'description' },
    ])
    expect(renamed.json).to.include({ inheritedFrom: 'viewer' })
    expect((await client.patch(path, [])).headers.etag).to.equal(renamed.headers.etag)
  })

  it('refuses a part of a PATCH and changes nothing of the rest (RFC 7644 §3.5.2)', async () => {
    const path = `/Roles/${idOf(await make())}`
    const before = (await client.get(path)).text
    const good = { op: 'add', path: 'permissions', value: [{ name: 'run:delete' }] }
    const bad: readonly (readonly [object, string])[] = [
      [{ op: 'remove', path: 'permissions', value: [{ name: 'artifact:read' }] }, 'invalidValue'],
      [{ op: 'remove', path: 'permissions[isInherited eq true]' }, 'invalidValue'],
      [{ op: 'add', path: 'permissions', value: [{ name: 'moon:walk' }] }, 'invalidValue'],
      [{ op: 'add', path: 'permissions' }, 'invalidValue'],
      [{ op: 'replace', path: 'permissions[name eq "run:delete"].name', value: 'run:stop' }, 'mutability'],
      [{ op: 'replace', path: 'permissions.isInherited', value: true }, 'mutability'],
      [{ op: 'remove', path: 'name' }, 'mutability'],
      [{ op: 'remove', path: 'inheritedFrom' }, 'mutability'],
      [{ op: 'replace', path: 'organizationID', value: 'x' }, 'mutability'],
      [{ op: 'replace', path: 'id', value: 'x' }, 'mutability'],
      [{ op: 'replace', path: 'inheritedFrom', value: 'admin' }, 'invalidValue'],
      [{ op: 'replace', path: 'name', value: 'Viewer' }, 'invalidValue'],
      [{ op: 'replace', path: 'externalId', value: 'x' }, 'invalidPath'],
      [{ op: 'remove' }, 'noTarget'],
    ]
    for (const [operation, scimType] of bad) {
      expectError(await client.patch(path, [good, operation]), 400, scimType)
    }
    expect((await client.get(path)).text).to.equal(before)
  })

  const badBodies: Readonly<Record<string, readonly [object | string, string, string]>> = {
    'no object': ['[]', 'invalidSyntax', 'object'],
    'another schema': [{ schemas: [GROUP] }, 'invalidSyntax', ROLE],
    'no name': [{ name: undefined }, 'invalidValue', 'name'],
    'an empty name': [{ name: '' }, 'invalidValue', 'name'],
    'a name that is a number': [{ name: 7 }, 'invalidValue', 'name'],
    'the name of a built-in role': [{ name: 'Admin' }, 'invalidValue', 'built-in'],
    'a long name': [{ name: 'x'.repeat(257) }, 'invalidValue', '256'],
    'no inheritedFrom': [{ inheritedFrom: undefined }, 'invalidValue', 'member or viewer'],
    'inheritedFrom of another role': [{ inheritedFrom: 'admin' }, 'invalidValue', 'member or viewer'],
    'an unknown permission': [{ permissions: [{ name: 'moon:walk' }] }, 'invalidValue', '"moon:walk"'],
    'a permission in another case': [{ permissions: ['Run:Delete'] }, 'invalidValue', '"Run:Delete"'],
    'a permission of a prototype': [{ permissions: ['__proto__'] }, 'invalidValue', '"__proto__"'],
    'a permission that is a number': [{ permissions: [1] }, 'invalidValue', 'got a number'],
    'a permission without a name': [{ permissions: [{ isInherited: false }] }, 'invalidValue', 'permissions.name'],
    'too many permissions': [{ permissions: Array.from({ length: 1_001 }, () => 'run:read') }, 'invalidValue', '1000'],
  }
  for (const [title, [more, scimType, said]] of Object.entries(badBodies)) {
    it(`refuses a role with ${title}: 400 ${scimType} that says so (RFC 7644 §3.12)`, async () => {
      const body = typeof more === 'string' ? more : { name: fresh('bad'), inheritedFrom: 'member', ...more }
      const answer = await client.post('/Roles', body)
      expectError(answer, 400, scimType)
      expect(answer.json['detail']).to.include(said)
    })
  }

  it('answers 409 for a name that is taken, in exact case', async () => {
    const name = fresh('Taken')
    const { id } = (await make({ name })).json
    const answer = await client.post('/Roles', { name, inheritedFrom: 'viewer' })
    expectError(answer, 409, 'uniqueness')
    expect(answer.json['detail']).to.include(id)
    await make({ name: name.toLowerCase() })
  })

  it('honours If-Match and If-None-Match like every resource (RFC 7644 §3.14)', async () => {
    const path = `/Roles/${idOf(await make())}`
    const stale = { headers: { 'If-Match': 'W/"9"' } }
    expectError(await client.put(path, { description: 'x' }, stale), 412)
    expectError(await client.patch(path, [{ op: 'replace', path: 'description', value: 'x' }], stale), 412)
    expectError(await client.delete(path, stale), 412)
    expect((await client.get(path, { headers: { 'If-None-Match': 'W/"1"' } })).status).to.equal(304)
    const changed = await client.put(path, { description: 'x' }, { headers: { 'If-Match': 'W/"1"' } })
    expect([changed.status, changed.headers.etag]).to.deep.equal([200, 'W/"2"'])
    const deleted = await client.delete(path, { headers: { 'If-Match': 'W/"2"' } })
    expect([deleted.status, deleted.text]).to.deep.equal([204, ''])
    for (const answer of [await client.get(path), await client.delete(path), await client.put(path, {})]) {
      expectError(answer, 404)
    }
  })

  it('lists, filters, sorts, pages and projects roles (RFC 7644 §3.4.2, §3.9)', async () => {
    const script = await gateway.connect({ kind: 'script', org: fresh('org') })
    const add = async (name: string, inheritedFrom: string, permissions: readonly string[], description?: string) =>
      idOf(await script.post('/Roles', { name, inheritedFrom, permissions, description }))
    const b = await add('beta', 'viewer', ['run:delete'], 'second')
    const a = await add('Alpha', 'member', [])
    const c = await add('gamma', 'viewer', [], 'first')
    const ids = async (query: string) => idsOf(await script.get(`/Roles${query}`))
    const where = (filter: string) => ids(`?filter=${encodeURIComponent(filter)}`)
    expect(await ids('')).to.deep.equal([b, a, c])
    expect(await where('name eq "Alpha"')).to.deep.equal([a])
    expect(await where('name eq "alpha"')).to.deep.equal([])
    expect(await where('inheritedFrom eq "VIEWER" and not (description pr)')).to.deep.equal([])
    expect(await where('permissions.name eq "run:delete"')).to.deep.equal([b])
    expect(await where('permissions[name eq "run:create" and isInherited eq true]')).to.deep.equal([a])
    expect(await where('meta.resourceType eq "Role" and meta.lastModified gt "2000-01-01T00:00:00Z"')).to.have.length(3)
    expect(await where(`id eq "${c}"`)).to.deep.equal([c])
    expect(await ids('?sortBy=name')).to.deep.equal([a, b, c])
    expect(await ids('?sortBy=description')).to.deep.equal([c, b, a])
    expect(await ids('?sortBy=description&sortOrder=descending')).to.deep.equal([a, b, c])
    const page = await script.get('/Roles?startIndex=2&count=1&attributes=name')
    expect(page.json).to.include({ totalResults: 3, startIndex: 2, itemsPerPage: 1 })
    expect(page.json['Resources']).to.deep.equal([{ schemas: [ROLE], id: a, name: 'Alpha' }])
    expect((await script.get('/Roles?count=0')).json).to.deep.include({ totalResults: 3, Resources: [] })
    expectError(await script.get('/Roles?filter=externalId%20pr'), 400, 'invalidFilter')
    expectError(await script.get('/Roles?filter=name%20eq'), 400, 'invalidFilter')
    script.close()
  })

  it('lets an identity provider read roles but not change them, and says who may', async () => {
    const path = `/Roles/${idOf(await make())}`
    expect((await idp.get(path)).status).to.equal(200)
    const refused = [
      await idp.post('/Roles', { name: fresh('r'), inheritedFrom: 'member' }),
      await idp.put(path, { description: 'x' }),
      await idp.patch(path, [{ op: 'replace', path: 'description', value: 'x' }]),
      await idp.delete(path),
    ]
    for (const answer of refused) {
      expectError(answer, 403)
      expect(answer.json['detail']).to.include('administrator')
    }
    expect((await idp.get(path)).headers.etag).to.equal('W/"1"')
  })

  it('needs the scopes of both users and groups', async () => {
    for (const scope of ['users', 'groups'] as const) {
      const limited = await gateway.connect({ kind: 'script', scopes: [scope] })
      expectError(await limited.get('/Roles'), 403)
      expectError(await limited.post('/Roles', { name: fresh('r'), inheritedFrom: 'member' }), 403)
      limited.close()
    }
  })

  it('describes roles in /ResourceTypes and /Schemas with every permission there is (RFC 7643 §6, §7)', async () => {
    const type = await client.get('/ResourceTypes/Role')
    expect(type.json).to.include({ name: 'Role', endpoint: '/Roles', schema: ROLE })
    const { attributes } = (await client.get(`/Schemas/${ROLE}`)).json as { attributes: Record<string, unknown>[] }
    expect(attributes.map(({ name }) => name)).to.deep.equal([
      ...['name', 'description', 'inheritedFrom', 'organizationID', 'permissions'],
    ])
    expect(attributes[0]).to.include({ required: true, caseExact: true, uniqueness: 'server' })
    expect(attributes[3]).to.include({ mutability: 'readOnly' })
    const [name, isInherited] = attributes[4]?.['subAttributes'] as Record<string, unknown>[]
    expect(name?.['canonicalValues']).to.deep.equal(PERMISSIONS)
    expect(isInherited).to.include({ type: 'boolean', mutability: 'readOnly' })
  })
})
