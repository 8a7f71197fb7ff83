import type { GroupId, OrgId, UserId } from './ids.ts'
import type { Team, TeamMember, TeamSettings } from './team.ts'

/** Which teams of an org: all that live, those of one state, or those that a person sees. */
export interface TeamQuery {
  readonly state?: 'active' | 'archived' | 'deleted'
  /** Part of the name, in any case. */
  readonly search?: string
  /** Those this person is a member of. */
  readonly of?: UserId
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
  /** People who are members by derivation, through rules too. */
  holders(orgId: OrgId, id: GroupId): Promise<readonly UserId[]>
  /** People whose effective role there is admin; service accounts have none. */
  admins(orgId: OrgId, id: GroupId): Promise<readonly UserId[]>
  /** What a group that comes back counts: live people with a listed fact, and live nested groups. */
  countListed(orgId: OrgId, id: GroupId): Promise<number>
  /** Ends every explicit role in a team. @returns whose there were */
  endRoles(orgId: OrgId, id: GroupId): Promise<readonly UserId[]>
  /** The live person or service account of that userName, in any case. */
  userNamed(orgId: OrgId, userName: string): Promise<UserId | undefined>
}
