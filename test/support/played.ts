import fc from 'fast-check'
import type { Caller } from '../../src/domain/caller.ts'
import { DomainError } from '../../src/domain/errors.ts'
import type { GroupId, RuleId } from '../../src/domain/ids.ts'
import type { User, UserState } from '../../src/domain/user.ts'
import { changeGroup } from '../../src/provisioning/change-group.ts'
import { changeRule } from '../../src/provisioning/change-rule.ts'
import { changeUser } from '../../src/provisioning/change-user.ts'
import { createGroup } from '../../src/provisioning/create-group.ts'
import { createRule } from '../../src/provisioning/create-rule.ts'
import { deleteGroup } from '../../src/provisioning/delete-group.ts'
import { deleteRule } from '../../src/provisioning/delete-rule.ts'
import type { GrantDraft, RuleDraft } from '../../src/provisioning/rule-draft.ts'
import { operation, type Tenant } from './tenant.ts'

const NAMES = ['red', 'reddish', 'blue', 'green']
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

export type Step =
  | { readonly do: 'push' | 'drop'; readonly group: string; readonly people: readonly number[] }
  | { readonly do: 'join' | 'leave'; readonly group: number; readonly person: number }
  | { readonly do: 'rename'; readonly group: number; readonly name: string }
  | { readonly do: 'rule'; readonly draft: RuleDraft }
  | { readonly do: 'rerule'; readonly rule: number; readonly draft: RuleDraft }
  | { readonly do: 'unrule'; readonly rule: number }
  | { readonly do: 'active'; readonly person: number; readonly active: boolean }
  | { readonly do: 'role'; readonly person: number; readonly value: 'member' | 'viewer' | undefined }

const name = fc.constantFrom(...NAMES)
/** Something that happens in an org: groups, members, rules, people. */
export const step: fc.Arbitrary<Step> = fc.oneof(
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
export class Played {
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
