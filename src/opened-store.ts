import { randomBytes } from 'node:crypto'
import { kekIdOf, unwrapSecret, wrapSecret } from './audit/person-key.ts'
import { createRecordSealer } from './audit/record-sealer.ts'
import { SYSTEM_ORG } from './audit/system-org.ts'
import { newSigningKey, type SigningKey } from './auth/access-token.ts'
import { type Config, EXIT_CONFIG } from './config.ts'
import { findMasterKey } from './master-key.ts'
import { StartError } from './start-error.ts'
import { openConnections, openStore, type Store, type StoreConnections } from './storage/store.ts'

/** A store whose schema and key were checked, with the secrets that all its instances share. */
export interface OpenedStore {
  readonly connections: StoreConnections
  readonly store: Store
  readonly signingKey: SigningKey
  /** The key file, when it was made just now. */
  readonly keyMadeAt: string | undefined
  close(): Promise<void>
}

const CURSOR_KEY = 'cursor'
const SIGNING_KEY = 'token-signing'

type Deployment = NonNullable<Awaited<ReturnType<StoreConnections['findDeployment']>>>

export function connect(config: Config, onIdleError: (error: Error) => void): StoreConnections {
  return openConnections({
    databaseUrl: config.database.url,
    dataDir: config.database.dataDir,
    poolSize: config.database.pool,
    onIdleError,
  })
}

/**
 * Checks key and schema, migrates an embedded store, and opens what is read and written with. The key is checked before
 * anything is written.
 * @throws StartError 78 for a wrong key or a PostgreSQL schema that is behind
 */
export async function openCheckedStore(config: Config, connections: StoreConnections): Promise<OpenedStore> {
  const pending = await pendingMigrations(connections)
  const known = pending.isNew ? undefined : await connections.findDeployment()
  const { key, madeAt } = findMasterKey({
    configured: config.keys.master,
    dataDir: config.database.dataDir,
    storeKeyId: known?.kek_id,
    mayCreate: connections.dialect === 'sqlite',
  })
  if (connections.dialect === 'sqlite') await connections.migrate()
  else if (pending.names.length > 0) throw schemaBehind(pending.names)
  const deployment = known ?? (await makeDeployment(connections, key))
  const store = openStore(connections, createRecordSealer({ kek: key, now: Date.now }), Date.now)
  await store.ensureChain(SYSTEM_ORG)
  return {
    connections,
    store,
    signingKey: {
      pkcs8: unwrapSecret(key, SIGNING_KEY, deployment.signing_key),
      keyId: deployment.signing_key_id,
    },
    keyMadeAt: madeAt,
    async close() {
      await store.work.idle()
      await connections.close()
    },
  }
}

/**
 * Refuses a key that is not the store's, for commands that write without opening the store.
 * @throws StartError 78
 */
export async function checkMasterKey(config: Config, connections: StoreConnections): Promise<void> {
  const { isNew } = await pendingMigrations(connections)
  const storeKeyId = isNew ? undefined : (await connections.findDeployment())?.kek_id
  if (storeKeyId === undefined) return
  const { dataDir } = config.database
  const mayCreate = connections.dialect === 'sqlite'
  findMasterKey({ configured: config.keys.master, dataDir, storeKeyId, mayCreate })
}

async function pendingMigrations(
  connections: StoreConnections,
): Promise<{ readonly isNew: boolean; readonly names: readonly string[] }> {
  const all = await connections.migrationStatus()
  const pending = all.filter((migration) => migration.executedAt === undefined)
  return { isNew: pending.length === all.length, names: pending.map((migration) => migration.name) }
}

function schemaBehind(names: readonly string[]): StartError {
  return new StartError(
    EXIT_CONFIG,
    `The schema of this PostgreSQL database is behind by ${names.join(', ')}: run "npx rollcall migrate" first`,
  )
}

async function makeDeployment(connections: StoreConnections, key: Uint8Array): Promise<Deployment> {
  const signing = newSigningKey()
  const row = await connections.insertDeployment({
    kek_id: kekIdOf(key),
    cursor_key: wrapSecret(key, CURSOR_KEY, randomBytes(32)),
    signing_key: wrapSecret(key, SIGNING_KEY, signing.pkcs8),
    signing_key_id: signing.keyId,
    created: Date.now(),
  })
  // Another instance may have been first, with another key.
  if (row.kek_id !== kekIdOf(key)) {
    throw new StartError(EXIT_CONFIG, `The master key is not the store's: it was made with ${row.kek_id}`)
  }
  return row
}
