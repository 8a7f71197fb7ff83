import { expect } from 'chai'
import fc from 'fast-check'
import { sql } from 'kysely'
import { compareText, evaluate } from '../../src/domain/evaluate.ts'
import type { AttributeRef } from '../../src/domain/filter.ts'
import { fold } from '../../src/domain/fold.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.ts'
import { parseFilter } from '../../src/scim/filter/parse.ts'
import { parseSortBy } from '../../src/scim/filter/sort-by.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import type { FilterScope } from '../../src/storage/attribute-columns.ts'
import { filterToSql, isIndexed } from '../../src/storage/filter-sql.ts'
import { sortExpression } from '../../src/storage/sort-sql.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { PEOPLE_VIEW, populate, type Population } from '../support/filter-people.ts'
import { comparableNames, filterTexts } from '../support/filter-texts.ts'

const RUNS = 10_000
const PEOPLE = 60

forEachDialect('filters in SQL', (dialect) => {
  const seed = Date.now() % 2 ** 31
  let test: TestStore
  let people: Population

  before(async () => {
    test = await openTestStore(dialect)
    people = await populate(test.connections.writer, seed, PEOPLE)
    if (dialect === 'postgres') await sql`analyze`.execute(test.connections.writer)
  })
  after(() => test.close())

  async function selected(filterText: string, scope: FilterScope): Promise<readonly string[]> {
    const view = scope.table === 'user' ? PEOPLE_VIEW : baseView('Group')
    const condition = filterToSql(parseFilter(filterText, view), scope)
    const table = sql.table(scope.table)
    const { rows } = await sql<{ id: string }>`select id from ${table}
      where org_id = ${people.orgId} and deleted_at is null and ${condition} order by ord`.execute(test.connections.reader)
    return rows.map((row) => row.id)
  }

  function expected(filterText: string, resources: readonly JsonObject[], view = PEOPLE_VIEW): readonly Json[] {
    const filter = parseFilter(filterText, view)
    return resources.filter((resource) => evaluate(filter, resource)).map((resource) => resource['id'] ?? null)
  }

  /** Several at a time: what is measured here is the answer, and a round trip is mostly waiting. */
  async function checkAll(arbitrary: fc.Arbitrary<string>, runs: number, check: (filter: string) => Promise<void>) {
    const batch = 20
    const property = fc.asyncProperty(fc.array(arbitrary, { minLength: 1, maxLength: batch, size: 'max' }), async (texts) => {
      const results = await Promise.allSettled(texts.map(check))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    })
    await fc.assert(property, { seed, numRuns: Math.ceil((2 * runs) / batch) })
  }

  it(`select the people the evaluator selects, ${RUNS} filters (RFC 7644 §3.4.2.2)`, async function () {
    this.timeout(300_000)
    const known = [...people.userIds.slice(0, 5), ...people.groupIds]
    for (const viewer of [people.idp, people.script]) {
      const resources = people.resources(viewer)
      const scope = { dialect, table: 'user', orgId: people.orgId, viewer } as const
      await checkAll(filterTexts(PEOPLE_VIEW, known), RUNS / 2, async (filterText) => {
        expect(await selected(filterText, scope), `seed ${seed}: ${filterText}`).to.deep.equal(
          expected(filterText, resources),
        )
      })
    }
  })
})
