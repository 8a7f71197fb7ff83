import type { Account } from './api-key.ts'
import type { Connection } from './connection.ts'
import type { OrgId } from './ids.ts'
import type { Actor, RequestFacts } from './record.ts'

/** Who asks, for which org (the credential decides it), and with which request. Handed to every use case as an argument. */
export interface Caller {
  readonly orgId: OrgId
  readonly actor: Actor
  /** The connection whose credential was shown; absent for the CLI, for jobs and for the admin API. */
  readonly connection: Connection | undefined
  /** Whose key of the admin API was shown; absent everywhere else. */
  readonly account?: Account
  readonly request: RequestFacts
}
