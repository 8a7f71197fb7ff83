/** A rule from groups to what their people get. Booleans are 0/1, times epoch milliseconds. */
export interface MappingRuleTable {
  org_id: string
  id: string
  ord: number
  name: string
  /** `name`, `glob`, `externalId` or `everyone`. */
  match_kind: string
  match_value: string
  /** What is compared: folded, but for an externalId. */
  match_key: string
  /** '' for any identity provider. */
  connection_id: string
  directory_only: 0 | 1
  enabled: 0 | 1
  version: number
  created: number
  updated: number
}

/** One value that a rule gives. */
export interface RuleGrantTable {
  org_id: string
  rule_id: string
  /** `team_role`, `org_role` or `seat`. */
  kind: string
  /** Team id or product; '' for an org role. */
  target: string
  value: string
}
