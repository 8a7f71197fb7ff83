import { expect } from 'chai'
import { sql } from 'kysely'
import { parseFilter } from '../../src/scim/filter/parse.ts'
import { baseView } from '../../src/scim/schema/definitions.ts'
import { filterToSql } from '../../src/storage/filter-sql.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { populate, type Population } from '../support/filter-people.ts'
import { PEOPLE_VIEW } from '../support/filter-view.ts'

const SEED = 7

forEachDialect('filters that go from row to row', (dialect) => {
  let test: TestStore
  let people: Population

  before(async () => {
    test = await openTestStore(dialect)
    people = await populate(test.connections.writer, SEED, 60)
  })
  after(() => test.close())

  async function selected(table: 'user' | 'scim_group', text: string, rowsLead: boolean): Promise<readonly string[]> {
    const scope = { dialect, table, orgId: people.orgId, viewer: people.idp, rowsLead }
    const condition = filterToSql(parseFilter(text, table === 'user' ? PEOPLE_VIEW : baseView('Group')), scope)
    const { rows } = await sql<{ id: string }>`select id from ${sql.table(table)}
      where org_id = ${people.orgId} and deleted_at is null and ${condition} order by ord`.execute(
      test.connections.reader,
    )
    return rows.map((row) => row.id)
  }

  it('select what the same filters select by an index (RFC 7644 §3.4.2.2)', async () => {
    const ids = [...people.groupIds, ...people.userIds]
    let matches = 0
    for (const id of ids) {
      for (const [table, text] of [
        ['user', `groups.value eq "${id}"`],
        ['user', `not (groups[value eq "${id}" and type eq "direct"])`],
        ['scim_group', `members.value eq "${id}"`],
        ['scim_group', `not (members eq "${id}")`],
      ] as const) {
        const byIndex = await selected(table, text, false)
        expect(await selected(table, text, true), text).to.deep.equal(byIndex)
        matches += byIndex.length
      }
    }
    for (const text of [
      'emails.value sw "a"',
      'emails sw ""',
      'emails.value eq "a@example.com"',
      'not (emails sw "b")',
    ]) {
      const byIndex = await selected('user', text, false)
      expect(await selected('user', text, true), text).to.deep.equal(byIndex)
      matches += byIndex.length
    }
    expect(matches).to.be.above(ids.length)
  })
})
