import { expect } from 'chai'
import fc from 'fast-check'
import { sql } from 'kysely'
import type { Caller } from '../../src/domain/caller.ts'
import { DomainError } from '../../src/domain/errors.ts'
import type { GroupId, OrgId, RuleId, UserId } from '../../src/domain/ids.ts'
import type { RecordEffect } from '../../src/domain/record.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteRule } from '../../src/provisioning/delete-rule.ts'
import { explainPerson } from '../../src/provisioning/explain-person.ts'
import { reconcilePeople } from '../../src/provisioning/reconcile-people.ts'
import type { GrantDraft, RuleDraft } from '../../src/provisioning/rule-draft.ts'
import { forEachDialect, openTestStore, type TestStore } from '../support/databases.ts'
import { foundTenant, operation, problemsOf, type Tenant } from '../support/tenant.ts'

const NAMES = ['red', 'reddish', 'blue', 'green']
const PEOPLE = 5

const at = fc.nat({ max: 9 })
const grant: fc.Arbitrary<GrantDraft> = fc.oneof(
  fc.record({ team: fc.constantFrom(...NAMES), role: fc.constantFrom('viewer', 'member', 'admin') }),
  fc.record({ orgRole: fc.constantFrom('viewer', 'member', 'admin') }),
  fc.record({ seat: fc.constantFrom('models', 'weave'), type: fc.constantFrom('none', 'viewer', 'full') }),
)
const rule: fc.Arbitrary<RuleDraft> = fc.record({
  match: fc.oneof(
    fc.record({ kind: fc.constant('name' as const), value: fc.constantFrom(...NAMES) }),
    fc.record({ kind: fc.constant('glob' as const), value: fc.constantFrom('red*', '*e*', 'b?ue') }),
    fc.record({ kind: fc.constant('everyone' as const) }),
  ),
  directoryOnly: fc.boolean(),
  enabled: fc.constantFrom(true, true, false),
  grants: fc.array(grant, { minLength: 1, maxLength: 3 }),
})

type Step =
  | { readonly do: 'push' | 'drop'; readonly group: string; readonly people: readonly number[] }
  | { readonly do: 'join' | 'leave'; readonly group: number; readonly person: number }
  | { readonly do: 'rename'; readonly group: number; readonly name: string }
  | { readonly do: 'rule'; readonly draft: RuleDraft }
  | { readonly do: 'rerule'; readonly rule: number; readonly draft: RuleDraft }
  | { readonly do: 'unrule'; readonly rule: number }
  | { readonly do: 'active'; readonly person: number; readonly active: boolean }
  | { readonly do: 'role'; readonly person: number; readonly value: 'member' | 'viewer' | undefined }

const name = fc.constantFrom(...NAMES)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), group: name, people: fc.array(at, { maxLength: 3 }) }),
  fc.record({ do: fc.constant('drop' as const), group: name, people: fc.constant([]) }),
  fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), group: at, person: at }),
  fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), group: at, person: at }),
  fc.record({ do: fc.constant('rename' as const), group: at, name }),
  fc.record({ do: fc.constant('rule' as const), draft: rule }),
  fc.record({ do: fc.constant('rule' as const), draft: rule }),
  fc.record({ do: fc.constant('rerule' as const), rule: at, draft: rule }),
  fc.record({ do: fc.constant('unrule' as const), rule: at }),
  fc.record({ do: fc.constant('active' as const), person: at, active: fc.boolean() }),
  fc.record({
    do: fc.constant('role' as const),
    person: at,
    value: fc.constantFrom('member' as const, 'viewer' as const, undefined),
  }),
)

/** An org that steps are taken in. What the domain refuses is no step. */
class Played {
  readonly #tenant: Tenant
  readonly #admin: Caller
  readonly #idp: Caller
  readonly #people: readonly User[]
  readonly #groups = new Map<string, GroupId>()
  readonly #rules: RuleId[] = []

  constructor(tenant: Tenant, people: readonly User[]) {
    this.#tenant = tenant
    this.#people = people
    this.#admin = { ...operation(), orgId: tenant.orgId, connection: undefined }
    this.#idp = { ...tenant.idp, connection: { ...tenant.idp.connection!, mayGrantAdmin: true } }
  }

  async take(given: Step): Promise<void> {
    try {
      await this.#take(given)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  #person(index: number): User {
    return this.#people[index % this.#people.length]!
  }

  #group(index: number): GroupId {
    const id = [...this.#groups.values()][index % Math.max(1, this.#groups.size)]
    if (id === undefined) throw new DomainError('not-found', 'no group yet')
    return id
  }

  async #take(given: Step): Promise<void> {
    const { provisioning } = this.#tenant
    switch (given.do) {
      case 'push': {
        const members = given.people.map((index) => ({ value: this.#person(index).id }))
        const draft = { displayName: given.group, externalId: undefined, members }
        this.#groups.set(given.group, (await createGroup(provisioning, this.#idp, draft).durable).id)
        return
      }
      case 'drop': {
        const id = this.#groups.get(given.group)
        if (id === undefined) return
        await deleteGroup(provisioning, this.#idp, id, { method: 'DELETE' }).durable
        this.#groups.delete(given.group)
        return
      }
      case 'join':
      case 'leave': {
        const members = [{ value: this.#person(given.person).id }]
        const steps = [{ do: given.do === 'join' ? 'add' : 'remove', members }] as const
        const plan = { plan: { steps }, method: 'PATCH' } as const
        await changeGroup(provisioning, this.#idp, this.#group(given.group), plan).durable
        return
      }
      case 'rename': {
        const plan = { plan: { displayName: given.name, steps: [] }, method: 'PATCH' } as const
        await changeGroup(provisioning, this.#idp, this.#group(given.group), plan).durable
        return
      }
      default:
        return this.#rest(given)
    }
  }

  async #rest(given: Exclude<Step, { do: 'push' | 'drop' | 'join' | 'leave' | 'rename' }>): Promise<void> {
    const { provisioning } = this.#tenant
    if (given.do === 'rule') {
      this.#rules.push((await createRule(provisioning, this.#admin, given.draft).durable).id)
    } else if (given.do === 'rerule' || given.do === 'unrule') {
      const id = this.#rules[given.rule % Math.max(1, this.#rules.length)]
      if (id === undefined) return
      if (given.do === 'unrule') await deleteRule(provisioning, this.#admin, id, {}).durable
      else await changeRule(provisioning, this.#admin, id, { draft: given.draft, method: 'PUT' }).durable
    } else {
      const change = (current: UserState): UserState =>
        given.do === 'active'
          ? { ...current, active: given.active }
          : { ...current, wishes: [{ kind: 'org_role', value: given.value }] }
      await changeUser(provisioning, this.#idp, this.#person(given.person).id, { change, method: 'PATCH' }).durable
    }
  }
}

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
