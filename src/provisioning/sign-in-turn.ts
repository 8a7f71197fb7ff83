import type { RecordId, UserId } from '../domain/ids.ts'
import type { Actor, RequestFacts } from '../domain/record.ts'
import type { ProvedPerson } from '../domain/sign-in.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** A sign-in that its provider proved. */
export interface SignInAttempt {
  readonly proved: ProvedPerson
  readonly request: RequestFacts
  /** Whether the deployment says that no sign-in makes a person (`DISABLE_SSO_PROVISIONING`), whatever the org says. */
  readonly provisioningDisabled: boolean
  /** The pending person whose invitation the same browser came with. */
  readonly invited?: UserId
}

/** A sign-in within its unit of work. */
export interface SignInTurn extends SignInAttempt {
  readonly stores: WriteStores
  /** The record of the sign-in: what all that comes of it names as its cause. */
  readonly cause: RecordId
  readonly actor: Actor
}
