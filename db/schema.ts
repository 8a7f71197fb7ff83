import type { Generated, GeneratedAlways } from 'kysely'
import type { ActiveCountTable, ActivityDayTable, ActivityMarkTable, UserActivityTable } from './activity-schema.ts'
import type {
  BreakerBatchTable,
  BreakerEventTable,
  RemovedAccessTable,
  SeatCounterTable,
  SeatUseView,
  UserSeatTable,
} from './seat-schema.ts'
import type {
  ApiKeyTable,
  ConnectionTable,
  ConnectionTokenTable,
  JwtTrustTable,
  KeptAnswerTable,
  SpentTokenTable,
} from './credential-schema.ts'
import type {
  CheckpointTable,
  EventPiiTable,
  EventTargetTable,
  OrgChainTable,
  PersonKeyTable,
  ProvisioningEventTable,
  RequestLogTable,
} from './log-schema.ts'
import type { LocalPasswordTable, OneTimeLinkTable, SessionTable } from './session-schema.ts'
import type { IdentityTable, IdentityTombstoneTable, SigninFlowTable, SigninProviderTable } from './signin-schema.ts'
import type { LogReaderTable, SinkDeadTable, SinkTable } from './delivery-schema.ts'
import type { DomainClaimTable, InviteTable } from './invite-schema.ts'
import type { OutboxTable } from './mail-schema.ts'
import type { ErasureTable, LegalHoldTable, LogPurgeTable } from './privacy-schema.ts'
import type { AccessReviewItemTable, AccessReviewTable } from './review-schema.ts'
import type { MappingRuleTable, RuleGrantTable } from './rule-schema.ts'

/**
 * The tables, one interface for both dialects. Booleans are 0/1 (SQLite has no boolean; PostgreSQL columns are
 * integers too), times are epoch milliseconds, JSON is text. `_key` columns hold the folded form (NFKC and simple case
 * fold) of what SCIM compares without case.
 */
export type Flag = 0 | 1

export interface OrgTable {
  id: string
  name: string
  name_key: string
  created: number
}

export interface OrgPolicyTable {
  org_id: string
  default_org_role: string
  /** JSON: product → full | viewer | none */
  default_seats: string
  /** JSON settings; absent keys have their defaults in code. */
  settings: string
  /** Not a count: a number nobody used before, new with every change of rules or custom roles; 1 until the first. */
  rules_version: number
  /** JSON: product → type → number of bought seats; what is absent is unlimited. */
  licence: Generated<string>
  /** Grows with every change of the above but `rules_version`. */
  version: Generated<number>
  /** Grows with every change of `org_attribute`; 0 where none was ever declared. */
  attributes_version: Generated<number>
}

/** An attribute of people that an org declared. */
export interface OrgAttributeTable {
  org_id: string
  name: string
  name_key: string
  type: string
  multi_valued: Flag
  case_exact: Flag
  description: string
  /** `live` or `removing`. */
  state: string
  created: number
  updated: number
}

export interface UserTable {
  org_id: string
  id: string
  ord: number
  username: string
  username_key: string
  display_name: string | null
  display_name_key: string | null
  status: string
  /** 0 while deactivated, else 1: follows from `status`. */
  active: GeneratedAlways<number>
  account_type: string
  owner_connection_id: string | null
  external_id: string | null
  org_role: string
  billing_admin: Flag
  department: string | null
  department_key: string | null
  employee_number: string | null
  employee_number_key: string | null
  /** JSON of UserAttributes. */
  body: string
  /** JSON of UserAttributes with every string folded: what filters compare without case. */
  search: string
  version: number
  created: number
  updated: number
  deleted_at: number | null
}

export interface UserEmailTable {
  org_id: string
  user_id: string
  ordinal: number
  value: string
  value_key: string
  type: string | null
  is_primary: Flag
}

/**
 * What filters compare of the attributes an org declared, one row a value: text as it compares in `key_text`; numbers,
 * booleans (0 or 1) and times in `key_num`.
 */
export interface UserAttrTable {
  org_id: string
  user_id: string
  attr: string
  ordinal: number
  key_text: string | null
  key_num: number | null
}

export interface ScimGroupTable {
  org_id: string
  id: string
  ord: number
  display_name: string
  name_key: string
  owner_connection_id: string | null
  external_id: string | null
  marked_protected: Flag
  member_count: number
  body: string
  version: number
  created: number
  updated: number
  deleted_at: number | null
}

export interface GroupMemberTable {
  org_id: string
  group_id: string
  user_id: string
  origin: string
  set_by: string | null
  set_at: number
}

export interface GroupChildTable {
  org_id: string
  group_id: string
  child_group_id: string
}

export interface TeamTable {
  org_id: string
  id: string
  archived_at: number | null
  default_role: string
  /** JSON of a StorageBucket. */
  storage: string | null
  /** `org` or `members`. */
  visibility: string
  /** `admins` or `members`. */
  inviters: Generated<string>
  /** 1 where people of a domain that the org has proved may join by themselves. */
  joinable: Generated<Flag>
}

export interface ExplicitGrantTable {
  org_id: string
  user_id: string
  kind: string
  target: string
  value: string
  set_by: string | null
  set_at: number
}

export interface CustomRoleTable {
  org_id: string
  id: string
  ord: number
  name: string
  name_key: string
  description: string | null
  base: string
  version: number
  created: number
  updated: number
}

/** What a custom role adds to what its base holds. */
export interface CustomRolePermissionTable {
  org_id: string
  role_id: string
  permission: string
}

/** What a built-in role holds in a team: the same for every org. */
export interface BasePermissionTable {
  base: string
  permission: string
}

/** What a service account has beside its row in `user`. */
export interface ServiceAccountTable {
  org_id: string
  user_id: string
  /** `team` or `org`. */
  scope: string
  default_team_id: string | null
  jwt_issuer: string | null
  jwt_subject: string | null
  /** The person who answers for it. */
  owner_user_id: string | null
}

export interface TeamMembershipTable {
  org_id: string
  user_id: string
  team_id: string
  /** Built-in; for a custom role the one it starts from. */
  role: string
  /** '' for a built-in role. */
  custom_role_id: string
  source_kind: string
  source_id: string
}

export interface OrgCounterTable {
  org_id: string
  name: string
  value: number
}

export interface AccessPeriodTable {
  org_id: string
  user_id: string
  kind: string
  target: string
  value: string
  from_seq: number
  to_seq: number | null
  valid_from: number
  valid_to: number | null
}

export interface ReconcileJobTable {
  org_id: string
  id: string
  reason: string
  cause_seq: number
  cause_id: string
  /** Last user id done; '' at the start. */
  cursor: string
  state: string
  created: number
}

/** People a job still has to reconcile. */
export interface ReconcileJobPersonTable {
  org_id: string
  job_id: string
  user_id: string
}

/** An admin that `roles` or `entitlements` ask for, through a connection that may grant none: waits for an admin. */
export interface WithheldAdminTable {
  org_id: string
  user_id: string
  connection_id: string
  attribute: string
  /** `waiting` or `refused`. */
  state: Generated<string>
  created: number
}

/** A linking write that waits for an admin's confirmation. */
export interface LinkRequestTable {
  org_id: string
  connection_id: string
  /** `user` or `group`. */
  subject_type: string
  subject_id: string
  reason: string
  state: string
  created: number
  decided: number | null
}

/** One row, id `this`: what all instances of a deployment share. Secrets are wrapped by the master key. */
export interface DeploymentTable {
  id: string
  /** First 16 hex characters of the SHA-256 of the master key. */
  kek_id: string
  cursor_key: Uint8Array
  signing_key: Uint8Array
  signing_key_id: string
  created: number
  /** Random, 32 hex characters: what checkpoints of its chains say they are of. */
  name: string
}

export interface Database {
  org: OrgTable
  org_policy: OrgPolicyTable
  org_attribute: OrgAttributeTable
  connection: ConnectionTable
  connection_token: ConnectionTokenTable
  jwt_trust: JwtTrustTable
  user: UserTable
  user_email: UserEmailTable
  user_attr: UserAttrTable
  scim_group: ScimGroupTable
  group_member: GroupMemberTable
  group_child: GroupChildTable
  team: TeamTable
  explicit_grant: ExplicitGrantTable
  custom_role: CustomRoleTable
  custom_role_permission: CustomRolePermissionTable
  base_permission: BasePermissionTable
  mapping_rule: MappingRuleTable
  rule_grant: RuleGrantTable
  service_account: ServiceAccountTable
  team_membership: TeamMembershipTable
  user_seat: UserSeatTable
  seat_counter: SeatCounterTable
  v_seat_use: SeatUseView
  org_counter: OrgCounterTable
  access_period: AccessPeriodTable
  reconcile_job: ReconcileJobTable
  reconcile_job_person: ReconcileJobPersonTable
  link_request: LinkRequestTable
  withheld_admin: WithheldAdminTable
  breaker_event: BreakerEventTable
  breaker_batch: BreakerBatchTable
  removed_access: RemovedAccessTable
  org_chain: OrgChainTable
  provisioning_event: ProvisioningEventTable
  event_target: EventTargetTable
  event_pii: EventPiiTable
  person_key: PersonKeyTable
  checkpoint: CheckpointTable
  request_log: RequestLogTable
  api_key: ApiKeyTable
  session: SessionTable
  local_password: LocalPasswordTable
  one_time_link: OneTimeLinkTable
  kept_answer: KeptAnswerTable
  identity: IdentityTable
  identity_tombstone: IdentityTombstoneTable
  signin_provider: SigninProviderTable
  signin_flow: SigninFlowTable
  spent_token: SpentTokenTable
  outbox: OutboxTable
  sink: SinkTable
  sink_dead: SinkDeadTable
  log_reader: LogReaderTable
  activity_day: ActivityDayTable
  user_activity: UserActivityTable
  activity_mark: ActivityMarkTable
  active_count: ActiveCountTable
  invite: InviteTable
  domain_claim: DomainClaimTable
  access_review: AccessReviewTable
  access_review_item: AccessReviewItemTable
  erasure: ErasureTable
  legal_hold: LegalHoldTable
  log_purge: LogPurgeTable
  deployment: DeploymentTable
}
