import { expect } from 'chai'
import { CompiledQuery, sql } from 'kysely'
import { verifyChain } from '../../src/audit/verify.ts'
import { hashToken } from '../../src/auth/token.ts'
import type { UserState } from '../../src/domain/user.ts'
import { sendCompiled } from '../../src/storage/direct-run.ts'
import { inTransaction } from '../../src/storage/transaction.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { DIALECTS, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, type Tenant } from '../support/tenant.ts'

if (DIALECTS.includes('postgres')) {
  describe('statements that PostgreSQL keeps prepared', function () {
    this.timeout(60_000)
    let test: TestStore
    let tenant: Tenant

    before(async () => {
      test = await openTestStore('postgres')
      tenant = await foundTenant(test)
    })
    after(() => test.close())

    it('are prepared anew once another process has migrated what they read, also in the midst of a change', async () => {
      const { id } = await tenant.user('ada')
      const secretHash = hashToken('a token of nobody')
      const rename = (title: string): Promise<unknown> => {
        const change = (state: UserState): UserState => ({ ...state, attributes: { ...state.attributes, title } })
        return changeUser(tenant.provisioning, tenant.idp, id, { method: 'PUT', change }).durable
      }
      const { writer, reader } = test.connections
      await rename('before')
      await test.store.reads.credentials.tokenByHash(secretHash)
      expect([await preparedOn(writer), await preparedOn(reader)]).to.deep.equal([true, true])
      for (const table of ['connection', 'connection_token']) {
        await sql`alter table ${sql.table(table)} add column later text`.execute(writer)
      }
      await rename('after')
      expect((await test.store.reads.users.find(tenant.orgId, id))?.attributes['title']).to.equal('after')
      expect(await test.store.reads.credentials.tokenByHash(secretHash)).to.equal(undefined)
    })

    /** Whether a connection of the pool holds one that names no columns. */
    async function preparedOn(db: TestStore['connections']['writer']): Promise<boolean> {
      const { rows } =
        await sql`select 1 from pg_prepared_statements where statement like '%*%from "connection%'`.execute(db)
      return rows.length > 0
    }
  })

  describe('statements that are sent without waiting for them', function () {
    this.timeout(60_000)
    let test: TestStore

    /** Counts down to the record whose insertion fails. */
    let failingRecord = 0

    before(async () => {
      test = await openTestStore('postgres', ({ sql: text }) => {
        const isRecord = text.includes('insert into "provisioning_event"')
        if (isRecord && failingRecord > 0 && --failingRecord === 0) throw new Error('lost, as the test wants it')
      })
    })
    after(() => test.close())

    it('fail the whole transaction with their own error, not with that of those behind them', async () => {
      const { writer } = test.connections
      const failing = inTransaction(writer, 'postgres', async (db) => {
        await sql`create table left_behind (id bigint)`.execute(db)
        await sendCompiled(db, CompiledQuery.raw('select 1 / 0'))
        await sendCompiled(db, CompiledQuery.raw('select 2'))
        await sql`select 3`.execute(db)
      })
      const error = await failing.catch((problem: unknown) => problem)
      expect((error as Error).message).to.equal('division by zero')
      const { rows } = await sql`select 1 from pg_class where relname = 'left_behind'`.execute(writer)
      expect(rows).to.be.empty
    })

    it('fail every unit of a batch when one of them is lost, none of which stays', async () => {
      const tenant = await foundTenant(test)
      const { reads, work } = test.store
      const head = await reads.records.head(tenant.orgId)
      const append = () =>
        work.submit(tenant.orgId, (stores) =>
          stores.journal.append(tenant.orgId, {
            ...{ action: 'org.update', actor: { type: 'system' }, outcome: { result: 'success' }, targets: [] },
          }),
        ).durable
      for (const lost of [1, 2, 3]) {
        failingRecord = lost
        const ended = await Promise.allSettled([append(), append(), append()])
        expect(ended.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected'])
        expect(await reads.records.head(tenant.orgId)).to.deep.equal(head)
      }
      await append()
      expect((await verifyChain(reads.records, tenant.orgId)).intact).to.equal(true)
    })

    it('are run in their order, before what is waited for', async () => {
      const { writer } = test.connections
      await inTransaction(writer, 'postgres', async (db) => {
        await sendCompiled(db, CompiledQuery.raw('create temporary table kept (n bigint) on commit drop'))
        for (const n of [1, 2, 3]) await sendCompiled(db, CompiledQuery.raw(`insert into kept values (${n})`))
        const { rows } = await sql<{ n: number }>`select n from kept`.execute(db)
        expect(rows.map(({ n }) => n)).to.deep.equal([1, 2, 3])
      })
    })
  })
}
