import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type ForkGuard, guardForks } from './audit/forks.ts'
import { derivedLogSeed, type LogKey, logKeyOf } from './audit/log-key.ts'
import { createValueOpener, type ValueOpener } from './audit/opened-values.ts'
import { kekIdOf, unwrapSecret, wrapSecret } from './audit/person-key.ts'
import { createPayloadSealer } from './audit/payload-sealer.ts'
import { createRecordSealer } from './audit/record-sealer.ts'
import { SYSTEM_ORG } from './audit/system-org.ts'
import { newSigningKey, type SigningKey } from './auth/access-token.ts'
import { derivedEventSeed, type EventSeeds } from './auth/event-signer.ts'
import { newestOutside } from './audit/checkpoint-file.ts'
import { type Config, EXIT_CONFIG } from './config.ts'
import type { PayloadSealer } from './domain/outbox.ts'
import { findMasterKey, type MasterKey } from './master-key.ts'
import { StartError } from './start-error.ts'
import { explainStoreError } from './store-problem.ts'
import { databaseFile, openConnections, openStore, type Store, type StoreConnections } from './storage/store.ts'

/** A store whose schema and key were checked, with the secrets that all its instances share. */
export interface OpenedStore {
  readonly connections: StoreConnections
  readonly store: Store
  readonly signingKey: SigningKey
  /** What list cursors are signed with. */
  readonly cursorKey: Uint8Array
  /** What signs checkpoints of the log. */
  readonly logKey: LogKey
  /** The one before it, where it is known. */
  readonly previousLogKey: LogKey | undefined
  /** Name of the deployment, as its checkpoints say it. */
  readonly deployment: string
  /** Opens the personal values beside records. */
  readonly values: ValueOpener
  /** Keeps chains that do not go on from what is kept outside from being written; `store.work` obeys it. */
  readonly forks: ForkGuard
  /** What must be read back: wrapped by the master key, opened only under the label it was wrapped with. */
  readonly secrets: PayloadSealer
  /** What the keys of security event tokens are made of. */
  readonly eventSeeds: EventSeeds
  /** The key file, when it was made just now. */
  readonly keyMadeAt: string | undefined
  close(): Promise<void>
}

const CURSOR_KEY = 'cursor'
const SIGNING_KEY = 'token-signing'

type Deployment = NonNullable<Awaited<ReturnType<StoreConnections['findDeployment']>>>

/**
 * Opens the connections; an embedded file is made.
 * @throws StartError for a file that is damaged or may not be opened
 */
export function connect(config: Config, onIdleError: (error: Error) => void): StoreConnections {
  try {
    return openConnections({
      databaseUrl: config.database.url,
      dataDir: config.database.dataDir,
      poolSize: config.database.pool,
      onIdleError,
    })
  } catch (error) {
    throw explainStoreError(config, error)
  }
}

/**
 * Refuses an embedded store that is not there, for commands that would otherwise make an empty one in a wrong folder.
 * @throws StartError 78
 */
export function assertStoreExists(config: Config): void {
  const { url, dataDir } = config.database
  if (url !== undefined || existsSync(databaseFile(dataDir))) return
  throw new StartError(
    EXIT_CONFIG,
    `There is no store in ${dataDir}: start the gateway once (npm start), or set ROLLCALL_DATA_DIR or DATABASE_URL to where it is`,
  )
}

/**
 * Checks key and schema, migrates an embedded store, and opens what is read and written with. The key is checked before
 * anything is written.
 * @throws StartError 78 for a wrong key, a PostgreSQL schema that is behind, or a schema of a newer version
 */
export async function openCheckedStore(config: Config, connections: StoreConnections): Promise<OpenedStore> {
  const schema = await readSchema(config, connections)
  if (connections.dialect === 'postgres' && schema.pending.length > 0) throw schemaBehind(schema.pending)
  const known = schema.isNew ? undefined : await connections.findDeployment()
  const { key, madeAt } = masterKey(config, connections, known)
  if (schema.pending.length > 0) await connections.migrate()
  const deployment = known ?? (await makeDeployment(connections, key))
  const mails = config.mail.smtpUrl === undefined ? undefined : createPayloadSealer(key)
  const store = openStore(connections, createRecordSealer({ kek: key, now: Date.now }), Date.now, mails)
  await store.ensureChain(SYSTEM_ORG)
  const outside = await newestOutside(config.log.checkpointFile, deployment.name)
  const forks = await guardForks(store.work, store.reads.records, outside)
  return {
    connections,
    store: { ...store, work: { ...forks.work, idle: () => store.work.idle() } },
    forks,
    values: createValueOpener(key, store.reads.records),
    signingKey: {
      pkcs8: unwrapSecret(key, SIGNING_KEY, deployment.signing_key),
      keyId: deployment.signing_key_id,
    },
    cursorKey: unwrapSecret(key, CURSOR_KEY, deployment.cursor_key),
    ...logKeys(config, key),
    deployment: deployment.name,
    secrets: createPayloadSealer(key),
    eventSeeds: eventSeeds(config, key),
    keyMadeAt: madeAt,
    async close() {
      await store.work.idle()
      await connections.close()
    },
  }
}

/** A log key that is not given is made of the master key, and so is the one before the first that was given. */
function logKeys(config: Config, masterKey: Uint8Array): Pick<OpenedStore, 'logKey' | 'previousLogKey'> {
  const { key, previousKey } = config.log
  const derived = derivedLogSeed(masterKey)
  const previous = previousKey ?? (key === undefined ? undefined : derived)
  return { logKey: logKeyOf(key ?? derived), previousLogKey: previous && logKeyOf(previous) }
}

/** As with the log key; the keys before stay published as long as they are known. */
function eventSeeds(config: Config, masterKey: Uint8Array): EventSeeds {
  const { eventKey, previousEventKey } = config.delivery
  const derived = derivedEventSeed(masterKey)
  if (eventKey === undefined) return previousEventKey === undefined ? [derived] : [derived, previousEventKey]
  return [eventKey, previousEventKey ?? derived]
}

/**
 * Migrates, once the key is known to be the store's.
 * @returns the names of the migrations run now
 * @throws StartError 78 for a wrong key or a schema of a newer version
 */
export async function migrateChecked(config: Config, connections: StoreConnections): Promise<readonly string[]> {
  const schema = await readSchema(config, connections)
  const known = schema.isNew ? undefined : await connections.findDeployment()
  if (known !== undefined) masterKey(config, connections, known)
  return connections.migrate()
}

/** A migration and whether this version knows it. */
export interface MigrationLine {
  readonly name: string
  /** When it was run; undefined while it is pending. */
  readonly executedAt: Date | undefined
  readonly known: boolean
}

/** All migrations of this version and those that a newer one ran, in order. */
export async function listMigrations(config: Config, connections: StoreConnections): Promise<readonly MigrationLine[]> {
  try {
    const known = await connections.migrationStatus()
    const unknown = await connections.unknownMigrations()
    return [
      ...known.map((state) => ({ ...state, known: true })),
      ...unknown.map((state) => ({ ...state, known: false })),
    ]
  } catch (error) {
    throw explainStoreError(config, error)
  }
}

interface Schema {
  /** Nothing was ever migrated. */
  readonly isNew: boolean
  readonly pending: readonly string[]
}

/** @throws StartError 78 when a newer version was here */
async function readSchema(config: Config, connections: StoreConnections): Promise<Schema> {
  const all = await listMigrations(config, connections)
  const newer = all.filter(({ known }) => !known)
  if (newer.length > 0) {
    throw new StartError(
      EXIT_CONFIG,
      `The store was migrated by a newer version of Rollcall, with ${namesOf(newer)}, which this version does not know. ` +
        'Nothing was written. Run the newer version, or restore a backup made before it',
    )
  }
  const pending = all.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
  return { isNew: pending.length === all.length, pending }
}

function namesOf(migrations: readonly MigrationLine[]): string {
  return migrations.map(({ name }) => JSON.stringify(name)).join(', ')
}

function masterKey(config: Config, connections: StoreConnections, known: Deployment | undefined): MasterKey {
  return findMasterKey({
    configured: config.keys.master,
    dataDir: config.database.dataDir,
    storeKeyId: known?.kek_id,
    mayCreate: connections.dialect === 'sqlite',
  })
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
    name: randomBytes(16).toString('hex'),
  })
  // Another instance may have been first, with another key.
  if (row.kek_id !== kekIdOf(key)) {
    throw new StartError(EXIT_CONFIG, `The master key is not the store's: it was made with ${row.kek_id}`)
  }
  return row
}
