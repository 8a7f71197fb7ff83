import type { GroupId, OrgId, UserId } from './ids.ts'

/** What people had whose deactivation ended it for good. */
export interface RemovedAccessWrites {
  /** Ends every member fact but service ones and every explicit value. @returns the groups they were in */
  remove(orgId: OrgId, user: UserId, at: number): Promise<readonly GroupId[]>
  /** Whether something was ended and not brought back. */
  has(orgId: OrgId, user: UserId): Promise<boolean>
  /** Brings back what groups are there for. @returns those */
  reinstate(orgId: OrgId, user: UserId, at: number): Promise<readonly GroupId[]>
}
