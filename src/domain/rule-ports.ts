import type { GroupId, OrgId, RoleId, RuleId, UserId } from './ids.ts'
import type { OrgRole } from './access.ts'
import type { OrgPolicy } from './org-policy.ts'
import type { PersonFacts, ReconcileContext, RoleDefinition } from './reconcile.ts'
import type { Rule, RuleMatch } from './rule.ts'
import type { MatchedGroup, RuleSet } from './rule-set.ts'
import type { HeldAccess } from './held-access.ts'

/** A live group as rules look at it. */
export interface MatchableGroup extends MatchedGroup {
  readonly displayName: string
  readonly hasTeam: boolean
}

/** A grant of a role in a team that a rule makes. */
export interface RuleTeamGrant {
  readonly rule: RuleId
  readonly team: GroupId
}

/** Whom rules are about. */
export interface RuleReach {
  /** Live groups that a match may be about, or all; it is for the rule set to say which it is. */
  groups(orgId: OrgId, match: RuleMatch | undefined): Promise<readonly MatchableGroup[]>
  /** Active people with a fact in one of the groups that feeds rules, by id. */
  feeding(orgId: OrgId, groups: readonly GroupId[]): Promise<readonly UserId[]>
}

/** Rules from groups to access, for lists and previews. */
export interface RuleReads extends RuleReach {
  /** All of an org, in the order they were made: there are at most a few thousand. */
  list(orgId: OrgId): Promise<readonly Rule[]>
  find(orgId: OrgId, id: RuleId): Promise<Rule | undefined>
}

/** What is not so yet: reconcile is asked as if it were. What is absent is as it is. */
export interface ContextChange {
  readonly rules?: RuleSet
  readonly policy?: OrgPolicy
  /** A custom role as it would be. */
  readonly role?: { readonly id: RoleId; readonly to: RoleDefinition }
}

/** A group that holds another one: that alone puts nobody into it. */
export interface NestedGroup {
  readonly group: GroupId
  readonly name: string
  /** The group within it. */
  readonly through: GroupId
  readonly throughName: string
}

/** The facts and the derived state of people, for explaining and previewing what they have. */
export interface AccessReads {
  facts(
    orgId: OrgId,
    ids: readonly UserId[],
    change?: ContextChange,
  ): Promise<{ readonly people: readonly PersonFacts[]; readonly context: ReconcileContext }>
  held(orgId: OrgId, ids: readonly UserId[]): Promise<ReadonlyMap<UserId, HeldAccess>>
  /** Active people, those of one org role where it is named, by id. */
  everybody(orgId: OrgId, role?: OrgRole): Promise<readonly UserId[]>
  /** People who hold or were given a custom role in a team, by id. */
  holdersOfRole(orgId: OrgId, role: RoleId): Promise<readonly UserId[]>
  /** Names of groups, deleted ones too. */
  groupNames(orgId: OrgId, ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** userName by id. */
  userNames(orgId: OrgId, ids: readonly UserId[]): Promise<ReadonlyMap<UserId, string>>
  /** Live groups that hold groups the person is in, at any depth, without the person; at most 100, by name. */
  holdersOfGroups(orgId: OrgId, user: UserId): Promise<readonly NestedGroup[]>
  /** Whether a change waits to be applied to the person by a job. */
  isPending(orgId: OrgId, user: UserId): Promise<boolean>
  /** The attribute by which an admin was asked for without effect, if one was. */
  withheldAdmin(orgId: OrgId, user: UserId): Promise<string | undefined>
}

/** Rules as a unit of work writes them, and whom they concern. */
export interface RuleWrites extends RuleReach {
  /** All of an org, in the order they were made. */
  list(orgId: OrgId): Promise<readonly Rule[]>
  find(orgId: OrgId, id: RuleId): Promise<Rule | undefined>
  /** The rule of that very match. */
  matchHolder(orgId: OrgId, match: RuleMatch): Promise<RuleId | undefined>
  count(orgId: OrgId): Promise<number>
  /** The enabled rules as they stand in this unit of work. */
  all(orgId: OrgId): Promise<RuleSet>
  /** @throws DomainError `uniqueness` when another rule has the match */
  insert(orgId: OrgId, rule: Rule): Promise<void>
  /** @throws DomainError `uniqueness` when another rule has the match */
  update(orgId: OrgId, rule: Rule): Promise<void>
  remove(orgId: OrgId, id: RuleId): Promise<void>
  /** Gives every grant of a custom role another value, each rule a new version. @returns what was rewritten */
  rewriteRole(orgId: OrgId, role: RoleId, value: string, at: number): Promise<readonly RuleTeamGrant[]>
  /** Accounts that are in a team, whatever made them. */
  holders(orgId: OrgId, team: GroupId): Promise<readonly UserId[]>
}
