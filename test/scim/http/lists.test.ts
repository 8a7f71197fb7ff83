import { expect } from 'chai'
import { forEachDialect } from '../../support/databases.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { type Answer, fresh, idsOf, makeGroup, makeUser, type ScimClient } from './scim-client.ts'

const HOUR = 3_600_000

/** Numbers that look random and are the same in every run (a linear congruential generator). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

forEachDialect('lists over HTTP', (dialect) => {
  let gateway: Gateway
  let client: ScimClient
  let time = Date.now()

  before(async () => {
    gateway = await openGateway({ dialect, fastRoutes: true, now: () => time })
    client = gateway.client()
  })
  after(async () => {
    client.close()
    await gateway.close()
  })

  function list(query: Readonly<Record<string, string | number>>, from: ScimClient = client, type = 'Users') {
    const text = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    )
    return from.get(`/${type}?${text.toString()}`)
  }

  function problemOf(answer: Answer): readonly unknown[] {
    return [answer.status, answer.json['scimType']]
  }

  /** People who share a title, so that a test has a list to itself. */
  async function titled(
    count: number,
  ): Promise<{ readonly filter: string; readonly title: string; readonly ids: string[] }> {
    const title = fresh('title')
    const ids: string[] = []
    for (let at = 0; at < count; at++) ids.push((await makeUser(client, { title })).id)
    return { filter: `title eq "${title}"`, title, ids }
  }

  it('lead from page to page by nextCursor until the last one has none (RFC 9865 §2)', async () => {
    const { filter, ids } = await titled(5)
    const first = await list({ filter, cursor: '', count: 2 })
    expect(first.status).to.equal(200)
    expect(first.json).to.include({ totalResults: 5, itemsPerPage: 2 })
    expect(first.json).to.not.have.any.keys('startIndex', 'previousCursor')
    const second = await list({ filter, cursor: String(first.json['nextCursor']), count: 2 })
    const third = await list({ filter, cursor: String(second.json['nextCursor']), count: 2 })
    expect([...idsOf(first), ...idsOf(second), ...idsOf(third)]).to.deep.equal(ids)
    expect(third.json).to.include({ totalResults: 5, itemsPerPage: 1 })
    expect(third.json).to.not.have.property('nextCursor')
    const cursor = String(first.json['nextCursor'])
    expect(cursor).to.match(/^[A-Za-z0-9_-]+$/)
    expect(idsOf(await list({ filter, cursor, count: 2 })), 'the same cursor again').to.deep.equal(idsOf(second))
  })

  it('page without a cursor by index, and give no nextCursor there (RFC 9865 §2)', async () => {
    const { filter, ids } = await titled(3)
    const answer = await list({ filter, count: 2 })
    expect(answer.json).to.include({ startIndex: 1, totalResults: 3, itemsPerPage: 2 })
    expect(answer.json).to.not.have.property('nextCursor')
    expect(idsOf(await list({ filter, count: 2, startIndex: 3 }))).to.deep.equal(ids.slice(2))
  })

  it('honour another count in the middle of a walk (RFC 9865 §2)', async () => {
    const { filter, ids } = await titled(6)
    const first = await list({ filter, cursor: '', count: 1 })
    const rest = await list({ filter, cursor: String(first.json['nextCursor']), count: 4 })
    expect(idsOf(rest)).to.deep.equal(ids.slice(1, 5))
    const last = await list({ filter, cursor: String(rest.json['nextCursor']), count: 4 })
    expect(idsOf(last)).to.deep.equal(ids.slice(5))
    expect(last.json).to.include({ totalResults: 6, itemsPerPage: 1 })
    expect(last.json).to.not.have.property('nextCursor')
  })

  for (const sorting of [
    {},
    { sortBy: 'userName' },
    { sortBy: 'displayName', sortOrder: 'descending' },
    { sortBy: 'name.familyName' },
    { sortBy: 'emails', sortOrder: 'descending' },
  ]) {
    it(`miss and repeat nobody by cursor while others come and go: ${JSON.stringify(sorting)} (RFC 9865 §2)`, async () => {
      const random = numbersFrom(20_251_009)
      const title = fresh('title')
      const make = async (): Promise<string> => {
        const more = {
          title,
          ...(random(3) === 0 ? {} : { displayName: `Name ${random(4)}` }),
          ...(random(3) === 0 ? {} : { name: { familyName: `Family ${random(4)}` } }),
          ...(random(3) === 0 ? {} : { emails: [{ value: `${fresh('mail')}@example.com` }] }),
        }
        return (await makeUser(client, more)).id
      }
      const present: string[] = []
      for (let at = 0; at < 24; at++) present.push(await make())
      const throughout = new Set(present)
      const seen: string[] = []
      let cursor: string | undefined = ''
      let total: unknown
      while (cursor !== undefined) {
        const answer = await list({ filter: `title eq "${title}"`, ...sorting, cursor, count: 1 + random(5) })
        expect(answer.status, answer.text).to.equal(200)
        total ??= answer.json['totalResults']
        expect(answer.json['totalResults']).to.equal(total)
        seen.push(...idsOf(answer))
        cursor = answer.json['nextCursor'] as string | undefined
        if (random(2) === 0) present.push(await make())
        const [gone] = present.splice(random(present.length), 1)
        if (gone === undefined) continue
        await client.delete(`/Users/${gone}`)
        throughout.delete(gone)
      }
      expect(new Set(seen).size, 'nobody twice').to.equal(seen.length)
      expect(seen, 'everybody who stayed').to.include.members([...throughout])
      expect(total).to.equal(24)
    })
  }

  it('page groups by cursor too (RFC 9865 §2)', async () => {
    const ids = [await makeGroup(client), await makeGroup(client), await makeGroup(client)]
    const seen: string[] = []
    let cursor: string | undefined = ''
    while (cursor !== undefined) {
      const answer: Answer = await list({ cursor, count: 2, sortBy: 'displayName' }, client, 'Groups')
      seen.push(...idsOf(answer))
      cursor = answer.json['nextCursor'] as string | undefined
    }
    expect(seen).to.include.members(ids)
    expect(new Set(seen).size).to.equal(seen.length)
  })

  describe('refuse a cursor', () => {
    let filter: string
    let cursor: string

    before(async () => {
      filter = (await titled(3)).filter
      cursor = String((await list({ filter, sortBy: 'userName', cursor: '', count: 1 })).json['nextCursor'])
    })

    const flipped = (at: number) => {
      const bytes = Buffer.from(cursor, 'base64url')
      const place = at < 0 ? bytes.length + at : at
      bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place)
      return bytes.toString('base64url')
    }
    const ALTERED: readonly (readonly [string, () => string])[] = [
      ['with another MAC', () => flipped(0)],
      ['with another state', () => flipped(40)],
      ['with another end', () => flipped(-1)],
      ['cut short', () => cursor.slice(0, -4)],
      ['of the MAC alone', () => cursor.slice(0, 43)],
      ['with more behind it', () => `${cursor}AAAA`],
      ['that was never one', () => 'next'],
      ['that is no base64url', () => 'ä b/+='],
      ['that is a number', () => '2'],
    ]
    for (const [name, altered] of ALTERED) {
      it(`${name}: invalidCursor (RFC 9865 §2.1)`, async () => {
        const answer = await list({ filter, sortBy: 'userName', cursor: altered(), count: 1 })
        expect(problemOf(answer)).to.deep.equal([400, 'invalidCursor'])
      })
    }

    it('of another filter, sort, order or resource type: invalidCursor (RFC 9865 §2.1)', async () => {
      for (const query of [
        { filter: 'title pr', sortBy: 'userName', cursor },
        { sortBy: 'userName', cursor },
        { filter, cursor },
        { filter, sortBy: 'id', cursor },
        { filter, sortBy: 'userName', sortOrder: 'descending', cursor },
      ]) {
        expect(problemOf(await list(query)), JSON.stringify(query)).to.deep.equal([400, 'invalidCursor'])
      }
      expect(problemOf(await list({ cursor }, client, 'Groups'))).to.deep.equal([400, 'invalidCursor'])
    })

    it('of another org or connection: invalidCursor (RFC 9865 §2.1)', async () => {
      for (const options of [{}, { kind: 'script' as const }, { org: fresh('org') }]) {
        const other = await gateway.connect(options)
        const answer = await list({ filter, sortBy: 'userName', cursor }, other)
        expect(problemOf(answer)).to.deep.equal([400, 'invalidCursor'])
        other.close()
      }
    })

    it('that is older than an hour: expiredCursor (RFC 9865 §2.1)', async () => {
      const made = time
      const query = { filter, sortBy: 'userName', cursor, count: 1 }
      try {
        time = made + HOUR
        expect((await list(query)).status).to.equal(200)
        time = made + HOUR + 1
        expect(problemOf(await list(query))).to.deep.equal([400, 'expiredCursor'])
      } finally {
        time = made
      }
    })

    it('beside a startIndex: invalidValue (RFC 9865 §2)', async () => {
      for (const given of [cursor, '']) {
        const answer = await list({ filter, sortBy: 'userName', cursor: given, startIndex: 1 })
        expect(problemOf(answer)).to.deep.equal([400, 'invalidValue'])
      }
    })

    it('with a count that is none: invalidCount (RFC 9865 §2.1)', async () => {
      for (const count of ['many', '-1', '0', '1.5']) {
        for (const given of [cursor, '']) {
          const answer = await list({ filter, sortBy: 'userName', cursor: given, count })
          expect(problemOf(answer), count).to.deep.equal([400, 'invalidCount'])
        }
      }
      expect((await list({ filter, sortBy: 'userName', cursor, count: 100_000 })).status).to.equal(200)
    })
  })

  it('tell the total alone, an empty page behind the end, and 1 for a lower startIndex (RFC 7644 §3.4.2.4)', async () => {
    const { filter, ids } = await titled(3)
    for (const count of [0, -7]) {
      const answer = await list({ filter, count })
      expect(answer.json).to.include({ totalResults: 3, itemsPerPage: 0, startIndex: 1 })
      expect(idsOf(answer)).to.deep.equal([])
    }
    const beyond = await list({ filter, startIndex: 4, count: 2 })
    expect(beyond.json).to.include({ totalResults: 3, itemsPerPage: 0, startIndex: 4 })
    expect(idsOf(await list({ filter, startIndex: -3, count: 2 }))).to.deep.equal(ids.slice(0, 2))
    expect((await list({ filter, startIndex: 0 })).json['startIndex']).to.equal(1)
  })

  it('keep a total truthful from one write to the next (RFC 7644 §3.4.2)', async () => {
    const { filter, title, ids } = await titled(2)
    const total = async () => (await list({ filter, count: 1 })).json['totalResults']
    expect([await total(), await total()]).to.deep.equal([2, 2])
    await makeUser(client, { title })
    expect(await total()).to.equal(3)
    await client.patch(`/Users/${ids[0] ?? ''}`, [{ op: 'replace', path: 'title', value: 'another' }])
    expect(await total()).to.equal(2)
    await client.delete(`/Users/${ids[1] ?? ''}`)
    expect(await total()).to.equal(1)
  })

  it('are announced with their limits by mount (RFC 9865 §4)', async () => {
    const at = async (mount: string) => (await client.at(mount).get('/ServiceProviderConfig')).json['pagination']
    const shared = { cursor: true, index: true, defaultPaginationMethod: 'index', cursorTimeout: 3_600 }
    expect(await at('/scim/v2')).to.deep.equal({ ...shared, defaultPageSize: 100, maxPageSize: 1_000 })
    expect(await at('/scim')).to.deep.equal({ ...shared, defaultPageSize: 9_999, maxPageSize: 9_999 })
  })
})
