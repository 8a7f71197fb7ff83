import { DomainError } from './errors.ts'
import type { MemberOrigin } from './group.ts'
import type { ConnectionId, GroupId, UserId } from './ids.ts'
import type { StorageBucket } from './storage-bucket.ts'
import type { UserStatus } from './user.ts'

/** Who may add people of the org to a team: its admins, or each of its members. */
export type Inviters = 'admins' | 'members'

export interface TeamSettings {
  /** The role of whoever is a direct member and is given no other: built-in, or the id of a custom role. */
  readonly defaultRole: string
  /** Whether only its members, and admins of the org, see the team. */
  readonly hidden: boolean
  readonly inviters: Inviters
  readonly storage: StorageBucket | undefined
}

/** A team with its group's name and id. Times are epoch milliseconds. */
export interface Team extends TeamSettings {
  readonly id: GroupId
  readonly ord: number
  /** That of its group: one for both. */
  readonly version: number
  readonly created: number
  readonly updated: number
  readonly name: string
  /** The connection whose group manages the team. */
  readonly owner: ConnectionId | undefined
  /** Live people who are direct members, nested groups included. */
  readonly memberCount: number
  readonly archivedAt: number | undefined
  /** When its group was deleted; it can be restored for 30 days. */
  readonly deletedAt: number | undefined
}

/** A person in a team: by derived membership, by a stated fact, or both. */
export interface TeamMember {
  readonly id: UserId
  readonly userName: string
  readonly displayName: string | undefined
  readonly status: UserStatus
  readonly accountType: string
  /** The effective role, a custom one by its name; undefined while nothing derives. */
  readonly role: string | undefined
  /** The built-in role, or the one that a custom role starts from. */
  readonly baseRole: string | undefined
  /** What gave the role: `explicit:…`, `member:…` or `rule:…`. */
  readonly source: string | undefined
  /** Who stated that the person is a direct member; empty where a rule alone puts them there. */
  readonly origins: readonly MemberOrigin[]
}

export const DEFAULT_TEAM_SETTINGS: TeamSettings = {
  defaultRole: 'member',
  hidden: false,
  inviters: 'admins',
  storage: undefined,
}

/** UTF-16 units: it is shown in one line, and a key of an index. */
const MAX_NAME = 256

/** Refuses a name that is blank, too long or holds control characters. @throws DomainError `invalid-value` */
export function checkTeamName(name: string): void {
  const problem =
    name.trim() === ''
      ? 'is required for a team and must not be empty'
      : name.length > MAX_NAME
        ? `is longer than ${MAX_NAME} characters`
        : /\p{Cc}/u.test(name)
          ? 'must not hold control characters'
          : undefined
  if (problem !== undefined) throw invalid('name', `name ${problem}.`)
}

/** Whether two states of a team's settings say the same. */
export function isSameTeam(a: Team, b: Team): boolean {
  return (
    a.name === b.name &&
    a.defaultRole === b.defaultRole &&
    a.hidden === b.hidden &&
    a.inviters === b.inviters &&
    JSON.stringify(a.storage) === JSON.stringify(b.storage)
  )
}

function invalid(path: string, sentence: string): DomainError {
  return new DomainError('invalid-value', sentence, { params: { path } })
}
