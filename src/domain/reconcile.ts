import type { GroupId, UserId } from './ids.ts'
import type { AccountType, OrgRole } from './access.ts'
import type { UserStatus } from './user.ts'
import type { MemberOrigin } from './group.ts'
import type { OrgPolicy } from './org-policy.ts'
import { type SeatType, typesUpTo } from './seat.ts'

export type TeamRole = 'admin' | 'member' | 'viewer'

/** A value a rule gives: an org role, a seat of a product, or a role in a team. */
export interface Grant {
  readonly kind: 'org_role' | 'billing_admin' | 'seat' | 'team_role'
  /** Product or team id; '' for org_role and billing_admin. */
  readonly target: string
  readonly value: string
}

export interface MatchingRule {
  readonly id: string
  readonly grants: readonly Grant[]
}

/** A custom role as reconcile sees it; ranks just above what it inherits. */
export interface RoleDefinition {
  readonly base: TeamRole
  readonly permissions: readonly string[]
}

/** The facts of one person: what was stated, nothing derived. */
export interface PersonFacts {
  readonly id: UserId
  readonly status: UserStatus | 'deleted'
  readonly accountType: AccountType
  /** Explicit values set on this person. */
  readonly explicit: readonly Grant[]
  readonly members: readonly { readonly groupId: GroupId; readonly origin: MemberOrigin }[]
}

export interface GroupFacts {
  readonly deleted: boolean
  /** Owned by an idp connection: only such groups feed rules. */
  readonly ownedByIdp: boolean
}

export interface TeamFacts {
  readonly archived: boolean
  readonly defaultRole: string
}

/** All that reconcile may know beside the person. Read under the org's write lock. */
export interface ReconcileContext {
  readonly policy: OrgPolicy
  readonly groups: ReadonlyMap<GroupId, GroupFacts>
  readonly teams: ReadonlyMap<GroupId, TeamFacts>
  /** Rules that match a group. */
  rulesOf(group: GroupId): readonly MatchingRule[]
  /** Rules for every person of the org. */
  readonly everyone: readonly MatchingRule[]
  roleOf(id: string): RoleDefinition | undefined
}

/** What gave a value: an explicit grant, a rule through a group, a member fact, or the org's default. */
export interface Source {
  readonly kind: 'explicit' | 'rule' | 'member' | 'default'
  readonly id: string
  /** The group a rule matched. */
  readonly group?: GroupId
}

export interface Membership {
  /** Built-in, or the id of a custom role. */
  readonly role: string
  /** The role itself, or the built-in one that a custom role starts from. */
  readonly base: TeamRole
  readonly by: Source
}

export interface SeatWish {
  readonly type: SeatType
  readonly by: Source
}

/** The derived state a person should have. */
export interface Desired {
  readonly active: boolean
  readonly orgRole: OrgRole | 'none'
  readonly orgRoleBy: Source
  readonly billing: boolean
  readonly memberships: ReadonlyMap<GroupId, Membership>
  readonly seats: ReadonlyMap<string, SeatWish>
  /** Teams whose explicit role has lost its last path and ends. */
  readonly stale: readonly GroupId[]
}

/** A value that a person could have, and what speaks for it. */
export interface Candidate {
  readonly value: string
  readonly by: Source
}

const RANK: Readonly<Record<string, number>> = { none: 0, viewer: 2, member: 4, full: 4, admin: 6 }

/**
 * From facts to access, pure: no clock, no store, and no dependence on the order of members or rules. An explicit value
 * wins; else the highest candidate among the matching rules and the team's own default; else the org's default.
 */
export function reconcile(person: PersonFacts, context: ReconcileContext): Desired {
  if (person.accountType !== 'USER') return serviceDesired(person, context)
  if (person.status !== 'active') return inactiveDesired(person, context)
  const grants = ruleGrants(person, context)
  const { value: orgRole, by: orgRoleBy } = orgRoleOf(person, grants, context)
  const memberships = membershipsOf(person, grants, orgRole, context)
  return {
    active: true,
    orgRole,
    orgRoleBy,
    billing: explicitValue(person, 'billing_admin', '') === 'true',
    memberships,
    seats: seatsOf(person, grants, orgRole, context),
    stale: staleRoles(person, memberships, context),
  }
}

/** Service accounts hold the memberships stated for them and no seat. */
function serviceDesired(person: PersonFacts, context: ReconcileContext): Desired {
  const memberships = new Map<GroupId, Membership>()
  if (person.status === 'active') {
    for (const { groupId, origin } of person.members) {
      if (origin !== 'service' || !isLiveTeam(groupId, context)) continue
      memberships.set(groupId, { role: 'member', base: 'member', by: { kind: 'member', id: groupId } })
    }
  }
  const active = person.status === 'active'
  return {
    active,
    orgRole: active ? 'member' : 'none',
    orgRoleBy: BY_DEFAULT,
    ...{ billing: false, memberships, seats: new Map(), stale: [] },
  }
}

/** A pending person reserves a seat and has nothing else; deactivated and deleted people have nothing. */
function inactiveDesired(person: PersonFacts, context: ReconcileContext): Desired {
  const seats = person.status === 'pending' ? seatsOf(person, [], 'member', context) : new Map<string, SeatWish>()
  const orgRoleBy = explicitValue(person, 'org_role', '') === undefined ? BY_DEFAULT : BY_STATEMENT
  return { active: false, orgRole: 'none', orgRoleBy, billing: false, memberships: new Map(), seats, stale: [] }
}

/** A grant of a rule to one person, and the group through which they have it: none where the rule is for everyone. */
interface RuledGrant extends Grant {
  readonly rule: string
  readonly through: GroupId | undefined
}

const BY_DEFAULT: Source = { kind: 'default', id: '' }
const BY_STATEMENT: Source = { kind: 'explicit', id: '' }

/** Only members an identity provider or a claim stated, in live groups an identity provider owns, feed rules. */
function ruleGrants(person: PersonFacts, context: ReconcileContext): readonly RuledGrant[] {
  const feeding = new Set<GroupId>()
  for (const { groupId, origin } of person.members) {
    const group = context.groups.get(groupId)
    if ((origin === 'scim' || origin === 'claim') && group !== undefined && !group.deleted && group.ownedByIdp) {
      feeding.add(groupId)
    }
  }
  const grants = context.everyone.flatMap((rule) => grantsOf(rule, undefined))
  for (const through of feeding) {
    for (const rule of context.rulesOf(through)) grants.push(...grantsOf(rule, through))
  }
  return grants
}

function grantsOf(rule: MatchingRule, through: GroupId | undefined): RuledGrant[] {
  return rule.grants.map(({ kind, target, value }) => ({ kind, target, value, rule: rule.id, through }))
}

function orgRoleOf(
  person: PersonFacts,
  grants: readonly RuledGrant[],
  context: ReconcileContext,
): { readonly value: OrgRole; readonly by: Source } {
  const explicit = explicitValue(person, 'org_role', '')
  if (explicit !== undefined) return { value: explicit as OrgRole, by: BY_STATEMENT }
  const winner = pick(candidates(grants, 'org_role', ''), context)
  if (winner !== undefined) return { value: winner.value as OrgRole, by: winner.by }
  return { value: context.policy.defaultOrgRole, by: BY_DEFAULT }
}

function membershipsOf(
  person: PersonFacts,
  grants: readonly RuledGrant[],
  orgRole: OrgRole,
  context: ReconcileContext,
): ReadonlyMap<GroupId, Membership> {
  const own = ownTeams(person, context)
  const teams = new Set<GroupId>(own)
  for (const grant of grants) if (grant.kind === 'team_role') teams.add(grant.target as GroupId)
  const memberships = new Map<GroupId, Membership>()
  for (const team of teams) {
    const role = teamRole(person, team, { grants, own: own.has(team) }, context)
    if (role === undefined) continue
    memberships.set(team, orgRole === 'viewer' ? { ...role, role: 'viewer', base: 'viewer' } : role)
  }
  return memberships
}

/** Own teams of the live groups a person is a direct member of; service facts give none to people. */
function ownTeams(person: PersonFacts, context: ReconcileContext): ReadonlySet<GroupId> {
  const own = new Set<GroupId>()
  for (const { groupId, origin } of person.members) {
    if (origin !== 'service' && context.groups.get(groupId)?.deleted === false) own.add(groupId)
  }
  return own
}

function teamRole(
  person: PersonFacts,
  team: GroupId,
  paths: { readonly grants: readonly RuledGrant[]; readonly own: boolean },
  context: ReconcileContext,
): Membership | undefined {
  const facts = context.teams.get(team)
  if (facts === undefined || facts.archived) return undefined
  const explicit = explicitValue(person, 'team_role', team)
  const stated = explicit && membership({ value: explicit, by: { kind: 'explicit', id: team } }, context)
  if (stated) return stated
  const cands = candidates(paths.grants, 'team_role', team)
  // A rule on the group's own team replaces its default, so it can lower it; any other group only adds.
  const lowered = paths.grants.some((g) => g.kind === 'team_role' && g.target === team && g.through === team)
  if (paths.own && !lowered) cands.push({ value: facts.defaultRole, by: { kind: 'member', id: team } })
  const winner = pick(cands, context)
  return winner && membership(winner, context)
}

/** A role that is not there gives nothing. */
function membership({ value, by }: Candidate, context: ReconcileContext): Membership | undefined {
  const base = isBuiltInRole(value) ? value : context.roleOf(value)?.base
  return base && { role: value, base, by }
}

/** Whether a value is a role that every team has. */
export function isBuiltInRole(value: string): value is TeamRole {
  return value === 'admin' || value === 'member' || value === 'viewer'
}

function seatsOf(
  person: PersonFacts,
  grants: readonly RuledGrant[],
  orgRole: OrgRole,
  context: ReconcileContext,
): ReadonlyMap<string, SeatWish> {
  const seats = new Map<string, SeatWish>()
  for (const [product, byDefault] of context.policy.defaultSeats) {
    const explicit = explicitValue(person, 'seat', product)
    const winner = pick(candidates(grants, 'seat', product), context)
    const by: Source =
      explicit === undefined ? (winner?.by ?? { kind: 'default', id: product }) : { kind: 'explicit', id: product }
    const stated = (explicit ?? winner?.value ?? byDefault) as SeatType
    const [type = 'none'] = typesUpTo(stated, context.policy.settings.seatTypes[orgRole])
    seats.set(product, { type, by })
  }
  return seats
}

/** Explicit team roles whose team has no path left. Archived teams keep theirs: restoring brings them back. */
function staleRoles(
  person: PersonFacts,
  memberships: ReadonlyMap<GroupId, Membership>,
  context: ReconcileContext,
): readonly GroupId[] {
  return person.explicit
    .filter((grant) => grant.kind === 'team_role')
    .map((grant) => grant.target as GroupId)
    .filter((team) => !memberships.has(team) && isLiveTeam(team, context))
}

function isLiveTeam(team: GroupId, context: ReconcileContext): boolean {
  const facts = context.teams.get(team)
  return facts !== undefined && !facts.archived
}

function explicitValue(person: PersonFacts, kind: Grant['kind'], target: string): string | undefined {
  return person.explicit.find((grant) => grant.kind === kind && grant.target === target)?.value
}

function candidates(grants: readonly RuledGrant[], kind: Grant['kind'], target: string): Candidate[] {
  return grants
    .filter((grant) => grant.kind === kind && grant.target === target)
    .map(({ value, rule: id, through }) => ({
      value,
      by: through === undefined ? { kind: 'rule', id } : { kind: 'rule', id, group: through },
    }))
}

/** Everything that speaks for a value of a person, whether it wins or not. */
export function allCandidates(person: PersonFacts, context: ReconcileContext): readonly (Candidate & Grant)[] {
  const { defaultOrgRole, defaultSeats } = context.policy
  const stated = person.explicit.map((grant) => ({ ...grant, by: { kind: 'explicit', id: grant.target } as const }))
  const ruled = ruleGrants(person, context).flatMap(({ kind, target, value, rule, through }) =>
    candidates([{ kind, target, value, rule, through }], kind, target).map((each) => ({ ...each, kind, target })),
  )
  const own = [...ownTeams(person, context)].flatMap((team) => {
    const value = context.teams.get(team)?.defaultRole
    const by = { kind: 'member', id: team } as const
    return value === undefined ? [] : [{ kind: 'team_role' as const, target: team, value, by }]
  })
  return [
    ...[...stated, ...ruled, ...own],
    { kind: 'org_role', target: '', value: defaultOrgRole, by: BY_DEFAULT },
    ...Array.from(defaultSeats, ([product, value]) => {
      return { kind: 'seat', target: product, value, by: { kind: 'default', id: product } } as const
    }),
  ]
}

/** Whether two custom roles stand equally high, so that only their ids decide which one somebody has. */
export function isTie(a: string, b: string, context: ReconcileContext): boolean {
  if (a === b || isBuiltInRole(a) || isBuiltInRole(b)) return false
  return rankOf(a, context) === rankOf(b, context) && widerRole(a, b, context) === 0
}

/** The highest candidate; ties go to the wider custom role, then the lower role id, then the least source. */
function pick(cands: readonly Candidate[], context: ReconcileContext): Candidate | undefined {
  let best: Candidate | undefined
  for (const candidate of cands) {
    if (best === undefined || compare(candidate, best, context) > 0) best = candidate
  }
  return best
}

function compare(a: Candidate, b: Candidate, context: ReconcileContext): number {
  const rank = rankOf(a.value, context) - rankOf(b.value, context)
  if (rank !== 0) return rank
  if (a.value !== b.value) {
    const wider = widerRole(a.value, b.value, context)
    if (wider !== 0) return wider
    return a.value < b.value ? 1 : -1
  }
  const left = `${a.by.id} ${a.by.group ?? ''}`
  const right = `${b.by.id} ${b.by.group ?? ''}`
  return left === right ? 0 : left < right ? 1 : -1
}

/** How high a role or seat stands; -1 for a role that is not there. */
export function rankOf(value: string, context: Pick<ReconcileContext, 'roleOf'>): number {
  const builtIn = Object.hasOwn(RANK, value) ? RANK[value] : undefined
  if (builtIn !== undefined) return builtIn
  const role = context.roleOf(value)
  return role === undefined ? -1 : (RANK[role.base] ?? 0) + 1
}

function widerRole(a: string, b: string, context: ReconcileContext): number {
  const left = new Set(context.roleOf(a)?.permissions)
  const right = new Set(context.roleOf(b)?.permissions)
  const leftHolds = [...right].every((permission) => left.has(permission))
  const rightHolds = [...left].every((permission) => right.has(permission))
  return leftHolds === rightHolds ? 0 : leftHolds ? 1 : -1
}
