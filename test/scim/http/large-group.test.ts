import { request } from 'node:http'
import { expect } from 'chai'
import { sql } from 'kysely'
import { forEachDialect } from '../../support/databases.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { makeGroup, makeUser, ScimClient } from './scim-client.ts'

const MEMBERS = 50_000
const MIB = 1_048_576

/** What a reader that never keeps more than the last chunk saw of an answer. */
interface Streamed {
  readonly status: number
  readonly length: string | undefined
  readonly bytes: number
  readonly members: number
  readonly mostMemory: number
}

forEachDialect('a group of 50,000 members (R22)', function (dialect) {
  let test: TestGateway
  let client: ScimClient
  let group: string
  let name: string

  before(async function () {
    this.timeout(120_000)
    test = await startTestGateway(dialect)
    client = new ScimClient(test.url, test.token)
    group = await makeGroup(client, [(await makeUser(client)).id])
    name = String((await client.get(`/Groups/${group}`)).json['displayName'])
    await fill()
  })
  after(async () => {
    client.close()
    await test.stop()
  })

  /** Puts people and their memberships into the tables, as so many requests would have left them. */
  async function fill(): Promise<void> {
    const { writer } = test.gateway.opened.connections
    const { rows } = await sql<{ org_id: string }>`select org_id from scim_group where id = ${group}`.execute(writer)
    const series = sql`with recursive n(i) as (select 2 union all select i + 1 from n where i < ${sql.lit(MEMBERS)})`
    const text = (value: string) => (dialect === 'sqlite' ? sql`${value}` : sql`${value}::text`)
    const org = text(rows[0]!.org_id)
    const digits = dialect === 'sqlite' ? sql`printf('%012d', i)` : sql`lpad(i::text, 12, '0')`
    const id = sql`'aaaaaaaa-0000-7000-8000-' || ${digits}`
    await writer.transaction().execute(async (db) => {
      // No request writes as much; on a busy machine it takes longer than one may.
      if (dialect === 'postgres') await sql`set local statement_timeout = 0`.execute(db)
      await sql`insert into "user" (org_id, id, ord, username, username_key, display_name, display_name_key, status,
          account_type, external_id, org_role, billing_admin, body, search, version, created, updated)
        ${series} select ${org}, ${id}, i, 'Person-' || i, 'person-' || i, 'Person ' || i, 'person ' || i, 'active', 'USER',
          'ext-' || i, 'member', 0, '{"userName":"Person-' || i || '"}', 'person-' || i, 1, i, i from n`.execute(db)
      await sql`insert into group_member (org_id, group_id, user_id, origin, set_at)
        ${series} select ${org}, ${text(group)}, ${id}, 'scim', 1 from n`.execute(db)
      await sql`update scim_group set member_count = ${MEMBERS} where id = ${group}`.execute(db)
      await sql`update org_counter set value = ${MEMBERS} where name in ('user', 'ord.user')`.execute(db)
    })
    // People who come over weeks are counted by the server itself, long before they are this many.
    if (dialect === 'postgres') await sql`analyze`.execute(writer)
  }

  /** Reads a group slowly, counting what goes by. */
  function stream(path: string): Promise<Streamed> {
    const mark = '"$ref":'
    const headers = { authorization: `Bearer ${test.token}` }
    return new Promise((resolve, reject) => {
      const outgoing = request(`${test.base}${path}`, { headers }, (answer) => {
        let [bytes, members, rest, mostMemory] = [0, 0, '', 0]
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          const seen = rest + chunk
          bytes += chunk.length
          members += seen.split(mark).length - 1
          rest = seen.slice(Math.max(0, seen.length - mark.length + 1))
          mostMemory = Math.max(mostMemory, process.memoryUsage().rss)
          answer.pause()
          setImmediate(() => answer.resume())
        })
        answer.on('error', reject)
        answer.on('end', () => {
          const length = answer.headers['content-length']
          resolve({ status: answer.statusCode ?? 0, length, bytes, members, mostMemory })
        })
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  }

  it('streams to a slow reader in bounded memory, whole', async function () {
    this.timeout(60_000)
    await stream(`/Groups/${group}`)
    const before = process.memoryUsage().rss
    for (let round = 0; round < 3; round++) {
      const { status, length, bytes, members, mostMemory } = await stream(`/Groups/${group}`)
      expect({ status, length, members }).to.deep.equal({ status: 200, length: undefined, members: MEMBERS })
      expect(bytes).to.be.above(5 * MIB)
      expect((mostMemory - before) / MIB, 'MiB more').to.be.below(100)
    }
  })

  it('is read without its members where they are excluded: the table of members may be gone', async () => {
    const { writer } = test.gateway.opened.connections
    const rename = (from: string, to: string) =>
      sql`alter table ${sql.table(from)} rename to ${sql.table(to)}`.execute(writer)
    const list = `/Groups?filter=${encodeURIComponent(`displayName eq "${name}"`)}`
    await rename('group_member', 'group_member_gone')
    try {
      const one = await client.get(`/Groups/${group}?excludedAttributes=members`)
      expect([one.status, one.json['displayName'], one.json['members']]).to.deep.equal([200, name, undefined])
      const some = await client.get(`${list}&excludedAttributes=members`)
      expect([some.status, some.json['totalResults']]).to.deep.equal([200, 1])
      const named = await client.get(`${list}&attributes=displayName`)
      expect([named.status, named.json['totalResults']]).to.deep.equal([200, 1])
      const etag = String(one.headers.etag)
      expect((await client.get(`/Groups/${group}`, { headers: { 'if-none-match': etag } })).status).to.equal(304)
      expect((await client.send('HEAD', `/scim/v2/Groups/${group}`)).status).to.equal(200)
      // Otherwise the above would prove nothing.
      expect((await client.get(list)).status).to.equal(500)
    } finally {
      await rename('group_member_gone', 'group_member')
    }
  })

  it('is changed by one member without being read: 204, its ETag, and right for whoever asks', async () => {
    const person = 'aaaaaaaa-0000-7000-8000-000000000777'
    const isMember = async () => {
      const filter = encodeURIComponent(`id eq "${group}" and members eq "${person}"`)
      return (await client.get(`/Groups?filter=${filter}&excludedAttributes=members`)).json['totalResults']
    }
    expect(await isMember()).to.equal(1)
    const removed = await client.patch(`/Groups/${group}`, [{ op: 'remove', path: `members[value eq "${person}"]` }])
    expect([removed.status, removed.text]).to.deep.equal([204, ''])
    expect(await isMember()).to.equal(0)
    const added = await client.patch(`/Groups/${group}`, [{ op: 'add', path: 'members', value: [{ value: person }] }])
    expect([added.status, added.text]).to.deep.equal([204, ''])
    expect(added.headers.etag)
      .to.match(/^W\/"\d+"$/)
      .and.not.equal(removed.headers.etag)
    expect(await isMember()).to.equal(1)
  })

  it('and its people are found by the names clients match with', async () => {
    for (const filter of ['userName eq "PERSON-40000"', 'displayName eq "person 40000"']) {
      const { status, json } = await client.get(`/Users?filter=${encodeURIComponent(filter)}`)
      expect([status, json['totalResults']], filter).to.deep.equal([200, 1])
    }
    const groups = await client.get(
      `/Groups?filter=${encodeURIComponent(`displayName eq "${name.toUpperCase()}"`)}&count=0`,
    )
    expect(groups.json).to.include({ totalResults: 1 })
  })
})
