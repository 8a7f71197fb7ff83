import type { GroupId, OrgId, UserId } from './ids.ts'
import type { WorkloadIdentity } from './workload.ts'

/** A service account beside its row as a user. */
export interface ServiceAccount {
  readonly user: UserId
  /** `org`: it joins every team that SCIM makes later. */
  readonly scope: 'team' | 'org'
  readonly defaultTeam: GroupId
  /** The person who answers for it, if one made it. */
  readonly owner: UserId | undefined
  /** What its programs show instead of a key. */
  readonly identity: WorkloadIdentity | undefined
}

export interface ServiceWrites {
  insert(orgId: OrgId, account: ServiceAccount): Promise<void>
  /** A service account, live or not. */
  find(orgId: OrgId, user: UserId): Promise<ServiceAccount | undefined>
  setOwner(orgId: OrgId, user: UserId, owner: UserId): Promise<void>
  /** Names what its programs show, or ends that. */
  setIdentity(orgId: OrgId, user: UserId, identity: WorkloadIdentity | undefined): Promise<void>
  /** The service account of the org that has an identity. */
  withIdentity(orgId: OrgId, identity: WorkloadIdentity): Promise<UserId | undefined>
  /** Live service accounts of the whole org, deactivated ones too. */
  ofOrg(orgId: OrgId): Promise<readonly UserId[]>
}
