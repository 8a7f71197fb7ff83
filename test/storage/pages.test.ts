import { setImmediate } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { expect } from 'chai'
import { CompiledQuery, Kysely, PostgresDialect, sql, SqliteDialect } from 'kysely'
import { Pool } from 'pg'
import type { Database } from '../../db/schema.ts'
import type { Viewer } from '../../src/domain/connection.ts'
import type { Page, PageKey, PageQuery } from '../../src/domain/ports.ts'
import type { User } from '../../src/domain/user.ts'
import { deleteUser } from '../../src/provisioning/delete-user.ts'
import { ENTERPRISE_URN } from '../../src/domain/schema-urns.ts'
import { parseFilter } from '../../src/scim/filter/parse.ts'
import { parseSortBy } from '../../src/scim/filter/sort-by.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import { createResourcePages } from '../../src/storage/resource-page.ts'
import { databaseFile } from '../../src/storage/store.ts'
import { USER_COLUMNS } from '../../src/storage/user-row.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, refusal, type Tenant } from '../support/tenant.ts'
import { insertPeople, ordered, person, type SortValue } from './list-people.ts'

/** Enough for a search of more than one slice, a filter too wide to sort, and an offset of more than one hop. */
const PEOPLE = 12_000

const VIEW = baseView('User')

function enterprise(user: User, name: string): string | undefined {
  return (user.attributes[ENTERPRISE_URN] as Record<string, string | undefined>)[name]
}

const VIEWER: Viewer = { kind: 'script', connectionId: undefined }

interface Asked {
  readonly filter?: string
  readonly sortBy?: string
  readonly descending?: boolean
  readonly startIndex?: number
  readonly count?: number
  readonly after?: PageKey
  readonly knownTotal?: number
  readonly viewer?: Viewer
}

function queryOf({ filter, sortBy, descending = false, startIndex = 1, count = 100, ...more }: Asked): PageQuery {
  return {
    filter: filter === undefined ? undefined : parseFilter(filter, VIEW),
    sort: sortBy === undefined ? undefined : { by: parseSortBy(sortBy, VIEW), descending },
    startIndex,
    count,
    viewer: VIEWER,
    ...more,
  }
}

const SORTS: readonly (readonly [string, SortValue])[] = [
  ['userName', (user) => user.attributes.userName],
  ['displayName', (user) => user.attributes['displayName'] as string | undefined],
  ['id', (user) => user.id],
  ['meta.created', (user) => user.created],
  ['meta.lastModified', (user) => user.updated],
  ['active', (user) => (user.status === 'deactivated' ? 0 : 1)],
  [`${ENTERPRISE_URN}:department`, (user) => enterprise(user, 'department')],
  [`${ENTERPRISE_URN}:employeeNumber`, (user) => enterprise(user, 'employeeNumber')],
  ['meta.version', (user) => `W/"${user.version}"`],
  ['name.familyName', (user) => (user.attributes['name'] as { familyName: string } | undefined)?.familyName],
  ['emails', (user) => (user.attributes['emails'] as { value: string }[])[1]?.value],
]

const FILTERS: readonly (readonly [string, (user: User) => boolean])[] = [
  ['title co "pha"', (user) => user.attributes['title'] === 'Alpha'],
  ['active eq true', (user) => user.status === 'active'],
  ['active eq false', (user) => user.status === 'deactivated'],
  [
    'displayName eq "name 7" or userName eq "x" or meta.created gt "2023-11-14T22:13:23.990Z"',
    (user) => user.attributes['displayName'] === 'Name 7' || user.created > 1_700_000_003_990,
  ],
  ['displayName eq "name 7"', (user) => user.attributes['displayName'] === 'Name 7'],
  ['emails.value sw "o"', () => true],
  ['emails.value sw "other1"', (user) => JSON.stringify(user.attributes['emails']).includes('"other1')],
  ['meta.resourceType eq "User" and not (title pr)', () => false],
]

forEachDialect('pages of a large directory', (dialect) => {
  let test: TestStore
  let tenant: Tenant
  let people: readonly User[]

  before(async () => {
    test = await openTestStore(dialect)
    tenant = await foundTenant(test)
    people = Array.from({ length: PEOPLE }, (_, index) => person(index))
    await insertPeople(test.connections.writer, tenant.orgId, people)
    if (dialect === 'postgres') await sql`analyze`.execute(test.connections.writer)
  })
  after(() => test.close())

  function page(asked: Asked): Promise<Page<User>> {
    return test.store.reads.users.page(tenant.orgId, queryOf(asked))
  }

  function names(users: readonly User[]): readonly string[] {
    return users.map((user) => user.attributes.userName)
  }

  for (const [sortBy, value] of SORTS) {
    for (const descending of [false, true]) {
      it(`are in the order of ${sortBy}${descending ? ' descending' : ''}, at any depth (RFC 7644 §3.4.2.3)`, async () => {
        const wanted = ordered(people, value, descending)
        for (const startIndex of [1, 3_990, PEOPLE - 3]) {
          const { rows, total } = await page({ sortBy, descending, startIndex, count: 7 })
          expect(names(rows), `startIndex ${startIndex}`).to.deep.equal(
            names(wanted.slice(startIndex - 1, startIndex + 6)),
          )
          expect(total).to.equal(PEOPLE)
        }
        for (const at of [10, 3_999, 11_990]) {
          const before = wanted[at]
          if (before === undefined) throw new Error('no such person')
          const after = { sort: sortKey(sortBy, value(before)), ord: before.ord }
          const { rows } = await page({ sortBy, descending, after, knownTotal: PEOPLE, count: 5 })
          expect(names(rows), `behind ${at}`).to.deep.equal(names(wanted.slice(at + 1, at + 6)))
        }
      })
    }
  }

  for (const [filter, holds] of FILTERS) {
    for (const sortBy of [undefined, 'userName', 'displayName']) {
      it(`walk ${filter} ${sortBy ?? ''} by key and by index, with the total (RFC 7644 §3.4.2.4, RFC 9865 §2)`, async () => {
        const value = SORTS.find(([name]) => name === sortBy)?.[1] ?? ((user: User) => user.ord)
        const wanted = ordered(people.filter(holds), value, false)
        const asked = { filter, ...(sortBy === undefined ? {} : { sortBy }), count: 997 }
        let key: PageKey | undefined
        for (let at = 0; at < Math.min(wanted.length, 3_000); at += 997) {
          const byKey = await page({ ...asked, ...(key === undefined ? {} : { after: key }) })
          const byIndex = await page({ ...asked, startIndex: at + 1 })
          const expected = names(wanted.slice(at, at + 997))
          expect(names(byKey.rows)).to.deep.equal(expected)
          expect(names(byIndex.rows)).to.deep.equal(expected)
          expect([byKey.total, byIndex.total]).to.deep.equal([wanted.length, wanted.length])
          key = byKey.next
          expect(key !== undefined).to.equal(wanted.length > at + 997)
        }
        const deep = await page({ ...asked, startIndex: Math.max(1, wanted.length - 4), count: 9 })
        expect(names(deep.rows)).to.deep.equal(names(wanted.slice(-5)))
        expect(await page({ ...asked, count: 0 })).to.deep.equal({ total: wanted.length, rows: [], next: undefined })
        const beyond = await page({ ...asked, startIndex: wanted.length + 1 })
        expect(beyond).to.deep.equal({ total: wanted.length, rows: [], next: undefined })
      })
    }
  }

  it('let other work in between the slices of a search that no index serves', async () => {
    let [turns, over] = [0, false]
    const ticking = (async () => {
      while (!over) {
        await setImmediate()
        turns += 1
      }
    })()
    await page({ filter: 'nickName eq "nobody"' })
    over = true
    await ticking
    expect(turns).to.be.at.least(PEOPLE / 2_000)
  })

  it('look at every row for one request of a connection at a time', async () => {
    const ends: string[] = []
    const search = (name: string, filter: string) =>
      page({ filter, count: 1 }).then(() => {
        ends.push(name)
      })
    await Promise.all([
      search('every row', 'nickName eq "nobody"'),
      search('every row again', 'nickName eq "nobody else"'),
      search('by index', 'userName eq "nobody"'),
    ])
    expect(ends).to.deep.equal(['by index', 'every row', 'every row again'])
  })

  it('count nothing twice while the log of the org stands still', async () => {
    const filter = 'title co "eta"'
    const first = await page({ filter, count: 1 })
    // Nothing goes round the log, so only a kept total can miss this.
    const hide = (at: number | null) =>
      test.connections.writer.updateTable('user').set({ deleted_at: at }).where('ord', '=', 2).execute()
    await hide(1)
    try {
      expect((await page({ filter, count: 1 })).total).to.equal(first.total)
      const made = await tenant.user('made-between@example.com', { attributes: { title: 'Beta' } })
      expect((await page({ filter, count: 1 })).total).to.equal(first.total)
      await deleteUser(tenant.provisioning, tenant.idp, made.id, { method: 'DELETE' }).durable
      expect((await page({ filter, count: 1 })).total).to.equal(first.total - 1)
    } finally {
      await hide(null)
    }
  })

  it('refuse to sort more rows than can be without an index, and say what is sorted at no cost (RFC 7644 §3.12)', async () => {
    const setCounter = (value: number) =>
      test.connections.writer.updateTable('org_counter').set({ value }).where('name', '=', 'user').execute()
    const { rows } = await sql<{ value: number }>`select value from org_counter where name = 'user'`.execute(
      test.connections.reader,
    )
    await setCounter(50_001)
    try {
      expect(await refusal(page({ sortBy: 'title' }))).to.equal('too-many')
      const error: unknown = await page({ sortBy: 'title' }).catch((thrown: unknown) => thrown)
      expect((error as Error).message).to.match(
        /sort by id, meta\.created, meta\.lastModified, userName, displayName, active, urn:\S+:User:department, urn:/,
      )
      expect((await page({ sortBy: 'userName' })).rows).to.have.lengthOf(100)
      expect(await refusal(page({ sortBy: 'userName', filter: 'active eq true', startIndex: 50_000 }))).to.equal(
        'too-many',
      )
    } finally {
      await setCounter(rows[0]?.value ?? 0)
    }
  })

  /** The plans of the statements that a page is read with. */
  async function plansOf(asked: Asked): Promise<readonly string[]> {
    const statements: CompiledQuery[] = []
    const db = listening(test, (statement) => statements.push(statement))
    const source = { table: 'user', columns: USER_COLUMNS, counter: 'user', ordIndex: 'user_list' } as const
    await createResourcePages(db, dialect, Date.now).page(source, tenant.orgId, queryOf(asked))
    await db.destroy()
    const plans: string[] = []
    for (const { sql: text, parameters } of statements) plans.push(await explain(text, parameters))
    return plans
  }

  async function explain(text: string, parameters: readonly unknown[]): Promise<string> {
    const prefix = dialect === 'postgres' ? 'explain ' : 'explain query plan '
    const { rows } = await test.connections.reader.executeQuery(CompiledQuery.raw(prefix + text, [...parameters]))
    return rows.map((row) => String(Object.values(row as object).at(-1))).join('\n')
  }

  const middle = person(6_000)
  const DESCENDING = { descending: true } as const
  const BY_CURSOR: readonly (readonly [string, Asked, RegExp])[] = [
    ['ord', { after: { sort: null, ord: middle.ord } }, /user_list/],
    ['userName', { sortBy: 'userName', after: { sort: 'person005', ord: 1 } }, /user_name/],
    [
      'userName descending',
      { sortBy: 'userName', descending: true, after: { sort: 'person005', ord: 1 } },
      /user_name/,
    ],
    ['displayName', { sortBy: 'displayName', after: { sort: 'name 2', ord: 1 } }, /user_display_name/],
    [
      'displayName descending',
      { ...DESCENDING, sortBy: 'displayName', after: { sort: 'name 2', ord: 900 } },
      /user_displ/,
    ],
    ['no displayName', { sortBy: 'displayName', after: { sort: null, ord: 9 } }, /user_display_name/],
    [
      'department',
      { sortBy: `${ENTERPRISE_URN}:department`, after: { sort: 'department 2', ord: 1 } },
      /user_department/,
    ],
    [
      'department descending',
      { ...DESCENDING, sortBy: `${ENTERPRISE_URN}:department`, after: { sort: 'department 2', ord: 9_000 } },
      /user_department/,
    ],
    ['employeeNumber', { sortBy: `${ENTERPRISE_URN}:employeeNumber`, after: { sort: 'e2', ord: 1 } }, /user_employee/],
    ['active', { sortBy: 'active', after: { sort: 1, ord: 1 } }, /user_active/],
    ['active descending', { ...DESCENDING, sortBy: 'active', after: { sort: 1, ord: 9_000 } }, /user_active/],
    ['meta.created', { sortBy: 'meta.created', after: { sort: middle.created, ord: 1 } }, /user_created/],
    ['id', { sortBy: 'id', after: { sort: middle.id, ord: 1 } }, /sqlite_autoindex_user_1|user_pkey/],
    ['meta.lastModified', { sortBy: 'meta.lastModified', after: { sort: middle.updated, ord: 1 } }, /user_updated/],
  ]
  for (const [name, asked, index] of BY_CURSOR) {
    it(`are found by cursor in the index of ${name}, without sorting the rest`, async () => {
      const plans = await plansOf({ ...asked, knownTotal: PEOPLE, count: 10 })
      const [plan = ''] = plans
      expect(plans).to.have.lengthOf(1)
      expect(plan).to.match(index)
      expect(plan).to.not.match(
        dialect === 'sqlite' ? /B-TREE FOR ORDER BY|SCAN/ : /(?<!Incremental )Sort {2}\(|Seq Scan/,
      )
    })
  }

  it('go on within many rows of one key by the key and ord together, not from the first of them', async () => {
    for (const descending of [false, true]) {
      for (const [sortBy, sort] of [
        ['active', 1],
        [`${ENTERPRISE_URN}:department`, 'department 2'],
      ] as const) {
        const [plan = ''] = await plansOf({
          sortBy,
          descending,
          after: { sort, ord: 6_000 },
          knownTotal: PEOPLE,
          count: 9,
        })
        const place =
          dialect === 'sqlite' ? /\(org_id=\? AND \(\w+,ord\)[<>]\(\?,\?\)\)/ : /Index Cond: .*ROW\(\w+, ord\)/
        expect(plan, sortBy).to.match(place)
      }
    }
  })

  for (const [sortBy, value] of [[undefined, (user: User) => user.ord] as const, ...SORTS.slice(0, 2)]) {
    it(`go on by key where a walk by index goes on (${sortBy ?? 'no sortBy'}), so nobody is missed under writes`, async () => {
      const asked = { ...(sortBy === undefined ? {} : { sortBy }), filter: 'title eq "Alpha"', count: 100 }
      const matches = people.filter((user) => user.attributes['title'] === 'Alpha')
      const wanted = ordered(matches, value, false).slice(0, 500)
      const gone = wanted.slice(0, 50)
      const seen = [...names((await page({ ...asked })).rows)]
      const ids = gone.map((user) => user.id)
      const hide = (at: number | null) =>
        test.connections.writer.updateTable('user').set({ deleted_at: at }).where('id', 'in', ids).execute()
      await hide(1)
      try {
        for (const startIndex of [101, 201, 301, 401]) seen.push(...names((await page({ ...asked, startIndex })).rows))
        expect(seen).to.deep.equal(names(wanted))
        // Another size of page is another walk: it counts the rows that are there now.
        const other = await page({ ...asked, startIndex: 101, count: 99 })
        const left = matches.filter((user) => !gone.includes(user))
        expect(names(other.rows)).to.deep.equal(names(ordered(left, value, false).slice(100, 199)))
      } finally {
        await hide(null)
      }
    })
  }

  it('read one row by one statement where that is all there is', async () => {
    const middle = people[6_000] ?? person(0)
    for (const filter of [
      `userName eq "${middle.attributes.userName.toUpperCase()}"`,
      `id eq "${middle.id}"`,
      'emails.value eq "other6000@example.com"',
      `id eq "${middle.id}" and title pr`,
    ]) {
      const { rows, total } = await page({ filter })
      expect([total, ...names(rows)]).to.deep.equal([1, middle.attributes.userName])
      expect(await plansOf({ filter })).to.have.lengthOf(1)
    }
  })
})

/** What the key of a sort value is in SQL. */
function sortKey(sortBy: string, value: string | number | undefined): string | number | null {
  if (value === undefined) return null
  return typeof value === 'string' && sortBy !== 'meta.version' ? value.toLowerCase() : value
}

/** A connection of its own to the store, told of every statement. */
function listening(test: TestStore, onStatement: (statement: CompiledQuery) => void): Kysely<Database> {
  const dialect =
    test.databaseUrl === undefined
      ? new SqliteDialect({ database: new Sqlite(databaseFile(test.dataDir), { readonly: true }) })
      : new PostgresDialect({ pool: new Pool({ connectionString: test.databaseUrl, max: 1 }) })
  return new Kysely<Database>({
    dialect,
    log: ({ query }) => {
      onStatement(query)
    },
  })
}
