import type { GroupId, OrgId, RoleId, UserId } from './ids.ts'
import type { Team, TeamMember, TeamSettings } from './team.ts'
import type { WorkloadAccount, WorkloadHolder, WorkloadIdentity } from './workload.ts'

/** Which teams of an org: all that live, those of one state, or those that a person sees. */
export interface TeamQuery {
  readonly state?: 'active' | 'archived' | 'deleted'
  /** Part of the name, in any case. */
  readonly search?: string
  /** Those this person is a member of. */
  readonly of?: UserId
  /** Those this person may join by the domain of their address, and is not in. */
  readonly openTo?: UserId
  /** Those that people of proved domains may join, hidden ones too. */
  readonly joinable?: true
  /** `ord` of the last team of the page before. */
  readonly after?: number
  readonly limit: number
}

/** Teams with their settings. */
export interface TeamReads {
  /** A live team, archived ones too. */
  find(orgId: OrgId, id: GroupId): Promise<Team | undefined>
  /** The live team of that name, in any case. */
  named(orgId: OrgId, name: string): Promise<Team | undefined>
  /** In the order they were made; deleted ones only where the state asks for them. */
  page(orgId: OrgId, query: TeamQuery): Promise<readonly Team[]>
  /** Its people by id: members by derivation and by fact, deactivated ones too. `after` is the last of the page before. */
  members(orgId: OrgId, team: GroupId, after: UserId | undefined, limit: number): Promise<readonly TeamMember[]>
}

/** Teams beside their groups, and who holds what in them. */
export interface TeamWrites {
  /** A live team, archived ones too. */
  find(orgId: OrgId, id: GroupId): Promise<Team | undefined>
  /** A team whose group is deleted. */
  findDeleted(orgId: OrgId, id: GroupId): Promise<Team | undefined>
  updateSettings(orgId: OrgId, id: GroupId, settings: TeamSettings): Promise<void>
  /**
   * Brings a deleted group back with the name, version and member count given, its facts as they are.
   * @throws DomainError `uniqueness` when the name, or its owner's externalId, is taken by now
   */
  undelete(orgId: OrgId, team: Team): Promise<void>
  /** People whose effective role there is admin; service accounts have none. */
  admins(orgId: OrgId, id: GroupId): Promise<readonly UserId[]>
  /** What a group that comes back counts: live people with a listed fact, and live nested groups. */
  countListed(orgId: OrgId, id: GroupId): Promise<number>
  /** Teams of which a custom role is the default role, archived ones too. */
  withDefaultRole(orgId: OrgId, role: RoleId): Promise<readonly GroupId[]>
  /** Gives them another default role. @returns them, the live ones */
  rewriteDefaultRole(
    orgId: OrgId,
    role: RoleId,
    value: string,
    at: number,
  ): Promise<readonly Pick<Team, 'id' | 'name'>[]>
  /** Ends every explicit role in a team. @returns whose there were */
  endRoles(orgId: OrgId, id: GroupId): Promise<readonly UserId[]>
}

/** A service account as admins see it. */
export interface ServiceAccountSummary {
  readonly id: UserId
  readonly version: number
  readonly userName: string
  readonly displayName: string | undefined
  readonly scope: 'team' | 'org'
  readonly defaultTeam: GroupId
  readonly defaultTeamName: string
  /** The person who answers for it. */
  readonly owner: UserId | undefined
  readonly ownerName: string | undefined
  /** Whether its keys rest because its team is archived or its group deleted. */
  readonly resting: boolean
  /** What its programs show instead of a key. */
  readonly identity: WorkloadIdentity | undefined
  readonly created: number
}

export interface ServiceReads {
  /** Live ones of all orgs that have an identity: a JWT names no org. */
  withIdentity(identity: WorkloadIdentity): Promise<readonly WorkloadAccount[]>
  /** One as access tokens need it, deleted ones too. */
  holder(orgId: OrgId, id: UserId): Promise<WorkloadHolder | undefined>
  find(orgId: OrgId, id: UserId): Promise<ServiceAccountSummary | undefined>
  /** Live ones by id, of one team or of all and the org. `after` is the last of the page before. */
  page(
    orgId: OrgId,
    query: { readonly team?: GroupId; readonly after?: UserId; readonly limit: number },
  ): Promise<readonly ServiceAccountSummary[]>
}
