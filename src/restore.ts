import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type ArchiveHeader, archiveRows, checkArchive } from './audit/archive.ts'
import { checkpointFacts, isSigned } from './audit/checkpoint.ts'
import { erasedOutside, newestOutside, readCheckpoints } from './audit/checkpoint-file.ts'
import { SYSTEM_ORG } from './audit/system-org.ts'
import { verifyChain } from './audit/verify.ts'
import { createCheckpointing } from './checkpointing.ts'
import type { Config } from './config.ts'
import type { RestoredChain, RestoreReport, RestoreRequest, TableRow } from './domain/backup.ts'
import { DomainError } from './domain/errors.ts'
import type { OrgId, UserId } from './domain/ids.ts'
import { findMasterKey } from './master-key.ts'
import { connect, listMigrations, openCheckedStore, type OpenedStore } from './opened-store.ts'
import { acceptFork } from './provisioning/accept-fork.ts'
import { eraseAgain } from './provisioning/erase-person.ts'
import type { Operation } from './provisioning/found-org.ts'
import { takeServerLock } from './storage/server-lock.ts'
import { databaseFile, type StoreConnections } from './storage/store.ts'

/**
 * Puts a backup back into a place where no store is, and lets its logs go on in a new epoch, with a record of what is
 * lost. Whoever was erased since is erased again. All or nothing: the files are checked before anything is written, and an
 * embedded store gets its name last.
 * @throws DomainError `invalid-value` for files that cannot be used, a place that is taken, a log that does not verify
 * @throws StartError for a master key that is not the backup's
 */
export async function restoreBackup(
  config: Config,
  operation: Operation,
  request: RestoreRequest,
): Promise<RestoreReport> {
  const began = performance.now()
  const files = await checkFiles(request)
  const { key } = findMasterKey({
    ...{ configured: config.keys.master, dataDir: config.database.dataDir, storeKeyId: files.store.kekId },
    mayCreate: config.database.url === undefined,
  })
  const place = request.isDrill ? drillPlace(config) : await realPlace(config)
  const target = { ...place.config, keys: { ...config.keys, master: key } }
  try {
    const report = await fill(target, operation, { ...request, ...files })
    await place.keep()
    return { ...report, ms: Math.round(performance.now() - began) }
  } finally {
    place.end()
  }
}

interface Files {
  readonly store: ArchiveHeader
  readonly keyFile: ArchiveHeader
}

async function checkFiles({ storeFile, keysFile }: RestoreRequest): Promise<Files> {
  const store = await checkArchive(storeFile)
  const keyFile = await checkArchive(keysFile)
  const wrong = (why: string): DomainError => new DomainError('invalid-value', why)
  if (store.kind !== 'store') throw wrong(`${storeFile} is a file of keys; the store's own file is wanted first`)
  if (keyFile.kind !== 'keys') throw wrong(`${keysFile} is no file of keys, which is wanted with --keys`)
  if (store.deployment !== keyFile.deployment || store.kekId !== keyFile.kekId) {
    throw wrong(`${keysFile} is of another deployment than ${storeFile}`)
  }
  if (keyFile.made < store.made) {
    throw wrong(
      `${keysFile} is older than ${storeFile}: the newest keys file is wanted, which knows who was erased since`,
    )
  }
  return { store, keyFile }
}

interface Place {
  readonly config: Config
  /** Gives what was made its name. */
  keep(): Promise<void>
  /** Takes away what is left of the making. */
  end(): void
}

function drillPlace(config: Config): Place {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-drill-'))
  return {
    config: inFolder(config, folder),
    keep: () => Promise.resolve(),
    end: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function inFolder(config: Config, dataDir: string): Config {
  return { ...config, database: { ...config.database, url: undefined, dataDir } }
}

/** An embedded store is made beside where it will be; PostgreSQL takes it in one transaction. */
async function realPlace(config: Config): Promise<Place> {
  const { url, dataDir } = config.database
  const taken = (where: string): DomainError =>
    new DomainError(
      'invalid-value',
      `There is a store in ${where} already: a restore overwrites none. Move it away first`,
    )
  if (url !== undefined) {
    const connections = connect(config, () => undefined)
    try {
      if (!(await connections.isEmpty())) throw taken('this PostgreSQL database')
    } finally {
      await connections.close()
    }
    return { config, keep: () => Promise.resolve(), end: () => undefined }
  }
  const file = databaseFile(dataDir)
  if (existsSync(file)) throw taken(dataDir)
  mkdirSync(dirname(file), { recursive: true })
  const lock = takeServerLock(dataDir)
  if (lock === undefined) throw new DomainError('invalid-value', `A gateway is serving ${dataDir}; stop it first`)
  const folder = mkdtempSync(join(dataDir, 'restoring-'))
  return {
    config: inFolder(config, folder),
    keep() {
      renameSync(databaseFile(folder), file)
      return Promise.resolve()
    },
    end() {
      rmSync(folder, { recursive: true, force: true })
      lock.release()
    },
  }
}

type Filling = Files & RestoreRequest

async function fill(config: Config, operation: Operation, filling: Filling): Promise<Omit<RestoreReport, 'ms'>> {
  const connections = connect(config, () => undefined)
  try {
    const rows = await loadArchive(config, connections, filling)
    const opened = await openCheckedStore(config, connections)
    const chains = await verifyAll(opened, config)
    await takeCheckpoints(opened, config.log.checkpointFile)
    for (const chain of chains) await beginEpoch(opened, operation, filling.reason, chain)
    const { erased, notErased } = await eraseAll(opened, operation, config, filling)
    const file = filling.isDrill ? undefined : config.log.checkpointFile
    await createCheckpointing({ opened, file, logger: undefined }).write(true)
    await opened.store.work.idle()
    await connections.scrub(false)
    const missing = opened.forks.forked().map(({ orgId }) => orgId)
    return { made: filling.store.made, rows, chains, missing, erased, notErased }
  } catch (error) {
    // An embedded store that failed goes with its folder.
    if (connections.dialect === 'postgres') await connections.clear()
    throw error
  } finally {
    await connections.close()
  }
}

async function loadArchive(config: Config, connections: StoreConnections, filling: Filling): Promise<number> {
  const { store: header, keyFile } = filling
  const known = new Set((await listMigrations(config, connections)).map(({ name }) => name))
  const newer = header.migrations.filter((name) => !known.has(name))
  const last = header.migrations.at(-1)
  if (newer.length > 0 || last === undefined) {
    throw new DomainError(
      'invalid-value',
      `The backup was made by a newer version of Rollcall, with ${newer.join(', ')}; restore it with that version`,
    )
  }
  await connections.migrateTo(last)
  let rows = 0
  await connections.load(
    keyRows(filling.keysFile, keyFile),
    counted(archiveRows(filling.storeFile, header), () => rows++),
  )
  await connections.migrate()
  return rows
}

/** Keys of people who have one; who was erased has none. */
async function* keyRows(file: string, header: ArchiveHeader): AsyncGenerator<TableRow> {
  for await (const { table, row } of archiveRows(file, header)) {
    if (table.name === 'person_key' && row[table.columns.indexOf('wrapped')] !== null) yield { table, row }
  }
}

async function* counted(rows: AsyncIterable<TableRow>, each: () => void): AsyncGenerator<TableRow> {
  for await (const row of rows) {
    each()
    yield row
  }
}

/** @throws DomainError `invalid-value` for a log that is not whole: such a backup is evidence, and no store to go on with */
async function verifyAll(opened: OpenedStore, config: Config): Promise<readonly RestoredChain[]> {
  const { reads } = opened.store
  const outside = await newestOutside(config.log.checkpointFile, opened.deployment)
  const orgs = [...(await reads.orgs.list()), { id: SYSTEM_ORG, name: String(SYSTEM_ORG) }]
  const chains: RestoredChain[] = []
  for (const { id, name } of orgs) {
    const { head, records, finding } = await verifyChain(reads.records, id, {
      checkpoints: await reads.checkpoints.all(id),
    })
    if (finding !== undefined) {
      throw new DomainError(
        'invalid-value',
        `The log of ${name} in this backup does not verify (record ${finding.seq}: ${finding.kind}); nothing was restored`,
      )
    }
    const newer = outside.find(({ orgId, seq }) => orgId === id && seq > (head?.seq ?? 0))
    chains.push({
      ...{ org: name, orgId: id, records, newest: head === undefined || head.seq === 0 ? undefined : head.time },
      lost: newer === undefined ? 0 : newer.seq - (head?.seq ?? 0),
      lostMs: newer === undefined ? 0 : Math.max(0, newer.time - (head?.time ?? 0)),
    })
  }
  return chains
}

/** Checkpoints outside that sign what is in the backup, and were made after it: later ones name them. */
async function takeCheckpoints({ store, deployment }: OpenedStore, file: string | undefined): Promise<void> {
  if (file === undefined || !existsSync(file)) return
  for await (const checkpoint of readCheckpoints(file)) {
    const facts = checkpointFacts(checkpoint.body)
    if (facts?.deployment !== deployment || !isSigned(checkpoint)) continue
    const { orgId, epoch, seq } = checkpoint
    const [record] = await store.reads.records.page(orgId, seq - 1, seq, 1)
    if (record?.epoch !== epoch || Buffer.from(record.hash).toString('hex') !== facts.hash) continue
    const added = await store.checkpoints.add(orgId, () => [checkpoint])
    await store.checkpoints.markExported(added, Date.now())
  }
}

async function beginEpoch(
  { store, forks }: OpenedStore,
  operation: Operation,
  reason: string,
  { orgId }: RestoredChain,
): Promise<void> {
  const lost = forks.forked().find((fork) => fork.orgId === orgId)?.outside
  forks.lift(orgId)
  await acceptFork(store, operation, orgId, { action: 'log.restore', lost, reason }).durable
}

/** Whoever was erased since the backup, as the keys file and the file outside say, is erased again. */
async function eraseAll(
  opened: OpenedStore,
  operation: Operation,
  config: Config,
  { keysFile, keyFile }: Filling,
): Promise<Pick<RestoreReport, 'erased' | 'notErased'>> {
  const known = new Map<string, { readonly orgId: OrgId; readonly person: UserId }>()
  const add = (orgId: OrgId, person: UserId): unknown => known.set(`${orgId} ${person}`, { orgId, person })
  for await (const { table, row } of archiveRows(keysFile, keyFile)) {
    const column = (name: string): string => String(row[table.columns.indexOf(name)])
    if (table.name === 'erasure') add(column('org_id') as OrgId, column('person_id') as UserId)
  }
  for (const { orgId, person } of await erasedOutside(config.log.checkpointFile, opened.deployment)) add(orgId, person)
  const orgs = new Set((await opened.store.reads.orgs.list()).map(({ id }) => id))
  let erased = 0
  const notErased: UserId[] = []
  for (const { orgId, person } of known.values()) {
    if (!orgs.has(orgId)) continue
    const caller = { orgId, connection: undefined, ...operation }
    try {
      if ((await eraseAgain(opened.store, caller, person).durable) !== undefined) erased++
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'last-admin') throw error
      notErased.push(person)
    }
  }
  return { erased, notErased }
}
