import type { RecordId } from '../domain/ids.ts'
import type { Actor, RequestFacts } from '../domain/record.ts'
import type { ProvedPerson } from '../domain/sign-in.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** A sign-in that its provider proved. */
export interface SignInAttempt {
  readonly proved: ProvedPerson
  readonly request: RequestFacts
  /** Whether the deployment says that no sign-in makes a person (`DISABLE_SSO_PROVISIONING`), whatever the org says. */
  readonly provisioningDisabled: boolean
  /** SHA-256 (32 bytes) of the link of the invitation that the same browser came with. */
  readonly invitation?: Uint8Array | undefined
}

/** A sign-in within its unit of work. */
export interface SignInTurn extends SignInAttempt {
  readonly stores: WriteStores
  /** The record of the sign-in: what all that comes of it names as its cause. */
  readonly cause: RecordId
  readonly actor: Actor
}
