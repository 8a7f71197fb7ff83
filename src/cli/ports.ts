import type { ReadStores } from '../domain/ports.ts'
import type { TokenId } from '../domain/ids.ts'
import type { Operation } from '../provisioning/found-org.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'

/** One row of the effective settings, secrets masked. */
export interface SettingRow {
  readonly name: string
  readonly value: string
  readonly source: string
}

/** What a command that reads or changes the store works with. */
export interface Operator {
  readonly reads: ReadStores
  readonly provisioning: Provisioning
  /** The local operator, now. */
  operation(): Operation
  /** A fresh token: its text is shown once, only its hash is kept. */
  mintToken(id: TokenId): { readonly text: string; readonly secretHash: Uint8Array }
}

/** What the commands are given, so that they know neither the store nor authentication; `main.ts` fills it in. */
export interface CommandPorts {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly settings: () => readonly SettingRow[]
  /** Where a local gateway answers, without a slash at the end. */
  readonly publicUrl: () => string
  serve(): Promise<void>
  migrate(): Promise<readonly string[]>
  migrationStatus(): Promise<readonly { readonly name: string; readonly executedAt: Date | undefined }[]>
  /** Opens the local store for one command and closes it. */
  withStore<T>(run: (operator: Operator) => Promise<T>): Promise<T>
}

