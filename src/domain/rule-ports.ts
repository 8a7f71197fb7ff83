import type { GroupId, OrgId, RoleId, RuleId, UserId } from './ids.ts'
import type { Rule, RuleMatch } from './rule.ts'
import type { MatchedGroup, RuleSet } from './rule-set.ts'

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

/** Rules as a unit of work writes them, and whom they concern. */
export interface RuleWrites {
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
  /** Live groups that a match may be about, or all; it is for the rule set to say which it is. */
  groups(orgId: OrgId, match: RuleMatch | undefined): Promise<readonly MatchableGroup[]>
  /** Active people with a fact in one of the groups that feeds rules, by id. */
  feeding(orgId: OrgId, groups: readonly GroupId[]): Promise<readonly UserId[]>
  /** Accounts that are in a team, whatever made them. */
  holders(orgId: OrgId, team: GroupId): Promise<readonly UserId[]>
}
