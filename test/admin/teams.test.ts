import { expect } from 'chai'
import { forEachDialect } from '../support/databases.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

interface Listed {
  readonly items: readonly Readonly<Record<string, unknown>>[]
  readonly next: string | null
}

forEachDialect('teams, roles and service accounts over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient
  let people: Readonly<Record<'ann' | 'bob' | 'cy', { readonly id: string; readonly client: ApiClient }>>

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
    const person = async (name: string) => {
      const { id } = await gateway.tenant.user(name)
      return { id, client: gateway.client(await gateway.key('user', id)) }
    }
    people = { ann: await person('ann'), bob: await person('bob'), cy: await person('cy') }
  })
  after(() => gateway.close())

  const idOf = async (path: string, body: unknown, client = admin): Promise<string> => {
    const answer = await client.post(path, body)
    expect(answer.status, answer.text).to.equal(201)
    expect(answer.headers.get('location')).to.equal(`/api/v1${path}/${String(answer.json['id'])}`)
    return answer.json['id'] as string
  }
  const list = async (path: string, client = admin): Promise<Listed['items']> => {
    const items: Readonly<Record<string, unknown>>[] = []
    for (let next: string | null = ''; next !== null;) {
      const cursor = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const { json } = await client.get(`${path}${path.includes('?') ? '&' : '?'}limit=2${cursor}`)
      const page = json as unknown as Listed
      items.push(...page.items)
      next = page.next
    }
    return items
  }

  it('lets an admin make, change, archive and restore a team, each change on the version that was read', async () => {
    const id = await idOf('/teams', { name: 'Lab', storageBucket: { name: 'b', provider: 'AWS' } })
    const read = await admin.get(`/teams/${id}`)
    const etag = read.headers.get('etag')!
    const changed = await admin.patch(`/teams/${id}`, { name: 'Labs', storageBucket: null }, { 'if-match': etag })
    expect(changed.json).to.deep.include({ name: 'Labs', storageBucket: null, hidden: false })
    const late = await admin.patch(`/teams/${id}`, { hidden: true }, { 'if-match': etag })
    expect(problemCode(late, 412)).to.equal('version.stale')
    expect((await admin.post(`/teams/${id}/archive`, {})).json['archived']).to.be.a('string')
    expect(await list('/teams?state=archived')).to.have.length(1)
    expect((await admin.post(`/teams/${id}/restore`, {})).json['archived']).to.equal(null)
    expect(problemCode(await admin.post('/teams', { name: 'LABS' }), 409)).to.equal('group.name-taken')
    const wrong = await admin.post('/teams', { name: 'Other', storageBucket: { name: 'b', provider: 'IBM' } })
    expect(problemCode(wrong, 400)).to.equal('invalid-value')
    expect(wrong.json['detail']).to.contain('COREWEAVE, AWS, AZURE, GCP, MINIO')
  })

  it('lets a team admin run their own team, and shows members no other', async () => {
    const [mine, other] = [await idOf('/teams', { name: 'Mine' }), await idOf('/teams', { name: 'Theirs' })]
    const { ann, bob, cy } = people
    await admin.post(`/teams/${mine}/members`, { person: 'ann', role: 'admin' })
    expect((await ann.client.post(`/teams/${mine}/members`, { person: bob.id })).json).to.deep.equal({
      ...{ user: bob.id, role: 'member', changed: true },
    })
    expect((await ann.client.patch(`/teams/${mine}`, { inviters: 'members' })).json['inviters']).to.equal('members')
    expect(problemCode(await ann.client.patch(`/teams/${mine}`, { name: 'New' }), 403)).to.equal('right.org-admin')
    problemCode(await ann.client.patch(`/teams/${other}`, { hidden: true }), 404)
    problemCode(await ann.client.get(`/teams/${other}/members`), 404)
    problemCode(await bob.client.patch(`/teams/${mine}/members/${ann.id}`, { role: 'member' }), 403)
    await bob.client.post(`/teams/${mine}/members`, { person: 'cy' })
    expect((await list('/teams', bob.client)).map(({ name }) => name)).to.deep.equal(['Mine'])
    const members = await list(`/teams/${mine}/members`, cy.client)
    expect(members.map(({ userName, role }) => `${String(userName)} ${String(role)}`)).to.have.members([
      ...['ann admin', 'bob member', 'cy member'],
    ])
    const nobody = await ann.client.post(`/teams/${mine}/members`, { person: 'nobody' })
    expect(problemCode(nobody, 400)).to.equal('member.not-in-org')
    expect((await cy.client.delete(`/teams/${mine}/members/${cy.id}`)).json).to.include({ role: null, changed: true })
    const last = await ann.client.patch(`/teams/${mine}/members/${ann.id}`, { role: 'member' })
    expect(problemCode(last, 409)).to.equal('team.last-admin')
    const handed = { role: 'member', successor: 'bob' }
    expect((await ann.client.patch(`/teams/${mine}/members/${ann.id}`, handed)).json).to.include({ role: 'member' })
    expect((await bob.client.patch(`/teams/${mine}`, { hidden: true })).status).to.equal(200)
  })

  it('lets an admin make custom roles, which team admins then give', async () => {
    const role = { name: 'Reviewer', inheritedFrom: 'viewer', permissions: ['report:update', 'run:read'] }
    const id = await idOf('/roles', role)
    const shown = await people.ann.client.get(`/roles/${id}`)
    expect(shown.json).to.deep.include({ added: ['report:update'], inheritedFrom: 'viewer' })
    expect(shown.json['permissions']).to.deep.include({ name: 'run:read', isInherited: true })
    const etag = shown.headers.get('etag')!
    await admin.patch(`/roles/${id}`, { permissions: ['run:stop'] }, { 'if-match': etag })
    const late = await admin.patch(`/roles/${id}`, { permissions: [] }, { 'if-match': etag })
    expect(problemCode(late, 412)).to.equal('version.stale')
    const wide = await admin.patch(`/roles/${id}`, { permissions: ['org:delete'] })
    expect(problemCode(wide, 400)).to.equal('invalid-value')
    problemCode(await people.ann.client.patch(`/roles/${id}`, { permissions: [] }), 403)
    const team = await idOf('/teams', { name: 'Reviews', defaultRole: 'Reviewer' })
    await admin.post(`/teams/${team}/members`, { person: 'cy' })
    const [member] = await list(`/teams/${team}/members`)
    expect(member).to.include({ role: 'Reviewer', baseRole: 'viewer' })
    expect((await admin.delete(`/roles/${id}`)).status).to.equal(204)
    expect((await list(`/teams/${team}/members`))[0]).to.include({ role: 'viewer' })
    expect((await admin.get(`/teams/${team}`)).json['defaultRole']).to.equal('viewer')
    expect((await admin.get('/permissions')).json['items']).to.deep.include({ name: 'run:stop', builtIn: ['member'] })
  })

  describe('service accounts', () => {
    let team: string

    before(async () => {
      team = await idOf('/teams', { name: 'Bots' })
      await admin.post(`/teams/${team}/members`, { person: 'ann', role: 'admin' })
    })

    it('are made by the admins of their team with keys of several names, each shown once', async () => {
      const { ann, bob } = people
      const id = await idOf('/service-accounts', { userName: 'sa-one', defaultTeam: team }, ann.client)
      expect((await ann.client.get(`/service-accounts/${id}`)).json).to.include({ owner: ann.id, scope: 'team' })
      problemCode(await bob.client.get(`/service-accounts/${id}`), 404)
      problemCode(await bob.client.post(`/service-accounts/${id}/keys`, { name: 'x' }), 404)
      const ofOrg = { userName: 'sa-org', defaultTeam: team, scope: 'org' }
      problemCode(await ann.client.post('/service-accounts', ofOrg), 403)
      const nobody = await admin.post('/service-accounts', { userName: 'sa-two', defaultTeam: team })
      expect(nobody.json['detail']).to.contain('owner is required')
      const made = await Promise.all(
        ['one', 'two'].map((name) => ann.client.post(`/service-accounts/${id}/keys`, { name })),
      )
      const [one, two] = made.map(({ json }) => json as { readonly id: string; readonly key: string })
      const bot = gateway.client(one!.key)
      expect((await bot.get(`/teams/${team}`)).status).to.equal(200)
      expect((await ann.client.delete(`/service-accounts/${id}/keys/${one!.id}`)).status).to.equal(204)
      problemCode(await bot.get(`/teams/${team}`), 401)
      expect((await gateway.client(two!.key).get(`/teams/${team}`)).status).to.equal(200)
      const keys = (await ann.client.get(`/service-accounts/${id}/keys`)).json as unknown as Listed
      expect(keys.items.map(({ name, revoked }) => [name, revoked === null])).to.have.deep.members([
        ...[
          ['one', false],
          ['two', true],
        ],
      ])
      expect(JSON.stringify(keys)).not.to.contain(two!.key)
      const owner = await admin.patch(`/service-accounts/${id}`, { owner: 'bob' })
      expect(owner.json).to.include({ owner: bob.id, ownerName: 'bob' })
    })

    it('rest while their team is archived, and end with their keys when they are deleted', async () => {
      const draft = { userName: 'sa-three', defaultTeam: team, owner: 'ann' }
      const id = await idOf('/service-accounts', draft)
      const { json } = await admin.post(`/service-accounts/${id}/keys`, { name: 'k' })
      const bot = gateway.client(json['key'] as string)
      await admin.post(`/teams/${team}/archive`, {})
      problemCode(await bot.get('/permissions'), 401)
      expect((await admin.get(`/service-accounts/${id}`)).json).to.include({ resting: true })
      await admin.post(`/teams/${team}/restore`, {})
      expect((await bot.get('/permissions')).status).to.equal(200)
      expect((await admin.delete(`/service-accounts/${id}`)).status).to.equal(204)
      problemCode(await bot.get('/permissions'), 401)
      const keys = await gateway.test.store.reads.keys.list(gateway.tenant.orgId)
      expect(keys.find(({ user }) => user === id)?.revoked).to.be.a('number')
      problemCode(await admin.delete(`/service-accounts/${id}`), 404)
    })

    it('are recorded with the person whom they act for', async () => {
      const id = await idOf('/service-accounts', { userName: 'sa-four', defaultTeam: team, owner: 'ann' })
      const { json } = await admin.post(`/service-accounts/${id}/keys`, { name: 'k' })
      const bot = gateway.client(json['key'] as string)
      const refused = await bot.post(
        `/teams/${team}/members`,
        { person: 'cy' },
        { 'rollcall-on-behalf-of': people.bob.id },
      )
      expect(problemCode(refused, 403)).to.equal('right.team-admin')
      const tail = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 1)
      const record = JSON.parse(tail[0]!.body) as { readonly actor: object }
      expect(record.actor).to.include({ type: 'serviceAccount', id, onBehalfOf: people.bob.id })
    })
  })

  it('lists memberships of all, of a team and of a person, page by page, with the role each has', async () => {
    const team = await idOf('/teams', { name: 'Members' })
    const other = await idOf('/teams', { name: 'Members too' })
    for (const person of ['ann', 'bob', 'cy']) await admin.post(`/teams/${team}/members`, { person, role: 'viewer' })
    await admin.post(`/teams/${other}/members`, { person: 'ann', role: 'admin' })
    const shown = ({ user, team: of, role, customRole }: Listed['items'][number]): unknown => [
      ...[(user as { userName: string }).userName, (of as { name: string }).name, role, customRole],
    ]
    const ofTeam = (await list(`/memberships?team=${team}`)).map(shown)
    expect(ofTeam).to.have.deep.members(['ann', 'bob', 'cy'].map((name) => [name, 'Members', 'viewer', null]))
    const hers = await list(`/memberships?user=${people.ann.id}`)
    expect(hers.map(shown)).to.deep.include(['ann', 'Members too', 'admin', null])
    expect(await list(`/users/${people.ann.id}/memberships`, people.ann.client)).to.have.deep.members([...hers])
    const both = (await list(`/memberships?user=${people.ann.id}&team=${other}`)).map(shown)
    expect(both).to.deep.equal([['ann', 'Members too', 'admin', null]])
    const all = await list('/memberships')
    expect(all.filter((each) => (each['team'] as { id: string }).id === team)).to.have.length(3)
    expect(new Set(all.map((each) => JSON.stringify(each))).size).to.equal(all.length)
    const { next } = (await admin.get('/memberships?limit=1')).json as unknown as Listed
    const foreign = await admin.get(`/memberships?limit=1&team=${team}&cursor=${encodeURIComponent(String(next))}`)
    expect(problemCode(foreign, 400)).to.equal('invalid-cursor')
  })

  it('fails for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
