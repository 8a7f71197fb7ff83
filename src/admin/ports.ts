import type { Request, RequestHandler, Response } from 'express'
import type { ValueOpener } from '../audit/opened-values.ts'
import type { Followers } from '../delivery/followers.ts'
import type { HeadWatch } from '../delivery/head-watch.ts'
import type { SinkPorts } from '../delivery/sink-ports.ts'
import type { Account } from '../domain/api-key.ts'
import type { CheckpointParts } from '../audit/write-checkpoints.ts'
import type { LookUpProof } from '../domain/domain-claim.ts'
import type { OnceAnswer, OnceKey } from '../domain/kept-answer.ts'
import type { OneTimeLink } from '../domain/local-sign-in.ts'
import type { InviteId, KeyId, OrgId, TokenId, UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { ProviderKind } from '../domain/sign-in.ts'
import type { SignInProvider } from '../domain/sign-in-provider.ts'
import type { ErasureReach } from '../domain/privacy.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Deed } from '../domain/activity.ts'
import type { ConnectionDraft } from '../provisioning/create-connection.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import type { ServiceReads } from '../provisioning/service-reads.ts'

/** A secret just made: its text is shown once, only its hash is kept. */
export interface MintedSecret {
  readonly text: string
  /** SHA-256 of the text, 32 bytes. */
  readonly secretHash: Uint8Array
}

/** A link just made: its text is shown once. */
export interface MintedLink {
  readonly text: string
  readonly link: OneTimeLink & { readonly user: UserId }
}

/** What the admin API works with; `app.ts` fills it in, so that it knows neither storage nor authentication. */
export interface AdminPorts {
  readonly reads: ReadStores
  readonly provisioning: Provisioning
  /** The address clients use, without a slash at the end. */
  readonly publicUrl: string
  /** Gets each failure that is not the client's doing, with the request's id. */
  readonly report: (error: unknown, requestId: string) => void
  /** The secret all instances share that list cursors are signed with. */
  readonly cursorKey: Uint8Array
  /** The time, epoch milliseconds. */
  readonly now: () => number
  /** A fresh token or key of that id. */
  readonly mint: (id: TokenId | KeyId | InviteId) => MintedSecret
  /** A fresh link by which a person sets another password. */
  readonly mintResetLink: (user: UserId) => MintedLink
  /** Asks the DNS for the proof of a domain. */
  readonly lookUpProof: LookUpProof
  /** Why no JWT could, or too many would, satisfy a trust: a sentence; undefined when it is sound. */
  readonly trustProblem: (trust: NonNullable<ConnectionDraft['trust']>) => string | undefined
  /** Notes what the product reports of people. @throws DomainError `unavailable` */
  readonly reportActivity: (deeds: readonly Deed[]) => void
  /** The config of a sign-in provider in its full form. @throws DomainError `invalid-value` */
  readonly providerConfig: (kind: ProviderKind, config: JsonObject) => JsonObject
  /** The secret of a sign-in provider as it is stored. */
  readonly sealSecret: (of: Pick<SignInProvider, 'orgId' | 'kind'>, secret: string) => Uint8Array
  readonly log: LogPorts
  /** After an erasure is committed: takes its bytes out of the store's files, as far as can be while it serves. */
  readonly finishErasure: () => Promise<ErasureReach>
  readonly sinks: SinkPorts
  /** Keeps the answer of a request that is to be done once. */
  readonly keepAnswer: (orgId: OrgId, key: OnceKey, answer: OnceAnswer) => Promise<void>
}

/** Whose credential a request showed. */
export interface Bearer {
  readonly orgId: OrgId
  readonly account: Account
}

/** What readers of the log are served with. */
export interface LogPorts {
  /** Signs where chains stand. */
  readonly checkpoints: CheckpointParts
  /** Opens the personal values beside records. */
  readonly values: ValueOpener
  readonly watch: HeadWatch
  readonly followers: Followers
  /** Notes who reads on and on. */
  readonly serviceReads: ServiceReads
}

export interface AdminRouterOptions extends AdminPorts {
  /** Refuses by `next(error)` with an error named `AuthError`; nothing of the body is read before it. */
  readonly authenticate: RequestHandler
  /** Whose key it was, once `authenticate` has passed. */
  readonly bearerOf: (res: Response) => Bearer
  /** The same, looked up again while an answer goes on. @throws AuthError */
  readonly bearerNow: (req: Request) => Promise<Bearer>
}
