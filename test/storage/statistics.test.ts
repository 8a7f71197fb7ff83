import { expect } from 'chai'
import { type CompiledQuery, sql } from 'kysely'
import { Client } from 'pg'
import type { UserId } from '../../src/domain/ids.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import { DIALECTS, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

const PEOPLE = 1_500

/** A node of a plan that ran, as `explain (analyze, format json)` tells it. */
interface Node {
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly Plans?: readonly Node[]
}

/** Rows that a plan handed on or looked at in vain. */
function rowsOf(node: Node): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)
  const below = (node.Plans ?? []).reduce((sum, plan) => sum + rowsOf(plan), 0)
  return below + (node['Actual Rows'] + removed) * node['Actual Loops']
}

if (DIALECTS.includes('postgres')) {
  describe('an org that was filled faster than PostgreSQL counts', function () {
    this.timeout(60_000)
    let test: TestStore
    let tenant: Tenant
    let client: Client
    const ids: UserId[] = []
    let captured: CompiledQuery[] | undefined

    before(async () => {
      test = await openTestStore('postgres', (query) => captured?.push(query))
      // As in the minute before its own daemon comes.
      for (const table of ['user', 'access_period', 'team_membership', 'user_seat', 'explicit_grant'])
        await sql`alter table ${sql.table(table)} set (autovacuum_enabled = false)`.execute(test.connections.writer)
      tenant = await foundTenant(test)
      client = new Client({ connectionString: test.databaseUrl })
      await client.connect()
      await client.query('SET random_page_cost = 1.1')
    })
    after(async () => {
      await client.end()
      await test.close()
    })

    /** Reconciles people and expects of each statement that read for it that its plan went through no more rows. */
    async function expectRows(people: readonly UserId[], most: number): Promise<void> {
      const { orgId } = tenant
      captured = []
      await test.store.work.submit(orgId, (stores) => reconcilePeople(stores, orgId, people, 'everybody')).durable
      const reads = captured.filter(({ sql: text }) => /^\s*(select|with)\b/i.test(text))
      captured = undefined
      expect(reads).not.to.be.empty
      for (const query of reads) {
        const { rows } = await client.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
          `explain (analyze, format json) ${query.sql}`,
          [...query.parameters],
        )
        expect(rowsOf(rows[0]!['QUERY PLAN'][0].Plan), query.sql).to.be.at.most(most)
      }
    }

    it('never has all people compared with all periods when a hundred of them are reconciled', async () => {
      while (ids.length < PEOPLE) {
        ids.push(...(await tenant.people(100, `p${ids.length}-`)).map(({ id }) => id))
        await expectRows(ids.slice(0, 100), (100 + 10) * PEOPLE)
      }
    })

    it('is counted by the gateway itself, once; from then on each is looked at once at most', async () => {
      const { connections, store } = test
      await sql`select pg_stat_force_next_flush()`.execute(connections.writer)
      const counted = await store.refreshStatistics()
      expect(counted).to.include.members(['user', 'access_period'])
      const { rows } = await sql<{ people: number; known: boolean }>`
      select reltuples::int as people, exists (select 1 from pg_stats where tablename = 'user' and attname = 'org_id')
        as known from pg_class where oid = '"user"'::regclass`.execute(connections.reader)
      expect(rows).to.deep.equal([{ people: PEOPLE, known: true }])
      await sql`select pg_stat_force_next_flush()`.execute(connections.writer)
      expect(await store.refreshStatistics()).not.to.include('user')
      await expectRows(ids.slice(0, 100), 4 * PEOPLE)
    })
  })
}

if (DIALECTS.includes('sqlite')) {
  describe('an embedded store', () => {
    it('is not touched for statistics, which it does not keep', async () => {
      const asked: string[] = []
      const test = await openTestStore('sqlite', (query) => asked.push(query.sql))
      try {
        expect(await test.store.refreshStatistics()).to.deep.equal([])
        expect(asked).to.deep.equal([])
      } finally {
        await test.close()
      }
    })
  })
}
