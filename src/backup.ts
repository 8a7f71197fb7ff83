import { performance } from 'node:perf_hooks'
import { type ArchiveHeader, writeArchive } from './audit/archive.ts'
import { SYSTEM_ORG } from './audit/system-org.ts'
import type { ArchiveRow, ArchiveTable, BackupReport, BackupRequest, StoreSnapshot } from './domain/backup.ts'
import type { OpenedStore } from './opened-store.ts'
import type { Operation } from './provisioning/found-org.ts'
import { recordExport } from './provisioning/record-log-use.ts'

/** Who has a key and who was erased: all that the keys file holds. */
const KEY_TABLES = new Set(['person_key', 'erasure'])

/**
 * Writes the store, in which no person has a key, and the keys, in files of their own, both of one instant. It runs
 * beside servers that write. That it was made is in the log, and so in the backup.
 * @throws DomainError `invalid-value` where a file is there already or cannot be written
 */
export async function makeBackup(
  opened: OpenedStore,
  operation: Operation,
  request: BackupRequest,
): Promise<BackupReport> {
  const { connections, store } = opened
  const began = performance.now()
  // A store whose log forked takes no record before somebody decides what it is, and is best saved before that.
  if (!opened.forks.has(SYSTEM_ORG)) {
    await recordExport(store, operation, SYSTEM_ORG, { form: 'backup', personal: true }).durable
  }
  const { kek_id: kekId } = (await connections.findDeployment())!
  return connections.snapshot(async (snapshot) => {
    const made = Date.now()
    const header = (kind: ArchiveHeader['kind'], tables: readonly ArchiveTable[]): ArchiveHeader => ({
      ...{ kind, deployment: opened.deployment, kekId, made },
      ...{ migrations: snapshot.migrations, tables },
    })
    const tables = snapshot.tables.filter(({ name }) => KEY_TABLES.has(name))
    const keys = await writeArchive(request.keys, header('keys', tables), (table) => snapshot.rows(table))
    const rows =
      request.store === undefined
        ? undefined
        : await writeArchive(request.store, header('store', snapshot.tables), (table) => withoutKeys(snapshot, table))
    return { made, rows, keys, ms: Math.round(performance.now() - began) }
  })
}

async function* withoutKeys(snapshot: StoreSnapshot, table: ArchiveTable): AsyncGenerator<readonly ArchiveRow[]> {
  const secret = new Set(['kek_id', 'wrapped'].map((name) => table.columns.indexOf(name)))
  for await (const page of snapshot.rows(table)) {
    if (table.name !== 'person_key') yield page
    else yield page.map((row) => row.map((value, at) => (secret.has(at) ? null : value)))
  }
}
