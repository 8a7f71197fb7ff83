import type { ForkGuard } from '../audit/forks.ts'
import type { ValueOpener } from '../audit/opened-values.ts'
import type { RangeThreads } from '../audit/verify.ts'
import type { CheckpointParts } from '../audit/write-checkpoints.ts'
import type { ErasureReach } from '../domain/privacy.ts'
import type { LookUpProof } from '../domain/domain-claim.ts'
import type { SinkPorts } from '../delivery/sink-ports.ts'
import type { BackupReport, BackupRequest, RestoreReport, RestoreRequest } from '../domain/backup.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { InviteId, KeyId, OrgId, TokenId, UserId } from '../domain/ids.ts'
import type { ConnectionDraft } from '../provisioning/create-connection.ts'
import type { JsonObject } from '../domain/json.ts'
import type { ProviderKind } from '../domain/sign-in.ts'
import type { StoredProvider } from '../domain/sign-in-provider.ts'
import type { OneTimeLink } from '../domain/local-sign-in.ts'
import type { Operation } from '../provisioning/found-org.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'

/** One row of the effective settings, secrets masked. */
export interface SettingRow {
  readonly name: string
  readonly value: string
  readonly source: string
}

/** One migration; `known` is false for one that a newer version ran. */
export interface MigrationRow {
  readonly name: string
  /** Undefined while it is pending. */
  readonly executedAt: Date | undefined
  readonly known: boolean
}

/** Trust in an identity provider's JWTs as an operator states it. */
export type TrustDraft = NonNullable<ConnectionDraft['trust']>

/** What commands of the provisioning log need beside the store. */
export interface OperatorLog {
  /** Signs where chains stand. */
  readonly checkpoints: CheckpointParts
  /** Writes checkpoints that are due, and those that are not yet outside the store. */
  write(): Promise<void>
  /** Of the key that signs now. */
  readonly publicKey: Uint8Array
  /** Opens the personal values beside records. */
  readonly values: ValueOpener
  /**
   * Threads that check stretches of a long chain beside one another; closed by whoever asked for them.
   * @param longest records of the longest chain that they may be asked for
   */
  startThreads(longest: number): RangeThreads & { close(): Promise<void> }
  /** Chains that do not go on from their newest checkpoint outside. */
  readonly forks: Pick<ForkGuard, 'forked' | 'lift'>
}

/** The mail server as commands try it. Each attempt answers what was wrong, in the server's own words. */
export interface MailProbe {
  /** Host and port. */
  readonly server: string
  /** Connects and signs in. */
  check(): Promise<string | undefined>
  sendTest(to: string): Promise<string | undefined>
}

/** Something the gateway needs that cannot be asked now. */
export interface Unreachable {
  readonly name: string
  readonly problem: string
}

/** What commands of sign-in need beside the store. */
export interface OperatorProviders {
  /** A config in its full form. @throws DomainError `invalid-value` naming what is wrong */
  checked(kind: ProviderKind, config: JsonObject): JsonObject
  /** A secret as it is stored. */
  seal(of: Pick<StoredProvider, 'orgId' | 'kind'>, secret: string): Uint8Array
  /** Asks a provider as sign-ins do. @returns what is wrong; undefined where it answers */
  problem(provider: StoredProvider): Promise<string | undefined>
}

/** What a command that reads or changes the store works with. */
export interface Operator {
  readonly reads: ReadStores
  readonly provisioning: Provisioning
  readonly log: OperatorLog
  /**
   * After an erasure is committed: takes its bytes out of the store's files and tells the file outside.
   * @param full whether PostgreSQL rewrites the tables that held them
   */
  finishErasure(full: boolean): Promise<ErasureReach>
  /** Receivers of the log. */
  readonly sinks: SinkPorts
  /** Writes the store, and the keys apart from it. @throws DomainError `invalid-value` */
  backup(request: BackupRequest): Promise<BackupReport>
  /** Undefined where no mail server is configured. */
  readonly mail: MailProbe | undefined
  /** Where evidence packs of what is purged by itself are kept; undefined where nothing is. */
  readonly packDir: string | undefined
  /** Directories of an org that people cannot sign in by now. */
  readonly unreachableDirectories: (orgId: OrgId) => Promise<readonly Unreachable[]>
  /** Ways to sign in. */
  readonly providers: OperatorProviders
  /** The local operator, now. */
  operation(): Operation
  /** A fresh token or key: its text is shown once, only its hash is kept. */
  mintToken(id: TokenId | KeyId | InviteId): { readonly text: string; readonly secretHash: Uint8Array }
  /** A fresh link that sets an org up; its text is shown once. */
  mintSetupLink(): { readonly text: string; readonly link: OneTimeLink }
  /** A fresh link by which a person sets another password; its text is shown once. */
  mintResetLink(user: UserId): { readonly text: string; readonly link: OneTimeLink & { readonly user: UserId } }
  /** Asks the DNS for the proof of a domain. */
  readonly lookUpProof: LookUpProof
  /** Why no JWT could, or too many would, satisfy a trust: a sentence; undefined when it is sound. */
  trustProblem(trust: TrustDraft): string | undefined
}

export interface StoreUse {
  /** A command that begins with nothing may make the embedded store; any other then says that there is none. */
  readonly mayCreate: boolean
}

/** What the commands are given, so that they know neither the store nor authentication; `main.ts` fills it in. */
export interface CommandPorts {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Writes a piece of a file to standard output as it is; resolves when the reader has room for the next one. */
  readonly write: (text: string) => Promise<void>
  readonly settings: () => readonly SettingRow[]
  /** Where a local gateway answers, without a slash at the end. */
  readonly publicUrl: () => string
  /** @param show told once what a person or a program needs after the start */
  serve(show: (started: Started) => void): Promise<void>
  /** @returns the names of the migrations run now */
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<readonly MigrationRow[]>
  /** Puts a backup back where no store is. @throws DomainError `invalid-value` */
  restore(request: RestoreRequest): Promise<RestoreReport>
  /** Opens the local store for one command and closes it. */
  withStore<T>(run: (operator: Operator) => Promise<T>, use?: StoreUse): Promise<T>
}

/** A gateway that has just started to serve. */
export interface Started {
  readonly scimUrl: string
  /** The key file, when it was made just now. */
  readonly masterKeyFile: string | undefined
  /** The token of a new store, shown this once. */
  readonly firstToken: string | undefined
  /** Why a bootstrap token that was given is not in use. */
  readonly notice: string | undefined
  /** The first key of the admin API, shown this once. */
  readonly firstKey: string | undefined
  /** Why a bootstrap admin key that was given is not in use. */
  readonly keyNotice: string | undefined
  /** Where the first administrator sets up a password, shown this once. */
  readonly setupUrl: string | undefined
}
