import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPayloadSealer } from '../../src/audit/payload-sealer.ts'
import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import type { QueryListener } from '../../src/storage/query-listener.ts'
import { databaseFile, openConnections, openStore, type Store, type StoreConnections } from '../../src/storage/store.ts'
import type { Dialect } from '../../db/dialect.ts'
import { createDatabase, sharedCluster } from './postgres.ts'

/** The dialects of this run: both, or the one that TEST_DATABASE names. */
export const DIALECTS: readonly Dialect[] = chosen(process.env['TEST_DATABASE'])

function chosen(name: string | undefined): readonly Dialect[] {
  if (name === undefined || name === '') return ['sqlite', 'postgres']
  if (name === 'sqlite' || name === 'postgres') return [name]
  throw new Error(`TEST_DATABASE is ${name}; wanted is sqlite or postgres`)
}

/** Declares a suite once for each dialect of the run. */
export function forEachDialect(title: string, suite: (dialect: Dialect) => void): void {
  for (const dialect of DIALECTS) {
    describe(`${title} (${dialect})`, function () {
      // The first suite on PostgreSQL starts the cluster.
      this.timeout(60_000)
      suite(dialect)
    })
  }
}

/** A migrated, empty store of its own. */
export interface TestStore {
  readonly dialect: Dialect
  readonly connections: StoreConnections
  readonly store: Store
  readonly kek: Uint8Array
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  /** What the unit of work takes for the time, epoch milliseconds; PostgreSQL asks its own clock. */
  clock: () => number
  /** What was begun on the store beside the test; closing waits for its end. */
  readonly beside: Promise<unknown>[]
  close(): Promise<void>
}

const folders: string[] = []

process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Where a store is. */
export interface StoreLocation {
  readonly dataDir: string
  readonly databaseUrl: string | undefined
}

/** Where a store of a dialect that nothing was ever done to is; its folder goes with the process at the latest. */
export async function freshLocation(dialect: Dialect): Promise<StoreLocation> {
  const dataDir = freshFolder()
  return { dataDir, databaseUrl: dialect === 'postgres' ? await createDatabase(await sharedCluster()) : undefined }
}

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-test-'))
  folders.push(folder)
  return folder
}

const migrated = new Map<Dialect, Promise<StoreLocation>>()

/** Where an empty store with the newest schema is: a copy of one that was migrated once for this process. */
export async function migratedLocation(dialect: Dialect): Promise<StoreLocation> {
  if (!migrated.has(dialect)) migrated.set(dialect, migrateOne(dialect))
  const template = await migrated.get(dialect)!
  const dataDir = freshFolder()
  if (dialect === 'postgres') {
    return { dataDir, databaseUrl: await createDatabase(await sharedCluster(), template.databaseUrl) }
  }
  copyFileSync(databaseFile(template.dataDir), databaseFile(dataDir))
  return { dataDir, databaseUrl: undefined }
}

async function migrateOne(dialect: Dialect): Promise<StoreLocation> {
  const location = await freshLocation(dialect)
  const connections = openConnections({ ...location, poolSize: 1, onIdleError: () => undefined })
  await connections.migrate()
  await connections.close()
  return location
}

/**
 * @param onQuery told of each statement that runs
 * @param sendsMail whether mails are kept in the outbox, as where a mail server is configured
 */
export async function openTestStore(dialect: Dialect, onQuery?: QueryListener, sendsMail = false): Promise<TestStore> {
  const { dataDir, databaseUrl } = await migratedLocation(dialect)
  const connections = openConnections({ dataDir, databaseUrl, poolSize: 8, onIdleError: () => undefined, onQuery })
  const kek = randomBytes(32)
  const sealer = createRecordSealer({ kek, now: Date.now })
  const test: TestStore = {
    dialect,
    connections,
    store: openStore(connections, sealer, () => test.clock(), sendsMail ? createPayloadSealer(kek) : undefined),
    kek,
    dataDir,
    databaseUrl,
    clock: Date.now,
    beside: [],
    async close() {
      await Promise.allSettled(test.beside)
      await test.store.work.idle()
      await connections.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return test
}
