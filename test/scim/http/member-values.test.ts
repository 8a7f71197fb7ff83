import { expect } from 'chai'
import { ROLLCALL_URN, TEAMS_URN } from '../../../src/domain/schema-urns.ts'
import { forEachDialect } from '../../support/databases.ts'
import { openGateway, type Gateway } from './gateway.ts'
import { fresh, GROUP, idOf, makeGroup, makeUser, type ScimClient, USER } from './scim-client.ts'

const RANDOM = '0190aaaa-0000-7000-8000-0000000000'

forEachDialect('values of members (RFC 7643 §4.2), and e-mail addresses in the place of ids', (dialect) => {
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

  const add = (group: string, ...values: readonly string[]) =>
    client.patch(`/Groups/${group}`, [{ op: 'add', path: 'members', value: values.map((value) => ({ value })) }])
  const membersOf = async (group: string): Promise<readonly string[]> => {
    const { json } = await client.get(`/Groups/${group}`)
    return ((json['members'] ?? []) as readonly { value: string }[]).map(({ value }) => value)
  }
  const withAddress = async (address: string): Promise<string> => {
    const emails = [{ value: address, primary: true }]
    return idOf(await client.post('/Users', { schemas: [USER], userName: fresh('person'), emails }))
  }

  it('may be the address of the one person who has it as primary, in any case', async () => {
    const [address, group] = [`${fresh('one')}@example.com`, await makeGroup(client, [])]
    const id = await withAddress(address)
    expect((await add(group, address.toUpperCase())).status).to.equal(200)
    expect(await membersOf(group)).to.deep.equal([id])
    expect((await client.get(`/Users/${encodeURIComponent(address)}`)).json).to.include({ id })
  })

  it('are refused where several people have the address, and so is reading one of them by it', async () => {
    const [address, group] = [`${fresh('shared')}@example.com`, await makeGroup(client, [])]
    await withAddress(address)
    await withAddress(address)
    for (const answer of [await add(group, address), await client.get(`/Users/${encodeURIComponent(address)}`)]) {
      expect([answer.status, answer.json['scimType']]).to.deep.equal([400, 'invalidValue'])
      expect(answer.json['detail']).to.include('everal people have this address; use the id')
    }
    expect(await membersOf(group)).to.deep.equal([])
    expect((await client.get('/Users/nobody%40example.com')).status).to.equal(404)
    expect((await add(group, 'nobody@example.com')).json).to.include({ scimType: 'invalidValue' })
  })

  it('that nobody has are refused all together, ten of them by name, and nothing is done', async () => {
    const [{ id }, group] = [await makeUser(client), await makeGroup(client, [])]
    const unknown = Array.from({ length: 12 }, (_, n) => RANDOM + String(10 + n))
    const answer = await add(group, id, ...unknown)
    expect([answer.status, answer.json['scimType']]).to.deep.equal([400, 'invalidValue'])
    const detail = String(answer.json['detail'])
    expect(unknown.filter((each) => detail.includes(each))).to.have.length(10)
    expect(detail).to.include('and 2 more')
    expect(await membersOf(group)).to.deep.equal([])
  })

  it('of deleted people are passed over, which the log says; those of service accounts are refused', async () => {
    const [{ id: gone }, { id: here }] = [await makeUser(client), await makeUser(client)]
    const group = await makeGroup(client, [])
    expect((await client.delete(`/Users/${gone}`)).status).to.equal(204)
    expect((await add(group, gone, here)).status).to.equal(200)
    expect(await membersOf(group)).to.deep.equal([here])
    const record = (await gateway.records()).at(-1)
    expect([record!['action'], JSON.stringify(record).includes(gone)]).to.deep.equal(['group.update', true])
    const displayName = fresh('team')
    await client.post('/Groups', { schemas: [GROUP], displayName })
    const account = idOf(
      await client.post('/Users', {
        ...{ schemas: [USER, TEAMS_URN], userName: fresh('sa'), [TEAMS_URN]: { defaultTeam: displayName } },
        [ROLLCALL_URN]: { accountType: 'SERVICE' },
      }),
    )
    const refused = await add(group, account)
    expect([refused.status, refused.json['scimType']]).to.deep.equal([400, 'invalidValue'])
    expect(refused.json['detail']).to.include('Service accounts cannot be members of a group')
  })

  it('that are removed though nobody has them are no change', async () => {
    const [{ id }, group] = [await makeUser(client), await makeGroup(client, [])]
    await add(group, id)
    const removal = { op: 'remove', path: `members[value eq "${id}"]` }
    expect((await client.patch(`/Groups/${group}`, [removal])).status).to.equal(200)
    expect(await membersOf(group)).to.deep.equal([])
    const before = (await gateway.records()).length
    expect((await client.patch(`/Groups/${group}`, [removal])).status).to.equal(200)
    expect(await gateway.records()).to.have.length(before)
  })
})
