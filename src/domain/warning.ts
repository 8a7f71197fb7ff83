import type { ConnectionId, GroupId, OrgId, SinkId, TokenId, UserId } from './ids.ts'

/** Something of an org that works today and may not tomorrow. */
export type Warning =
  /** Nobody can administer the org but keys and the local operator. */
  | { readonly code: 'org.no-admin' }
  | { readonly code: 'org.single-admin'; readonly user: UserId; readonly userName: string }
  | {
      readonly code: 'team.single-admin'
      readonly team: GroupId
      readonly teamName: string
      readonly user: UserId
      readonly userName: string
    }
  /** An active connection that nothing can come through: no live token and no trust. */
  | { readonly code: 'connection.no-credential'; readonly connection: ConnectionId; readonly name: string }
  /** The last live token of a connection without a trust ends soon. `expires` is epoch milliseconds. */
  | {
      readonly code: 'token.expires-soon'
      readonly connection: ConnectionId
      readonly name: string
      readonly token: TokenId
      readonly expires: number
    }
  /** Nothing reached a receiver of the log for days, so nothing is sent to it. */
  | { readonly code: 'sink.suspended'; readonly sink: SinkId; readonly name: string }
  /** Records that a receiver of the log would not take. */
  | { readonly code: 'sink.dead-letters'; readonly sink: SinkId; readonly name: string; readonly count: number }

/** What an org's admins should look at. */
export interface WarningReads {
  /** Active admins of the org: at most two, so that a caller can tell "none" and "one" from "several". */
  admins(orgId: OrgId): Promise<readonly { readonly user: UserId; readonly userName: string }[]>
  /** Live teams with exactly one active admin, by name. */
  teamsWithOneAdmin(orgId: OrgId): Promise<
    readonly {
      readonly team: GroupId
      readonly teamName: string
      readonly user: UserId
      readonly userName: string
    }[]
  >
}

/** A warning as a sentence that says what to do. */
export function warningText(warning: Warning): string {
  switch (warning.code) {
    case 'org.no-admin':
      return 'No active person is an admin of the organization; make somebody an admin'
    case 'org.single-admin':
      return `${warning.userName} is the only active admin of the organization; make a second one`
    case 'team.single-admin':
      return `${warning.userName} is the only active admin of the team "${warning.teamName}"; make a second one`
    case 'connection.no-credential':
      return `Nothing can come in through the connection "${warning.name}": make a token for it, or revoke it`
    case 'token.expires-soon': {
      const until = new Date(warning.expires).toISOString()
      return `The last token of the connection "${warning.name}" ends at ${until}; rotate it before`
    }
    case 'sink.suspended':
      return `The log is no longer delivered to "${warning.name}", where nothing arrived for days: mend it, then resume it`
    case 'sink.dead-letters':
      return `"${warning.name}" would not take ${warning.count} ${warning.count === 1 ? 'record' : 'records'} of the log: mend it, then send ${warning.count === 1 ? 'it' : 'them'} again`
  }
}
