import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { GroupId, ReviewId, UserId } from '../../src/domain/ids.ts'
import { reviewLine } from '../../src/provisioning/access-reviews.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { forEachDialect } from '../support/databases.ts'
import { problemsOf } from '../support/tenant.ts'
import { type AdminGateway, type ApiClient, openAdminGateway, problemCode } from './api.ts'

type Row = Readonly<Record<string, string | number | null>>

const REASON = 'left the project, says a canary'

forEachDialect('access reviews over the admin API', (dialect) => {
  let gateway: AdminGateway
  let giver: ApiClient
  let reviewer: ApiClient
  let auditor: ApiClient
  let reviewerId: UserId
  const people: UserId[] = []

  before(async () => {
    gateway = await openAdminGateway(dialect)
    giver = gateway.client(await gateway.key('admin'))
    reviewerId = (await giver.post('/users', { userName: 'rita', orgRole: 'admin' })).json['id'] as UserId
    reviewer = gateway.client(await gateway.key('user', reviewerId))
    auditor = gateway.client(await gateway.key('auditor'))
    for (const name of ['ann', 'bob', 'cat']) {
      people.push((await giver.post('/users', { userName: name })).json['id'] as UserId)
    }
  })
  after(() => gateway.close())

  async function started(body: object): Promise<string> {
    const answer = await giver.post('/reviews', body)
    expect(answer.status, answer.text).to.equal(201)
    return answer.json['id'] as string
  }

  async function items(review: string): Promise<readonly Row[]> {
    const answer = await auditor.get(`/reports/review?review=${review}`)
    expect(answer.status, answer.text).to.equal(200)
    return answer.json['rows'] as readonly Row[]
  }

  const decide = (who: ApiClient, review: string, item: number, decision: 'keep' | 'revoke') =>
    who.post(`/reviews/${review}/decide`, { item, decision, reason: REASON })

  it('are a snapshot, decided by neither giver nor holder, applied, logged and signed off', async () => {
    const team = (await giver.post('/teams', { name: 'Research' })).json['id'] as GroupId
    for (const person of people) await giver.post(`/teams/${team}/members`, { person })
    const review = await started({ name: 'Research, autumn', of: 'team', team })
    // Who comes later is not in the snapshot.
    const late = (await giver.post('/users', { userName: 'late' })).json['id'] as UserId
    await giver.post(`/teams/${team}/members`, { person: late })
    const rows = await items(review)
    expect(rows.map(({ user }) => user)).to.have.members(people)
    for (const row of rows) expect(row).to.include({ kind: 'team role', targetName: 'Research', decision: null })
    expect(problemCode(await decide(giver, review, 1, 'keep'), 403)).to.equal('review.own-grant')
    expect(problemCode(await reviewer.post(`/reviews/${review}/sign`, undefined), 409)).to.equal('review.unfinished')
    expect((await decide(reviewer, review, 1, 'keep')).json).to.deep.equal({ item: 1, decision: 'keep', problem: null })
    expect((await decide(reviewer, review, 2, 'keep')).status).to.equal(200)
    expect((await decide(reviewer, review, 3, 'revoke')).json).to.deep.include({ problem: null })
    const left = (await giver.get(`/memberships?team=${team}`)).json['items'] as readonly { user: { id: string } }[]
    const gone = rows[2]!['user']
    expect(left.map(({ user }) => user.id)).to.have.members([late, ...people.filter((id) => id !== gone)])
    const signed = await reviewer.post(`/reviews/${review}/sign`, undefined)
    expect(signed.json).to.deep.include({ state: 'signed' })
    expect(problemCode(await decide(reviewer, review, 1, 'revoke'), 409)).to.equal('review.signed')
    const [decided] = (await items(review)).filter(({ item }) => item === 3)
    expect(decided).to.include({ decision: 'revoke', reason: REASON, reviewer: 'rita' })
    expect(decided!['endedIn']).to.be.a('number')
    await digestAgrees(review, String(signed.json['digest']))
  })

  async function digestAgrees(review: string, digest: string): Promise<void> {
    const { reads } = gateway.test.store
    const all = await reads.reviews.items(gateway.tenant.orgId, review as ReviewId, 0, 100)
    const hash = createHash('sha256')
    for (const item of all) hash.update(reviewLine(item))
    expect(hash.digest('hex')).to.equal(digest)
    const records = await reads.records.tail(gateway.tenant.orgId, 100)
    const last = records.findLast(({ action }) => action === 'review.sign' && !action.includes('refused'))!
    expect(last.body).to.include(digest)
    const actions = records.filter(({ result }) => result === 'success').map(({ action }) => action)
    expect(actions.filter((action) => /^review|member.remove/.test(action))).to.deep.equal([
      ...['review.start', 'review.decide', 'review.decide', 'review.decide', 'member.remove', 'review.sign'],
    ])
    // A reason is free text: the hashed bytes hold a commitment.
    for (const { body } of records) expect(body).not.to.include('canary')
  }

  it('take away roles, seats and accounts, and say what only an identity provider can end', async () => {
    const { provisioning, idp } = gateway.tenant
    const pushed = await gateway.tenant.user('pushed')
    const draft = { displayName: 'Pushed', externalId: 'p', members: [{ value: pushed.id }] }
    await createGroup(provisioning, idp, draft).durable
    const boss = (await giver.post('/users', { userName: 'boss', orgRole: 'admin' })).json['id'] as UserId
    const review = await started({ name: 'All', of: 'everybody' })
    const rows = await items(review)
    const item = (user: UserId, kind: string, target = '') =>
      Number(rows.find((row) => row['user'] === user && row['kind'] === kind && row['targetName'] === target)!['item'])
    expect(rows.some(({ kind, value }) => kind === 'organization role' && value !== 'admin')).to.equal(false)
    const own = await decide(reviewer, review, item(reviewerId, 'organization role'), 'keep')
    expect(problemCode(own, 403)).to.equal('review.own-access')
    expect((await decide(reviewer, review, item(boss, 'organization role'), 'revoke')).json['problem']).to.equal(null)
    expect((await decide(reviewer, review, item(boss, 'seat', 'models'), 'revoke')).json['problem']).to.equal(null)
    expect((await giver.get(`/users/${boss}`)).json).to.deep.include({
      ...{ orgRole: 'member', seats: { models: 'none', weave: 'full' } },
    })
    expect((await decide(reviewer, review, item(people[0]!, 'account'), 'revoke')).json['problem']).to.equal(null)
    expect((await giver.get(`/users/${people[0]!}`)).json).to.include({ status: 'deactivated' })
    const managed = await decide(reviewer, review, item(pushed.id, 'team role', 'Pushed'), 'revoke')
    expect(managed.json['problem']).to.include('remove the person from that group')
    expect(problemCode(await reviewer.post(`/reviews/${review}/sign`, undefined), 409)).to.equal('review.unfinished')
  })

  it('refuse what is none, with a sentence', async () => {
    const wrong: readonly object[] = [
      { name: 'x', of: 'team' },
      { name: 'x', of: 'admins', team: '0190aaaa-0000-7000-8000-00000000dead' },
      { name: '', of: 'admins' },
      { name: 'x', of: 'nobody' },
    ]
    for (const body of wrong) problemCode(await giver.post('/reviews', body), 400)
    const nowhere = { name: 'x', of: 'team', team: '0190aaaa-0000-7000-8000-00000000dead' }
    problemCode(await giver.post('/reviews', nowhere), 404)
    problemCode(await auditor.get('/reports/review?review=0190aaaa-0000-7000-8000-00000000dead'), 404)
    const review = await started({ name: 'Admins', of: 'admins' })
    problemCode(await decide(reviewer, review, 99, 'keep'), 404)
    problemCode(await auditor.post(`/reviews/${review}/sign`, undefined), 403)
    const list = (await auditor.get('/reviews')).json['items'] as readonly Row[]
    expect(list.map(({ name }) => name)).to.deep.equal(['Admins', 'All', 'Research, autumn'])
  })

  it('leave tables, counters and chain in agreement', async () => {
    expect(await problemsOf(gateway.test, gateway.tenant.orgId)).to.deep.equal([])
    expect(gateway.failures).to.deep.equal([])
  })
})
