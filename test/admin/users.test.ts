import { expect } from 'chai'
import { parse } from 'csv-parse/sync'
import { forEachDialect } from '../support/databases.ts'
import { problemsOf } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

interface Shown {
  readonly id: string
  readonly userName: string
  readonly orgRole: string | null
  readonly version: number
}

interface Page {
  readonly items: readonly Shown[]
  readonly next: string | null
  readonly total: number
}

forEachDialect('people over the admin API', (dialect) => {
  let gateway: AdminGateway
  let admin: ApiClient

  before(async () => {
    gateway = await openAdminGateway(dialect)
    admin = gateway.client(await gateway.key('admin'))
  })
  after(() => gateway.close())

  async function make(body: object): Promise<Shown> {
    const answer = await admin.post('/users', body)
    expect(answer.status, answer.text).to.equal(201)
    return answer.json as unknown as Shown
  }

  async function names(query: string): Promise<readonly string[]> {
    const answer = await admin.get(`/users?${query}`)
    expect(answer.status, answer.text).to.equal(200)
    return (answer.json as unknown as Page).items.map(({ userName }) => userName)
  }

  it('are made, shown, changed and deleted, each with its record', async () => {
    const made = await admin.post('/users', {
      ...{ userName: 'ann@example.com', givenName: 'Ann', familyName: 'Lee', email: 'ann@example.com' },
      ...{ orgRole: 'admin', seats: { models: 'viewer' } },
    })
    expect(made.status, made.text).to.equal(201)
    const { id } = made.json as unknown as Shown
    expect(made.headers.get('location')).to.equal(`https://scim.example/api/v1/users/${id}`)
    expect(made.json).to.deep.include({
      ...{ userName: 'ann@example.com', name: 'Ann Lee', email: 'ann@example.com', status: 'active' },
      ...{ orgRole: 'admin', seats: { models: 'viewer', weave: 'full' }, origin: 'manual', teams: [] },
    })
    const second = await make({ userName: 'second@example.com', orgRole: 'admin' })
    const changed = await admin.patch(`/users/${id}`, { orgRole: null, email: 'lee@example.com', displayName: 'Annie' })
    expect(changed.json).to.deep.include({ orgRole: 'member', email: 'lee@example.com', name: 'Annie', version: 2 })
    expect((await admin.patch(`/users/${id}`, { active: false })).json).to.include({ status: 'deactivated' })
    expect((await admin.get(`/users/${id}`)).json).to.include({ status: 'deactivated', orgRole: null })
    expect((await admin.delete(`/users/${id}`)).status).to.equal(204)
    problemCode(await admin.get(`/users/${id}`), 404)
    const records = await gateway.test.store.reads.records.tail(gateway.tenant.orgId, 5)
    expect(records.map(({ action }) => action)).to.deep.equal([
      ...['user.create', 'user.create', 'user.update', 'user.deactivate', 'user.delete'],
    ])
    expect(records.map(({ actorType }) => actorType)).to.deep.equal(Array(5).fill('script'))
    expect((await admin.patch(`/users/${second.id}`, { orgRole: 'viewer' })).json['code']).to.equal('admin.last')
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
  })

  it('refuse what is no person, naming the field, and nothing is half made', async () => {
    const before = (await admin.get('/users?limit=1')).json['total']
    const wrong: readonly (readonly [object, string])[] = [
      [{}, '/userName'],
      [{ userName: ' ' }, '/userName'],
      [{ userName: 'a\u0000b' }, '/userName'],
      [{ userName: 'a\ud800b' }, '/userName'],
      [{ userName: 'ﷺ'.repeat(200) }, '/userName'],
      [{ userName: 'x', orgRole: 'owner' }, '/orgRole'],
      [{ userName: 'x', seats: { models: 'half' } }, '/seats/models'],
      [{ userName: 'x', active: 'yes' }, '/active'],
      [{ userName: 'x', user_name: 'y' }, ''],
    ]
    for (const [body, field] of wrong) {
      const answer = await admin.post('/users', body)
      expect(problemCode(answer, 400), JSON.stringify(body)).to.equal('invalid-value')
      expect((answer.json['errors'] as { field: string }[])[0]?.field, answer.text).to.equal(field)
    }
    problemCode(await admin.post('/users', '{"userName":'), 400)
    problemCode(await admin.post('/users', { userName: 'x' }, { 'content-type': 'text/plain' }), 415)
    expect((await admin.get('/users?limit=1')).json['total']).to.equal(before)
  })

  it('answer 409 for a userName that is taken and 412 where somebody else was faster', async () => {
    const { id } = await make({ userName: 'fast@example.com' })
    expect(problemCode(await admin.post('/users', { userName: 'FAST@example.com' }), 409)).to.equal('user.name-taken')
    const tag = (await admin.get(`/users/${id}`)).headers.get('etag')!
    expect((await admin.get(`/users/${id}`, { headers: { 'if-none-match': tag } })).status).to.equal(304)
    const saves = await Promise.all(
      ['one', 'two'].map((displayName) => admin.patch(`/users/${id}`, { displayName }, { 'if-match': tag })),
    )
    expect(saves.map(({ status }) => status).sort()).to.deep.equal([200, 412])
    problemCode(await admin.delete(`/users/${id}`, { headers: { 'if-match': tag } }), 412)
  })

  it('are found by name, userName and e-mail, in any case, and by what they are', async () => {
    await make({ userName: 'q-1', givenName: 'Zoë', familyName: 'Quartz', email: 'first@minerals.example' })
    await make({ userName: 'q-2', displayName: 'QUARTZ Industries', orgRole: 'viewer' })
    await make({ userName: 'quartz-3', active: false })
    expect(await names('search=quartz&sort=userName')).to.deep.equal(['q-1', 'q-2', 'quartz-3'])
    expect(await names('search=QUARTZ&sort=-userName')).to.deep.equal(['quartz-3', 'q-2', 'q-1'])
    expect(await names('search=MINERALS.example')).to.deep.equal(['q-1'])
    expect(await names('search=quartz&status=deactivated')).to.deep.equal(['quartz-3'])
    expect(await names('search=quartz&orgRole=viewer')).to.deep.equal(['q-2'])
    expect(await names('search=quartz&owner=none')).to.have.length(3)
    expect(await names(`search=quartz&owner=${gateway.tenant.idp.connection!.id}`)).to.deep.equal([])
    expect(await names('search=100%25')).to.deep.equal([])
    const pushed = await gateway.tenant.user('pushed-quartz')
    expect(await names(`search=quartz&owner=${gateway.tenant.idp.connection!.id}`)).to.deep.equal(['pushed-quartz'])
    expect((await admin.get(`/users/${pushed.id}`)).json).to.include({ origin: 'idp', owner: pushed.owner })
    expect(problemCode(await admin.get('/users?sort=shoeSize'), 400)).to.equal('invalid-value')
    expect(problemCode(await admin.get('/users?colour=red'), 400)).to.equal('invalid-value')
  })

  it('are walked by cursor, nobody missing or twice, while others are made', async () => {
    for (let n = 0; n < 7; n++) await make({ userName: `walk-${n}` })
    const seen: string[] = []
    let next: string | null = null
    do {
      const cursor = next === null ? '' : `&cursor=${next}`
      const page = (await admin.get(`/users?search=walk-&limit=2&sort=userName${cursor}`)).json as unknown as Page
      seen.push(...page.items.map(({ userName }) => userName))
      await make({ userName: `a-walk-${seen.length}` })
      next = page.next
    } while (next !== null)
    const walked = seen.filter((name) => name.startsWith('walk-'))
    expect(walked).to.deep.equal([0, 1, 2, 3, 4, 5, 6].map((n) => `walk-${n}`))
    const { next: cursor } = (await admin.get('/users?limit=1')).json as unknown as Page
    expect(problemCode(await admin.get(`/users?limit=1&status=active&cursor=${cursor}`), 400)).to.equal(
      'invalid-cursor',
    )
    expect(problemCode(await admin.get('/users?cursor=AAAA'), 400)).to.equal('invalid-cursor')
    const other = gateway.client(await gateway.key('auditor'))
    expect((await other.get(`/users?limit=1&cursor=${cursor}`)).status).to.equal(200)
  })

  it('go out as CSV that no spreadsheet takes for formulas', async () => {
    await make({ userName: '=cmd|calc', displayName: '+1, "quoted"', email: '@sum.example' })
    const answer = await admin.get('/users.csv?search=calc')
    expect(answer.status).to.equal(200)
    expect(answer.headers.get('content-type')).to.match(/^text\/csv/)
    const rows = parse<Record<string, string>>(answer.text, { columns: true })
    expect(rows).to.deep.equal([
      {
        ...{ 'user name': "'=cmd|calc", name: `'+1, "quoted"`, 'e-mail': "'@sum.example", 'org role': 'member' },
        ...{ seats: 'models: full; weave: full', teams: '', status: 'active', 'last active': '' },
        ...{ 'active days': '0', runs: '0', reports: '0' },
      },
    ])
    const all = parse<Record<string, string>>((await admin.get('/users.csv')).text, { columns: true })
    expect(all).to.have.length(Number((await admin.get('/users?limit=1')).json['total']))
  })

  it('show themselves to their own key and nobody else to it; auditors read and change nothing', async () => {
    const ann = await make({ userName: 'own@example.com' })
    const bob = await make({ userName: 'other@example.com' })
    const own = gateway.client(await gateway.key('user', ann.id as never))
    expect((await own.get(`/users/${ann.id}`)).json).to.include({ userName: 'own@example.com' })
    expect((await own.get(`/users/${ann.id}/memberships`)).json).to.deep.equal({ items: [], next: null })
    const [theirs, random] = [
      await own.get(`/users/${bob.id}`),
      await own.get('/users/0190aaaa-0000-7000-8000-00000000dead'),
    ]
    expect([problemCode(theirs, 404), random.status]).to.deep.equal([problemCode(random, 404), 404])
    problemCode(await own.patch(`/users/${ann.id}`, { orgRole: 'admin' }), 403)
    const auditor = gateway.client(await gateway.key('auditor'))
    expect((await auditor.get('/users')).status).to.equal(200)
    problemCode(await auditor.patch(`/users/${ann.id}`, { displayName: 'x' }), 403)
    await admin.patch(`/users/${ann.id}`, { active: false })
    problemCode(await own.get(`/users/${ann.id}`), 401)
    await admin.patch(`/users/${ann.id}`, { active: true })
    expect((await own.get(`/users/${ann.id}`)).status).to.equal(200)
  })

  it('are made once for one idempotency key, whatever is sent again', async () => {
    const headers = { 'idempotency-key': 'make-once-1' }
    const tries = await Promise.all([1, 2, 3].map(() => admin.post('/users', { userName: 'once' }, headers)))
    expect(tries.filter(({ status }) => status === 201).length).to.be.greaterThan(0)
    for (const { status } of tries) expect(status).to.be.oneOf([201, 409])
    const again = await admin.post('/users', { userName: 'once' }, headers)
    expect([again.status, again.headers.get('idempotency-replayed')]).to.deep.equal([201, 'true'])
    const first = tries.find(({ status }) => status === 201)!
    expect(again.json).to.deep.equal(first.json)
    expect(again.headers.get('location')).to.equal(first.headers.get('location'))
    problemCode(await admin.post('/users', { userName: 'twice' }, headers), 422)
    expect(await names('search=once')).to.deep.equal(['once'])
    // What was refused was not done, and may be tried again under its key.
    const refused = { 'idempotency-key': 'make-once-2' }
    problemCode(await admin.post('/users', { userName: 'once' }, refused), 409)
    expect((await admin.delete(`/users/${String(again.json['id'])}`)).status).to.equal(204)
    expect((await admin.post('/users', { userName: 'once' }, refused)).status).to.equal(201)
    problemCode(await admin.post('/users', { userName: 'x' }, { 'idempotency-key': 'ü' }), 400)
  })

  it('fail for nobody on our side', () => {
    expect(gateway.failures).to.deep.equal([])
  })
})
