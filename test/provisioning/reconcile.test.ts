import { expect } from 'chai'
import fc from 'fast-check'
import type { MemberOrigin } from '../../src/domain/group.ts'
import type { GroupId, UserId } from '../../src/domain/ids.ts'
import {
  type Desired,
  type Grant,
  type GroupFacts,
  type MatchingRule,
  type PersonFacts,
  reconcile,
  type ReconcileContext,
  type RoleDefinition,
  type TeamFacts,
} from '../../src/domain/reconcile.ts'
import type { AccountType, OrgRole } from '../../src/domain/access.ts'
import type { SeatType } from '../../src/domain/seat.ts'
import type { UserStatus } from '../../src/domain/user.ts'
import { PLAIN_POLICY } from '../support/policy.ts'

const RUNS = { numRuns: 1_500 }
const GROUPS = Array.from({ length: 6 }, (_, index) => `g${index}` as GroupId)
/** Teams of the last group and of a group nobody knows are not in the context. */
const UNKNOWN = 'g-unknown' as GroupId
const PRODUCTS = ['models', 'weave']
const CUSTOM_ROLES = ['cr-a', 'cr-b', 'cr-c']
const TEAM_ROLES = ['viewer', 'member', 'admin', ...CUSTOM_ROLES]
const ORIGINS: readonly MemberOrigin[] = ['scim', 'manual', 'invite', 'domain', 'claim', 'service']

/** The situation as plain data, so that it can be shuffled and added to before it becomes a context. */
interface Situation {
  readonly person: PersonFacts
  readonly groups: ReadonlyMap<GroupId, GroupFacts>
  readonly teams: ReadonlyMap<GroupId, TeamFacts>
  readonly rules: readonly { readonly group: GroupId; readonly rule: MatchingRule }[]
  /** Rules for every person. */
  readonly everyone?: readonly MatchingRule[]
  readonly roles: ReadonlyMap<string, RoleDefinition>
  readonly defaultOrgRole: OrgRole
  readonly defaultSeats: ReadonlyMap<string, SeatType>
}

function contextOf({
  groups,
  teams,
  rules,
  roles,
  defaultOrgRole,
  defaultSeats,
  everyone = [],
}: Situation): ReconcileContext {
  return {
    policy: { ...PLAIN_POLICY, defaultOrgRole, defaultSeats },
    groups,
    teams,
    rulesOf: (group) => rules.filter((entry) => entry.group === group).map(({ rule }) => rule),
    everyone,
    roleOf: (id) => roles.get(id),
  }
}

const target = fc.constantFrom(...GROUPS, UNKNOWN)
const grant: fc.Arbitrary<Grant> = fc.oneof(
  fc.record({
    kind: fc.constant('team_role' as const),
    target,
    value: fc.constantFrom(...TEAM_ROLES),
  }),
  fc.record({
    kind: fc.constant('org_role' as const),
    target: fc.constant(''),
    value: fc.constantFrom('viewer', 'member', 'admin'),
  }),
  fc.record({
    kind: fc.constant('seat' as const),
    target: fc.constantFrom(...PRODUCTS),
    value: fc.constantFrom('none', 'viewer', 'full'),
  }),
  fc.record({ kind: fc.constant('billing_admin' as const), target: fc.constant(''), value: fc.constant('true') }),
)

const person: fc.Arbitrary<PersonFacts> = fc.record({
  id: fc.constant('u1' as UserId),
  status: fc.constantFrom<UserStatus | 'deleted'>('active', 'active', 'active', 'pending', 'deactivated', 'deleted'),
  accountType: fc.constantFrom<AccountType>('USER', 'USER', 'USER', 'SERVICE', 'ORG_SERVICE'),
  // One value a kind and target, as the table's key has it.
  explicit: fc.uniqueArray(grant, { maxLength: 4, selector: ({ kind, target: at }) => `${kind} ${at}` }),
  members: fc.uniqueArray(fc.record({ groupId: target, origin: fc.constantFrom(...ORIGINS) }), {
    maxLength: 8,
    selector: ({ groupId, origin }) => `${groupId} ${origin}`,
  }),
})

const rules = fc
  .array(fc.record({ group: target, grants: fc.array(grant, { minLength: 1, maxLength: 3 }) }), { maxLength: 6 })
  .map((list) => list.map(({ group, grants }, index) => ({ group, rule: { id: `rule-${index}`, grants } })))

const situation: fc.Arbitrary<Situation> = fc.record({
  person,
  groups: fc
    .array(fc.record({ deleted: fc.boolean(), ownedByIdp: fc.boolean() }), { minLength: 6, maxLength: 6 })
    .map((facts) => new Map(GROUPS.map((id, index) => [id, facts[index]!]))),
  teams: fc
    .array(fc.record({ archived: fc.boolean(), defaultRole: fc.constantFrom(...TEAM_ROLES) }), {
      minLength: 5,
      maxLength: 5,
    })
    .map((facts) => new Map(facts.map((team, index) => [GROUPS[index]!, team]))),
  rules,
  everyone: fc
    .array(fc.array(grant, { minLength: 1, maxLength: 2 }), { maxLength: 2 })
    .map((list) => list.map((grants, index) => ({ id: `all-${index}`, grants }))),
  roles: fc
    .array(
      fc.record({
        base: fc.constantFrom<RoleDefinition['base']>('viewer', 'member', 'admin'),
        permissions: fc.subarray(['read', 'write', 'share']),
      }),
      { minLength: 3, maxLength: 3 },
    )
    .map((definitions) => new Map(definitions.map((role, index) => [CUSTOM_ROLES[index]!, role]))),
  defaultOrgRole: fc.constantFrom<OrgRole>('viewer', 'member'),
  defaultSeats: fc
    .array(fc.constantFrom<SeatType>('none', 'viewer', 'full'), { minLength: 2, maxLength: 2 })
    .map((seats) => new Map(PRODUCTS.map((product, index) => [product, seats[index]!]))),
})

/** Every value in one order, sources included. */
function flat(desired: Desired): unknown {
  return {
    ...desired,
    memberships: [...desired.memberships].sort(),
    seats: [...desired.seats].sort(),
    stale: [...desired.stale].sort(),
  }
}

function run(given: Situation): Desired {
  return reconcile(given.person, contextOf(given))
}

const RANK: Readonly<Record<string, number>> = { none: 0, viewer: 2, member: 4, full: 4, admin: 6 }

function rank(value: string | undefined, { roles }: Situation): number {
  if (value === undefined) return -1
  const role = roles.get(value)
  return role === undefined ? RANK[value]! : RANK[role.base]! + 1
}

/** The same with one more group that feeds rules: its own team, if any, is there already or comes with it. */
function withFeed(given: Situation, name: string, grants: readonly Grant[], team?: TeamFacts): Situation {
  const group = name as GroupId
  return {
    ...given,
    person: { ...given.person, members: [...given.person.members, { groupId: group, origin: 'scim' }] },
    groups: new Map([...given.groups, [group, { deleted: false, ownedByIdp: true }]]),
    teams: team === undefined ? given.teams : new Map([...given.teams, [group, team]]),
    rules: [...given.rules, { group, rule: { id: `rule-${name}`, grants } }],
  }
}

describe('reconcile', () => {
  it('gives the same for the same facts, in whatever order members, rules and explicit values come', () => {
    const shuffled = situation.chain((given) =>
      fc
        .tuple(
          fc.shuffledSubarray([...given.person.members], { minLength: given.person.members.length }),
          fc.shuffledSubarray([...given.person.explicit], { minLength: given.person.explicit.length }),
          fc.shuffledSubarray([...given.rules], { minLength: given.rules.length }),
          fc.boolean(),
        )
        .map(([members, explicit, mixed, reversed]) => {
          const again: Situation = {
            ...given,
            person: { ...given.person, members, explicit },
            rules: reversed
              ? mixed.map(({ group, rule }) => ({ group, rule: { ...rule, grants: [...rule.grants].reverse() } }))
              : mixed,
          }
          return { given, again }
        }),
    )
    fc.assert(
      fc.property(shuffled, ({ given, again }) => {
        const before = structuredClone(given.person)
        expect(flat(run(again))).to.deep.equal(flat(run(given)))
        expect(given.person, 'facts are not changed').to.deep.equal(before)
      }),
      RUNS,
    )
  })

  it('changes nothing when what it made stale is taken away and it runs again', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const first = run(given)
        const explicit = given.person.explicit.filter(
          ({ kind, target: team }) => kind !== 'team_role' || !first.stale.includes(team as GroupId),
        )
        const second = run({ ...given, person: { ...given.person, explicit } })
        expect(flat(second)).to.deep.equal(flat({ ...first, stale: [] }))
      }),
      RUNS,
    )
  })

  it('never lowers a team role or a ruled seat for one more group that feeds rules', () => {
    const grants = fc.array(
      grant.filter(({ kind }) => kind !== 'org_role'),
      { minLength: 1, maxLength: 3 },
    )
    const team = fc.option(fc.constant<TeamFacts>({ archived: false, defaultRole: 'member' }), { nil: undefined })
    fc.assert(
      fc.property(situation, grants, team, (given, added, ownTeam) => {
        const [before, after] = [run(given), run(withFeed(given, 'g-added', added, ownTeam))]
        expect(after.orgRole).to.equal(before.orgRole)
        for (const [id, { role }] of before.memberships) {
          expect(rank(after.memberships.get(id)?.role, given), id).to.be.at.least(rank(role, given))
        }
        for (const [product, { type, by }] of before.seats) {
          // A default stands only while no rule speaks of the seat.
          if (by.kind !== 'default') {
            expect(rank(after.seats.get(product)?.type, given), product).to.be.at.least(rank(type, given))
          }
        }
      }),
      RUNS,
    )
  })

  it('never lowers a ruled org role, nor anything with it, for one more rule about org roles', () => {
    const role = fc.constantFrom('viewer', 'member', 'admin')
    const orgRole = (value: string): Grant => ({ kind: 'org_role', target: '', value })
    fc.assert(
      fc.property(situation, role, role, (base, first, second) => {
        const given = withFeed(base, 'g-first', [orgRole(first)])
        const [before, after] = [run(given), run(withFeed(given, 'g-second', [orgRole(second)]))]
        expect(rank(after.orgRole, given)).to.be.at.least(rank(before.orgRole, given))
        for (const [id, membership] of before.memberships) {
          expect(rank(after.memberships.get(id)?.role, given), id).to.be.at.least(rank(membership.role, given))
        }
        for (const [product, { type }] of before.seats) {
          expect(rank(after.seats.get(product)?.type, given), product).to.be.at.least(rank(type, given))
        }
      }),
      RUNS,
    )
  })

  it('lets a rule of the team’s own group, and only that, go below the team’s default', () => {
    const own: Situation = {
      person: {
        id: 'u1' as UserId,
        status: 'active',
        accountType: 'USER',
        explicit: [],
        members: [{ groupId: GROUPS[0]!, origin: 'scim' }],
      },
      groups: new Map(GROUPS.slice(0, 2).map((id) => [id, { deleted: false, ownedByIdp: true }])),
      teams: new Map([[GROUPS[0]!, { archived: false, defaultRole: 'member' }]]),
      rules: [
        {
          group: GROUPS[0]!,
          rule: { id: 'lower', grants: [{ kind: 'team_role', target: GROUPS[0]!, value: 'viewer' }] },
        },
      ],
      roles: new Map(),
      defaultOrgRole: 'member',
      defaultSeats: new Map(),
    }
    expect(run(own).memberships.get(GROUPS[0]!)?.role).to.equal('viewer')
    const other: Situation = {
      ...own,
      person: { ...own.person, members: [...own.person.members, { groupId: GROUPS[1]!, origin: 'scim' }] },
      rules: own.rules.map(({ rule }) => ({ group: GROUPS[1]!, rule })),
    }
    expect(run(other).memberships.get(GROUPS[0]!)?.role).to.equal('member')
  })

  it('ranks a custom role just above what it inherits; one that is not there gives nothing', () => {
    const [team] = [GROUPS[0]!]
    const given = (roles: readonly string[], explicit?: string): Situation => ({
      person: {
        ...{ id: 'u1' as UserId, status: 'active', accountType: 'USER' },
        explicit: explicit === undefined ? [] : [{ kind: 'team_role', target: team, value: explicit }],
        members: [{ groupId: team, origin: 'scim' }],
      },
      groups: new Map([[team, { deleted: false, ownedByIdp: true }]]),
      teams: new Map([[team, { archived: false, defaultRole: 'viewer' }]]),
      rules: roles.map((value, at) => ({
        ...{ group: team, rule: { id: `r${at}`, grants: [{ kind: 'team_role', target: team, value }] } },
      })),
      roles: new Map([
        ['low', { base: 'viewer', permissions: [] }],
        ['high', { base: 'member', permissions: [] }],
      ]),
      ...{ defaultOrgRole: 'member', defaultSeats: new Map() },
    })
    const roleIn = (situation: Situation): string | undefined => {
      const found = run(situation).memberships.get(team)
      return found && `${found.role} of ${found.base}`
    }
    expect(roleIn(given(['viewer', 'low']))).to.equal('low of viewer')
    expect(roleIn(given(['low', 'member']))).to.equal('member of member')
    expect(roleIn(given(['member', 'high', 'low']))).to.equal('high of member')
    expect(roleIn(given(['high', 'admin']))).to.equal('admin of admin')
    expect(roleIn(given(['admin'], 'low'))).to.equal('low of viewer')
    expect(roleIn(given([], 'gone'))).to.equal('viewer of viewer')
  })

  it('never names a team outside the context, nor an archived one', () => {
    fc.assert(
      fc.property(situation, (given) => {
        const { memberships, stale } = run(given)
        for (const team of [...memberships.keys(), ...stale]) {
          expect(given.teams.get(team)?.archived, team).to.equal(false)
        }
      }),
      RUNS,
    )
  })

  it('gives nothing to whoever is not active; only a pending person reserves a seat', () => {
    fc.assert(
      fc.property(situation, (given) => {
        fc.pre(given.person.status !== 'active')
        const { active, orgRole, billing, memberships, seats } = run(given)
        expect({ active, orgRole, billing }).to.deep.equal({ active: false, orgRole: 'none', billing: false })
        expect(memberships.size).to.equal(0)
        if (given.person.status !== 'pending') expect(seats.size).to.equal(0)
      }),
      RUNS,
    )
  })
})
