import type { OrgId, UserId } from './ids.ts'

/** A value of a column as both stores have it. */
export type ArchiveValue = string | number | null | Uint8Array

/** A table of an archive. Rows hold their values in the order of its columns. */
export interface ArchiveTable {
  readonly name: string
  readonly columns: readonly string[]
  /** Places in `columns` whose values are bytes. */
  readonly blobs: readonly number[]
}

export type ArchiveRow = readonly ArchiveValue[]

/** The store as it stood at one instant, whatever is written meanwhile. */
export interface StoreSnapshot {
  /** The migrations that made its schema, in order. */
  readonly migrations: readonly string[]
  /** Tables, each behind those it refers to. */
  readonly tables: readonly ArchiveTable[]
  /** Rows of a table, a page at a time. */
  rows(table: ArchiveTable): AsyncIterable<readonly ArchiveRow[]>
}

/** A row of an archive with the table it is of. */
export interface TableRow {
  readonly table: ArchiveTable
  readonly row: ArchiveRow
}

/** Where a backup goes: its two files, the keys apart. */
export interface BackupRequest {
  /** Absent for the keys alone. */
  readonly store: string | undefined
  readonly keys: string
}

/** What a backup holds. */
export interface BackupReport {
  /** Epoch milliseconds of the instant that both files show. */
  readonly made: number
  /** Rows in the store's file; undefined where none was asked for. */
  readonly rows: number | undefined
  /** Keys of people. */
  readonly keys: number
  readonly ms: number
}

/** A backup to put back. */
export interface RestoreRequest {
  readonly storeFile: string
  /** The newest keys file there is. */
  readonly keysFile: string
  readonly reason: string
  /** Into a scratch store that is thrown away: nothing is kept, in the store or outside. */
  readonly isDrill: boolean
}

/** What became of one org's log. Times are epoch milliseconds. */
export interface RestoredChain {
  readonly org: string
  readonly orgId: OrgId
  /** Records in the backup, all found whole. */
  readonly records: number
  readonly newest: number | undefined
  /** Records that are known to be lost, since a checkpoint outside names a later one. */
  readonly lost: number
  /** Milliseconds between the newest record and that checkpoint. */
  readonly lostMs: number
}

/** What a restore did. */
export interface RestoreReport {
  /** When the backup was made, epoch milliseconds. */
  readonly made: number
  readonly rows: number
  readonly chains: readonly RestoredChain[]
  /** Organisations that checkpoints outside name and the backup does not have. */
  readonly missing: readonly OrgId[]
  /** How many people were erased again. */
  readonly erased: number
  /** Whoever could not be, being the last admin of their organisation as it was. */
  readonly notErased: readonly UserId[]
  readonly ms: number
}
