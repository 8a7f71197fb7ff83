import { expect } from 'chai'
import fc from 'fast-check'
import { sql } from 'kysely'
import { DomainError } from '../../src/domain/errors.ts'
import { compareText, evaluate } from '../../src/domain/evaluate.ts'
import type { AttributeRef } from '../../src/domain/filter.ts'
import { fold } from '../../src/domain/fold.ts'
import { type GroupId, newId, type OrgId } from '../../src/domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'
import { CUSTOM_URN } from '../../src/domain/schema-urns.ts'
import { parseFilter } from '../../src/scim/filter/parse.ts'
import { parseSortBy } from '../../src/scim/filter/sort-by.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import type { FilterScope } from '../../src/storage/attribute-columns.ts'
import { isIndexed } from '../../src/storage/filter-index.ts'
import { filterToSql } from '../../src/storage/filter-sql.ts'
import { sortExpression } from '../../src/storage/sort-sql.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { populate, type Population } from '../support/filter-people.ts'
import { PEOPLE_VIEW } from '../support/filter-view.ts'
import { comparableNames, filterTexts } from '../support/filter-texts.ts'

/** For each dialect, people and groups together. */
const RUNS = { people: 9_000, groups: 1_000 } as const
const PEOPLE = 60

const HOSTILE = [
  "'",
  '"',
  "' or '1'='1",
  "'; drop table user; --",
  '%',
  '_',
  'a%',
  '\\',
  '\\%',
  '$.userName',
  '$[0]',
  '") is not null or ("',
  '{"a":1}',
  '\u0001',
  '\n',
  '😀',
  '\u{10ffff}',
  '\ud7ff',
  '?',
  '$1',
  ':name',
  '/*',
  'null',
  '[',
]

const LATE = Date.parse('2040-01-01T00:00:00Z')

/** Groups of another org: with a handful alone every index is as good as another to PostgreSQL. */
async function addGroups(db: TestStore['connections']['writer'], count: number): Promise<void> {
  const orgId = newId<OrgId>(2)
  await db.insertInto('org').values({ id: orgId, name: orgId, name_key: orgId, created: 0 }).execute()
  const rows = Array.from({ length: count }, (_, ord) => ({
    ...{ org_id: orgId, id: newId<GroupId>(ord), ord, display_name: `g${ord}`, name_key: `g${ord}`, body: '{}' },
    ...{ owner_connection_id: null, external_id: null, marked_protected: 0 as const, member_count: 0 },
    ...{ version: 1, created: LATE + ord, updated: LATE + ord, deleted_at: null },
  }))
  for (let at = 0; at < count; at += 100)
    await db
      .insertInto('scim_group')
      .values(rows.slice(at, at + 100))
      .execute()
}

forEachDialect('filters in SQL', (dialect) => {
  const seed = Date.now() % 2 ** 31
  let test: TestStore
  let people: Population

  before(async () => {
    test = await openTestStore(dialect)
    people = await populate(test.connections.writer, seed, PEOPLE)
    await addGroups(test.connections.writer, 400)
    if (dialect === 'postgres') await sql`analyze`.execute(test.connections.writer)
  })
  after(() => test.close())

  async function selected(filterText: string, scope: FilterScope): Promise<readonly string[]> {
    const view = scope.table === 'user' ? PEOPLE_VIEW : baseView('Group')
    const condition = filterToSql(parseFilter(filterText, view), scope)
    const table = sql.table(scope.table)
    const { rows } = await sql<{ id: string }>`select id from ${table}
      where org_id = ${people.orgId} and deleted_at is null and ${condition} order by ord`.execute(
      test.connections.reader,
    )
    return rows.map((row) => row.id)
  }

  function expected(filterText: string, resources: readonly JsonObject[], view = PEOPLE_VIEW): readonly Json[] {
    const filter = parseFilter(filterText, view)
    return resources.filter((resource) => evaluate(filter, resource)).map((resource) => resource['id'] ?? null)
  }

  /** Several at a time: what is measured here is the answer, and a round trip is mostly waiting. */
  async function checkAll(arbitrary: fc.Arbitrary<string>, runs: number, check: (filter: string) => Promise<void>) {
    const batch = 20
    const property = fc.asyncProperty(
      fc.array(arbitrary, { minLength: batch, maxLength: batch, size: 'max' }),
      async (texts) => {
        const results = await Promise.allSettled(texts.map(check))
        const failed = results.find((result) => result.status === 'rejected')
        if (failed !== undefined) throw failed.reason
      },
    )
    await fc.assert(property, { seed, numRuns: runs / batch })
  }

  it(`select the people the evaluator selects, ${RUNS.people} filters (S29, RFC 7644 §3.4.2.2)`, async function () {
    this.timeout(300_000)
    const known = [...people.userIds.slice(0, 5), ...people.groupIds]
    for (const viewer of [people.idp, people.script]) {
      const resources = people.resources(viewer)
      const scope = { dialect, table: 'user', orgId: people.orgId, viewer } as const
      await checkAll(filterTexts(PEOPLE_VIEW, known), RUNS.people / 2, async (filterText) => {
        expect(await selected(filterText, scope), `seed ${seed}: ${filterText}`).to.deep.equal(
          expected(filterText, resources),
        )
      })
    }
  })

  it(`select the groups the evaluator selects, ${RUNS.groups} filters (RFC 7644 §3.4.2.2)`, async function () {
    this.timeout(120_000)
    const view = baseView('Group')
    const known = [...people.userIds.slice(0, 5), ...people.groupIds, 'G0', 'G1', 'Ärzte']
    for (const viewer of [people.idp, people.script]) {
      const resources = people.groupResources(viewer)
      const scope = { dialect, table: 'scim_group', orgId: people.orgId, viewer } as const
      await checkAll(filterTexts(view, known), RUNS.groups / 2, async (filterText) => {
        expect(await selected(filterText, scope), `seed ${seed}: ${filterText}`).to.deep.equal(
          expected(filterText, resources, view),
        )
      })
    }
  })

  it('take hostile text as text, on every attribute and operator that takes text (S29)', async function () {
    this.timeout(120_000)
    const resources = people.resources(people.idp)
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    const names = comparableNames(PEOPLE_VIEW).filter(({ definition }) => /^(string|reference)$/.test(definition.type))
    const operators = ['co', 'sw', 'ew', 'eq', 'gt', 'le']
    for (const [index, hostile] of HOSTILE.entries()) {
      await Promise.all(
        names.flatMap(({ name }, at) => {
          const op = operators[(index + at) % operators.length] ?? 'co'
          return [op, 'ew'].map(async (each) => {
            const filterText = `${name} ${each} ${JSON.stringify(hostile)}`
            expect(await selected(filterText, scope), filterText).to.deep.equal(expected(filterText, resources))
          })
        }),
      )
    }
  })

  it('bear the most terms and levels a filter may have (S20)', async () => {
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    const resources = people.resources(people.idp)
    const wide = [
      Array.from({ length: 200 }, (_, at) => `title co "${at % 7}"`).join(' or '),
      Array.from({ length: 20 }, () => 'groups.display pr').join(' and '),
      Array.from({ length: 150 }, (_, at) => `groups eq "${people.groupIds[at % 4] ?? ''}"`).join(' or '),
      Array.from({ length: 200 }, (_, at) => `emails co "${at % 7}"`).join(' or '),
      Array.from({ length: 90 }, (_, at) => `${CUSTOM_URN}:skills co "${at % 7}"`).join(' or '),
      Array.from({ length: 90 }, (_, at) => `${CUSTOM_URN}:grade gt ${at % 7}`).join(' and '),
      Array.from({ length: 20 }, (_, at) => `${CUSTOM_URN}:badge eq "a${at}"`).join(' or '),
      Array.from({ length: 100 }, () => 'emails[type eq "work" and value pr]').join(' or '),
      `${'not ('.repeat(20)}title pr${')'.repeat(20)}`,
    ]
    for (const filterText of wide) {
      expect(await selected(filterText, scope)).to.deep.equal(expected(filterText, resources))
    }
  })

  it('refuse more terms on memberships than a store can bear', () => {
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    const filter = parseFilter(Array.from({ length: 21 }, () => 'groups.display pr').join(' and '), PEOPLE_VIEW)
    expect(() => filterToSql(filter, scope))
      .to.throw(DomainError, 'more than 20 terms on groups')
      .with.property('code', 'invalid-filter')
  })

  it("never select people of another org, nor another connection's externalId (RFC 7643 §3.1)", async () => {
    const foreign = await populate(test.connections.writer, seed + 1, 5)
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    for (const group of foreign.groupIds) expect(await selected(`groups eq "${group}"`, scope)).to.deep.equal([])
    for (const id of foreign.userIds) expect(await selected(`id eq "${id}"`, scope)).to.deep.equal([])
    const visible = await selected('externalId pr', scope)
    const own = people.resources(people.idp).filter((resource) => 'externalId' in resource)
    expect(visible).to.deep.equal(own.map((resource) => resource['id']))
    expect(await selected('externalId pr', { ...scope, viewer: { kind: 'idp', connectionId: undefined } })).to.be.empty
  })

  it('match nothing, without an error, where text can be no id', async () => {
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    for (const id of ['', 'x', "' or 1=1 --", '00000000-0000-0000-0000-000000000000']) {
      expect(await selected(`id eq ${JSON.stringify(id)}`, scope)).to.deep.equal([])
    }
  })

  // The people are made by chance: a time that many of them fit is no time to ask an index for.
  const INDEXED: readonly (readonly [FilterScope['table'], string])[] = [
    ['user', 'id eq "x"'],
    ['user', 'userName eq "x"'],
    ['user', 'userName sw "x"'],
    ['user', 'externalId eq "x"'],
    ['user', 'displayName eq "x"'],
    ['user', 'displayName sw "x"'],
    ['user', 'emails.value eq "x"'],
    ['user', 'emails eq "x"'],
    ['user', 'emails[type eq "work" and value eq "x"]'],
    ['user', 'emails[type eq "work"].value eq "x"'],
    ['user', 'meta.lastModified gt "2099-01-01T00:00:00Z"'],
    ['user', 'groups.value eq "x"'],
    ['user', 'groups[value eq "x"]'],
    ['user', 'active eq false'],
    ['user', 'meta.created le "1999-01-01T00:00:00Z"'],
    ['user', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "x"'],
    ['user', `${CUSTOM_URN}:squad eq "x"`],
    ['user', `${CUSTOM_URN}:badge sw "x"`],
    ['user', `${CUSTOM_URN}:grade gt 2`],
    ['user', `${CUSTOM_URN}:joined lt "2026-01-01T00:00:00Z"`],
    ['user', `${CUSTOM_URN}:onCall eq true`],
    ['user', `${CUSTOM_URN}:skills eq "x"`],
    ['user', `${CUSTOM_URN}:keys[value eq "x" and value pr]`],
    ['user', 'userName eq "x" or displayName eq "y" or emails eq "z"'],
    ['user', `title pr and (userName eq "x" or ${CUSTOM_URN}:squad eq "y")`],
    ['user', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"'],
    ['user', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "x"'],
    ['user', 'title pr and (nickName pr or title pr) and userName eq "x"'],
    ['scim_group', 'id eq "x"'],
    ['scim_group', 'displayName eq "x"'],
    ['scim_group', 'displayName sw "x"'],
    ['scim_group', 'externalId eq "x"'],
    ['scim_group', 'members eq "x"'],
    ['scim_group', 'members[value eq "x"]'],
    ['scim_group', 'meta.lastModified le "1999-01-01T00:00:00Z"'],
    ['scim_group', 'meta.created le "1999-01-01T00:00:00Z"'],
  ]

  /** The plan's lines, as one text. */
  async function planOf(table: FilterScope['table'], filterText: string): Promise<string> {
    const scope = { dialect, table, orgId: people.orgId, viewer: people.idp }
    const condition = filterToSql(parseFilter(filterText, table === 'user' ? PEOPLE_VIEW : baseView('Group')), scope)
    const query = sql`select id from ${sql.table(table)} where org_id = ${people.orgId} and deleted_at is null and ${condition}`
    return test.connections.reader.connection().execute(async (db) => {
      // On so few rows reading them all is the better plan.
      if (dialect === 'postgres') await sql`set enable_seqscan = off`.execute(db)
      const explain = dialect === 'postgres' ? sql`explain ${query}` : sql`explain query plan ${query}`
      const { rows } = await explain.execute(db)
      if (dialect === 'postgres') await sql`set enable_seqscan = on`.execute(db)
      return rows.map((row) => String(Object.values(row as object).at(-1))).join('\n')
    })
  }

  for (const [table, filterText] of INDEXED) {
    it(`find the rows by an index: ${table} ${filterText}`, async () => {
      expect(isIndexed(parseFilter(filterText, table === 'user' ? PEOPLE_VIEW : baseView('Group')))).to.equal(true)
      const plan = await planOf(table, filterText)
      if (dialect === 'sqlite') {
        expect(plan).to.not.match(/SCAN (?!element)|\(org_id=\?\)/)
        expect(plan).to.match(/SEARCH (user|scim_group) USING .*\(org_id=\? AND (id=\?|(?!ord)\w+[=<>])/)
      } else {
        expect(plan).to.match(/Index Cond: \(\(org_id = .*\) AND \(/)
      }
    })
  }

  if (dialect === 'sqlite') {
    const OWN: readonly (readonly [FilterScope['table'], string])[] = [
      ['user', 'groups.display co "x"'],
      ['user', 'groups pr'],
      ['user', 'emails co "x"'],
      ['user', `${CUSTOM_URN}:squad co "x"`],
      ['user', `${CUSTOM_URN}:skills[value ew "x"]`],
      ['user', `${CUSTOM_URN}:onCall pr`],
      ['user', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName co "x"'],
      ['scim_group', 'members.display co "x"'],
      ['scim_group', 'members pr'],
    ]
    it('gather no ids where another term leads to the row, or where they are what must not be', async () => {
      const gathering = `${CUSTOM_URN}:onCall eq true`
      expect(await planOf('user', gathering)).to.include('LIST SUBQUERY')
      for (const term of [
        gathering,
        `not (${gathering})`,
        `${CUSTOM_URN}:squad ne "x"`,
        `(${gathering} or active eq true)`,
      ]) {
        expect(await planOf('user', `userName eq "x" and ${term}`), term).to.not.include('LIST SUBQUERY')
      }
    })
    for (const [table, filterText] of OWN) {
      it(`look only at what belongs to each row: ${filterText}`, async () => {
        const plan = await planOf(table, filterText)
        expect(plan.match(/\(org_id=\?\)/g)).to.have.lengthOf(1)
        expect(plan).to.match(/^SEARCH (user|scim_group) USING .*\(org_id=\?\)/)
      })
    }
  }

  it('are told from those that look at every row', () => {
    const texts = [
      'title eq "x"',
      'userName co "x"',
      'not (userName eq "x")',
      'userName eq "x" or title pr',
      'emails pr',
      `${CUSTOM_URN}:squad pr`,
      `${CUSTOM_URN}:squad co "x"`,
      Array.from({ length: 21 }, () => 'userName eq "x"').join(' or '),
    ]
    for (const filterText of [
      ...texts,
      'userName ne "x"',
      'emails[type eq "work"]',
      'emails[value eq "x" or type pr]',
    ]) {
      expect(isIndexed(parseFilter(filterText, PEOPLE_VIEW)), filterText).to.equal(false)
    }
  })

  /** The value a resource is sorted by: of several the primary's, else the first's (RFC 7644 §3.4.2.3). */
  function sortValue(resource: JsonObject, at: AttributeRef): Json | undefined {
    let value: Json | undefined = resource
    for (const name of at.path) {
      value = pick(isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined)
    }
    return isJsonObject(value) ? undefined : value
  }

  function pick(value: Json | undefined): Json | undefined {
    if (!Array.isArray(value)) return value
    const elements = value as readonly Json[]
    return elements.find((each) => isJsonObject(each) && each['primary'] === true) ?? elements[0]
  }

  function compareValues(left: Json, right: Json, at: AttributeRef): number {
    if (typeof left !== 'string' || typeof right !== 'string') return Number(left) - Number(right)
    return at.caseExact ? compareText(left, right) : compareText(fold(left), fold(right))
  }

  it('sort by every attribute as the evaluator compares, nulls last (RFC 7644 §3.4.2.3)', async function () {
    this.timeout(60_000)
    const scope = { dialect, table: 'user', orgId: people.orgId, viewer: people.idp } as const
    // Compared as a number by the store and as text by a filter; schemas and resourceType are the same for all.
    const names = comparableNames(PEOPLE_VIEW)
      .map(({ name }) => name)
      .filter((name) => !/^(schemas|groups.*|meta|meta\.(version|resourceType)|name|addresses)$/.test(name))
    for (const name of names.filter((each) => each !== 'schemas')) {
      const at = parseSortBy(name, PEOPLE_VIEW)
      const { rows } = await sql<{ id: string }>`select id from "user" where org_id = ${people.orgId}
        order by ${sortExpression(at, scope)} asc nulls last, ord`.execute(test.connections.reader)
      const keyed = people
        .resources(people.idp)
        .map((resource) => ({ id: resource['id'], key: sortValue(resource, at) }))
      const present = keyed.filter(({ key }) => key !== undefined)
      const sorted = present.toSorted((left, right) => compareValues(left.key ?? '', right.key ?? '', at))
      const order = [...sorted, ...keyed.filter(({ key }) => key === undefined)]
      expect(
        rows.map((row) => row.id),
        `seed ${seed}: ${name}`,
      ).to.deep.equal(order.map(({ id }) => id))
    }
  })

  it('sort by memberships and constants without failing', async () => {
    const groupView = baseView('Group')
    for (const [table, name] of [
      ['user', 'groups'],
      ['user', 'groups.display'],
      ['user', 'schemas'],
      ['user', 'meta.resourceType'],
      ['user', 'meta.version'],
      ['scim_group', 'members'],
      ['scim_group', 'members.display'],
      ['scim_group', 'externalId'],
    ] as const) {
      const scope = { dialect, table, orgId: people.orgId, viewer: people.idp }
      const at = parseSortBy(name, table === 'user' ? PEOPLE_VIEW : groupView)
      const { rows } = await sql`select id from ${sql.table(table)} where org_id = ${people.orgId}
        order by ${sortExpression(at, scope)} desc nulls first, ord`.execute(test.connections.reader)
      expect(rows).to.have.lengthOf(table === 'user' ? PEOPLE : people.groupIds.length)
    }
  })
})
