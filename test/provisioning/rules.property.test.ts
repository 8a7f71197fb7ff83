import { expect } from 'chai'
import fc from 'fast-check'
import { sql } from 'kysely'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import type { RecordEffect } from '../../src/domain/record.ts'
import type { User } from '../../src/domain/user.ts'
import { explainPerson } from '../../src/provisioning/explain-person.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { Played, step } from '../support/played.ts'
import { foundTenant, problemsOf } from '../support/tenant.ts'

const PEOPLE = 5

/** Every derived value of an org, by person, kind and target. */
async function derived({ connections }: TestStore, orgId: OrgId): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ key: string; value: string }>`
    select user_id || ' team ' || team_id as key, coalesce(nullif(custom_role_id, ''), role) as value
      from team_membership where org_id = ${orgId}
    union all select user_id || ' seat ' || product, given from user_seat where org_id = ${orgId} and given <> 'none'
    union all select id || ' org_role ', org_role from "user" where org_id = ${orgId} and org_role <> 'none'
    union all select id || ' active ', 'active' from "user"
      where org_id = ${orgId} and status = 'active' and deleted_at is null
    order by 1`.execute(connections.reader)
  return new Map(rows.map(({ key, value }) => [key, value]))
}

/** What the log's records come to, one after another. */
async function replayed({ store }: TestStore, orgId: OrgId): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>()
  const records = (await store.reads.records.tail(orgId, 10_000)).map(({ body }) => {
    return JSON.parse(body) as { readonly effects?: readonly RecordEffect[] }
  })
  const values = records
    .flatMap(({ effects = [] }) => effects)
    .flatMap(({ people, kind, target, new: value }) => people.map((id) => [`${id} ${kind} ${target}`, value] as const))
  for (const [key, value] of values) {
    if (value === null) state.delete(key)
    else state.set(key, value)
  }
  return new Map([...state].sort(([x], [y]) => (x < y ? -1 : 1)))
}

forEachDialect('rules over whatever happens', (dialect) => {
  let test: TestStore

  before(async () => {
    test = await openTestStore(dialect)
  })
  after(() => test.close())

  it('leave the tables, the whole org reconciled, the log replayed and explain in agreement, and no other org touched', async function () {
    this.timeout(170_000)
    const bystander = await foundTenant(test)
    await bystander.user('bystander')
    const untouched = await derived(test, bystander.orgId)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        const tenant = await foundTenant(test)
        const people: User[] = []
        for (let n = 0; n < PEOPLE; n++) people.push(await tenant.user(`p${n}`))
        const played = new Played(tenant, people)
        for (const one of steps) await played.take(one)
        await tenant.jobs()
        const { orgId } = tenant
        const tables = await derived(test, orgId)
        const ids = people.map(({ id }) => id)
        const again = await tenant.provisioning.work.submit(orgId, (stores) => reconcilePeople(stores, orgId, ids))
          .durable
        expect(again, 'touched only, or the whole org').to.deep.equal([])
        expect([...(await replayed(test, orgId))], 'the log').to.deep.equal([...tables])
        await explainsAgree(orgId, ids, tables)
        expect(await problemsOf(test, orgId)).to.deep.equal([])
        expect(await derived(test, bystander.orgId)).to.deep.equal(untouched)
      }),
      { numRuns: dialect === 'sqlite' ? 40 : 8, interruptAfterTimeLimit: 120_000 },
    )
  })

  async function explainsAgree(
    orgId: OrgId,
    ids: readonly UserId[],
    tables: ReadonlyMap<string, string>,
  ): Promise<void> {
    const told = new Map<string, string>()
    for (const id of ids) {
      const { values, status } = await explainPerson(test.store.reads, orgId, id)
      if (status === 'active') told.set(`${id} active `, 'active')
      for (const { kind, target, value, held } of values) {
        expect(held, `${kind} ${target}`).to.equal(value)
        if (value !== 'none') told.set(`${id} ${kind === 'team_role' ? 'team' : kind} ${target}`, value)
      }
    }
    expect([...told].sort(([a], [b]) => (a < b ? -1 : 1))).to.deep.equal([...tables])
  }
})
