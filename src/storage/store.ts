import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import { migrate, migrateTo, migrationStatus, type MigrationState, unknownMigrations } from '../../db/migrate.ts'
import type { Database } from '../../db/schema.ts'
import type { PersonDay } from '../domain/activity.ts'
import type { Erasure, ScrubReport } from '../domain/privacy.ts'
import type { StoreSnapshot, TableRow } from '../domain/backup.ts'
import type { KeyId, OrgId, SessionId, TokenId } from '../domain/ids.ts'
import type { CheckpointWrites } from '../domain/checkpoint.ts'
import type { OnceAnswer, OnceKey } from '../domain/kept-answer.ts'
import type { MailQueue, PayloadSealer } from '../domain/outbox.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { SinkQueue } from '../domain/sink.ts'
import type { SignInFlows } from '../domain/sign-in-provider.ts'
import type { RecordSealer } from '../domain/record.ts'
import { activityReads, saveActivity } from './activity.ts'
import { reviewReads } from './access-reviews.ts'
import { standingReads } from './account-standing.ts'
import { apiKeyReads } from './api-keys.ts'
import { accessReads } from './explained-reads.ts'
import { attributeReads } from './attribute-reads.ts'
import { breakerReads } from './breaker-reads.ts'
import { checkpointReads, checkpointWrites } from './checkpoint-store.ts'
import { ChainWriter } from './chain-writer.ts'
import { createCheckpoints } from './checkpoints.ts'
import { credentialReads } from './credential-reads.ts'
import { type Deployment, findDeployment, insertDeployment } from './deployment-store.ts'
import { groupReads } from './group-reads.ts'
import { answerReads, keepAnswer } from './kept-answers.ts'
import { dropOldLosses } from './old-losses.ts'
import { identityReads, type Pseudonym } from './identities.ts'
import { clearStore, isEmptyStore, loadRows } from './load-archive.ts'
import { linkReads, passwordReads } from './local-sign-in.ts'
import { historyReads } from './history-reads.ts'
import { membershipReads } from './membership-reads.ts'
import { orgReads } from './org-reads.ts'
import { insertChain } from './org-writes.ts'
import { openPostgres } from './postgres.ts'
import type { QueryListener } from './query-listener.ts'
import { recordReads } from './record-reads.ts'
import { createResourcePages } from './resource-page.ts'
import { keepingTokens } from './kept-tokens.ts'
import { createMailQueue } from './mail-queue.ts'
import { domainReads } from './domain-claims.ts'
import { inviteReads } from './invites.ts'
import { outboxReads } from './outbox.ts'
import { replayReads } from './replay-reads.ts'
import { createRequestLog, type RequestLog } from './request-log.ts'
import { roleReads } from './role-reads.ts'
import { ruleReads } from './rule-reads.ts'
import { serviceReads } from './service-reads.ts'
import { signInFlows } from './sign-in-flows.ts'
import { providerReads } from './sign-in-providers.ts'
import { createSinkQueue } from './sink-queue.ts'
import { sinkReads } from './sinks.ts'
import { teamReads } from './team-reads.ts'
import { markErasuresExported, privacyReads } from './privacy.ts'
import { scrubPostgres, scrubSqlite } from './scrub.ts'
import { seatReads } from './seat-reads.ts'
import { refreshStatistics } from './statistics.ts'
import { toDomainError, translatingErrors } from './sql-errors.ts'
import { sessionReads } from './sessions.ts'
import { withSnapshot } from './snapshot.ts'
import { openSqlite } from './sqlite.ts'
import { inTransaction } from './transaction.ts'
import { createUnitOfWork, type StoreUnitOfWork } from './unit-of-work.ts'
import { userReads } from './user-reads.ts'
import { waitingReads } from './waiting-reads.ts'
import { warningReads } from './warning-reads.ts'
import { writeStores } from './write-stores.ts'

export interface StoreLocation {
  /** `postgres://…`; absent for the embedded store. */
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  /** Connections of each PostgreSQL pool. */
  readonly poolSize: number
  readonly onIdleError: (error: Error) => void
  readonly onQuery?: QueryListener | undefined
}

/** The open database before anything is known of its schema or key. */
export interface StoreConnections {
  readonly dialect: Dialect
  readonly writer: Kysely<Database>
  readonly reader: Kysely<Database>
  /** Of the embedded store: another number once another connection, of this or any process, has committed. */
  readonly dataVersion: (() => number) | undefined
  /** Of the embedded store: copies its write-ahead log into the file. */
  readonly checkpoint: (() => void) | undefined
  /**
   * Takes what was erased out of the store's own files, as far as that can be.
   * @param full on PostgreSQL also rewrites the tables that held it, which locks each of them for as long as that takes
   */
  scrub(full: boolean): Promise<ScrubReport>
  /** The store as it stands at this instant, for a backup. */
  snapshot<T>(run: (snapshot: StoreSnapshot) => Promise<T>): Promise<T>
  /** Whether nothing would be overwritten by a restore. */
  isEmpty(): Promise<boolean>
  /** Brings an empty store to the schema of an older version. */
  migrateTo(name: string): Promise<void>
  /** Fills an empty store, all of it or nothing; `keys` go first. */
  load(keys: AsyncIterable<TableRow>, rows: AsyncIterable<TableRow>): Promise<void>
  /** Empties what a restore filled and could not finish. */
  clear(): Promise<void>
  migrationStatus(): Promise<readonly MigrationState[]>
  /** Migrations that a newer version ran on this store. */
  unknownMigrations(): Promise<readonly MigrationState[]>
  /** @returns the names of the migrations run now */
  migrate(): Promise<readonly string[]>
  /** Problems of the embedded file; empty on PostgreSQL, which checks its own. */
  quickCheck(): Promise<readonly string[]>
  findDeployment(): Promise<Deployment | undefined>
  insertDeployment(row: Omit<Deployment, 'id'>): Promise<Deployment>
  close(): Promise<void>
}

/** The embedded database file within a data folder. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'rollcall.db')
}

/** Opens the connections. SQLite files are made; PostgreSQL is first asked when something is read. */
export function openConnections(location: StoreLocation): StoreConnections {
  const { databaseUrl, dataDir, onQuery } = location
  const sqlite = databaseUrl === undefined ? openSqlite(databaseFile(dataDir), onQuery) : undefined
  const open = sqlite ?? openPostgres(databaseUrl!, location)
  const dialect: Dialect = sqlite === undefined ? 'postgres' : 'sqlite'
  const { writer, reader } = open
  const connections = translatingErrors({
    dialect,
    writer,
    reader,
    migrationStatus: () => migrationStatus(writer, dialect),
    unknownMigrations: () => unknownMigrations(writer, dialect),
    migrate: () => migrate(writer, dialect),
    quickCheck: () => Promise.resolve(sqlite?.quickCheck() ?? []),
    findDeployment: () => findDeployment(reader),
    insertDeployment: (row: Omit<Deployment, 'id'>) =>
      inTransaction(writer, dialect, (db) => insertDeployment(db, row)),
    scrub: (full: boolean) => (sqlite === undefined ? scrubPostgres(writer, full) : scrubSqlite(sqlite)),
    snapshot: <T>(run: (snapshot: StoreSnapshot) => Promise<T>) => withSnapshot(reader, dialect, run),
    isEmpty: () => isEmptyStore(writer),
    migrateTo: (name: string) => migrateTo(writer, dialect, name),
    load: (keys: AsyncIterable<TableRow>, rows: AsyncIterable<TableRow>) => loadRows(writer, dialect, keys, rows),
    clear: () => clearStore(writer, dialect),
    close: () => open.close(),
  })
  return { ...connections, dataVersion: sqlite?.dataVersion, checkpoint: sqlite?.checkpoint }
}

/** When a credential was shown. */
interface LastUse {
  readonly tokenId: TokenId | KeyId | SessionId
  readonly at: number
}

/** The store once its schema and key are known: reads, the unit of work, and what is written outside any chain. */
export interface Store {
  readonly reads: ReadStores
  readonly work: StoreUnitOfWork
  readonly requestLog: RequestLog
  /** The outbox of every org; absent where no mail is sent. */
  readonly mailQueue: MailQueue | undefined
  /** Receivers of the log, of every org. */
  readonly sinkQueue: SinkQueue
  readonly checkpoints: CheckpointWrites
  /** Sign-ins under way. */
  readonly signInFlows: SignInFlows
  /** One cheap read. @throws DomainError `unavailable` */
  ping(): Promise<void>
  /** Makes the chain that records what belongs to no org. */
  ensureChain(orgId: OrgId): Promise<void>
  /** When tokens, keys and sessions were last shown, epoch milliseconds. */
  saveLastUsed(uses: readonly LastUse[]): Promise<void>
  /** Adds what people did, at most some hundred days of people at once: all or none of it. */
  saveActivity(days: readonly PersonDay[]): Promise<void>
  /** Keeps what a request was answered that is to be done once. */
  keepAnswer(orgId: OrgId, key: OnceKey, answer: OnceAnswer): Promise<void>
  /** Forgets losses before a time, that no guard counts any more; at most so many. @returns how many there were */
  dropOldLosses(before: number, most: number): Promise<number>
  /** Counts what the store's planner needs counted. @returns the tables that were counted */
  refreshStatistics(): Promise<readonly string[]>
  /** Notes that erasures were written outside the store. */
  markErasuresExported(erasures: readonly Erasure[], at: number): Promise<void>
}

export function openStore(
  connections: StoreConnections,
  sealer: RecordSealer,
  clock: () => number,
  mails?: PayloadSealer,
): Store {
  const { dialect, writer, reader, checkpoint } = connections
  const pseudonym: Pseudonym = (orgId, text) => sealer.pseudonym(orgId, text)
  const reads = readStores(connections, pseudonym, clock)
  const write = <T>(run: (db: Kysely<Database>) => Promise<T>) => inTransaction(writer, dialect, run)
  const work = createUnitOfWork({
    writer,
    dialect,
    clock,
    chain: (db, orgId) => new ChainWriter(db, dialect, orgId, sealer),
    stores: (db, chain) => writeStores({ db, dialect, chain, pseudonym, mails }),
    ...(checkpoint === undefined ? {} : { onCommitted: createCheckpoints(checkpoint) }),
  })
  return {
    reads,
    work,
    checkpoints: checkpointWrites(writer, dialect),
    requestLog: createRequestLog(write),
    mailQueue: mails && createMailQueue({ reader, dialect, sealer: mails, write }),
    sinkQueue: translatingErrors(createSinkQueue({ reader, write })),
    signInFlows: translatingErrors(signInFlows(writer, dialect)),
    async ping() {
      try {
        await sql`select 1`.execute(reader)
      } catch (error) {
        throw toDomainError(error)
      }
    },
    saveActivity: (days) => write((db) => saveActivity(db, dialect, days)),
    ensureChain: (orgId) => write((db) => insertChain(db, orgId)),
    saveLastUsed: (uses) => write((db) => saveLastUsed(db, uses)),
    dropOldLosses: (before, most) => write((db) => dropOldLosses(db, before, most)),
    keepAnswer: (orgId, key, answer) => write((db) => keepAnswer(db, { orgId, key, answer })),
    refreshStatistics: () => refreshStatistics(writer, dialect),
    markErasuresExported: (erasures, at) => write((db) => markErasuresExported(db, erasures, at)),
  }
}

/** Everything that only reads, over the pool that cannot write. */
function readStores(
  { dialect, reader, dataVersion }: StoreConnections,
  pseudonym: Pseudonym,
  clock: () => number,
): ReadStores {
  const credentials = credentialReads(reader)
  const pages = createResourcePages(reader, dialect, clock)
  return {
    users: translatingErrors(userReads(reader, dialect, pages)),
    groups: translatingErrors(groupReads(reader, pages)),
    teams: translatingErrors(teamReads(reader)),
    waiting: translatingErrors(waitingReads(reader)),
    warnings: translatingErrors(warningReads(reader)),
    services: translatingErrors(serviceReads(reader)),
    roles: translatingErrors(roleReads(reader)),
    access: translatingErrors(accessReads(reader, dialect)),
    rules: translatingErrors(ruleReads(reader, dialect)),
    attributes: translatingErrors(attributeReads(reader)),
    credentials: translatingErrors(dataVersion === undefined ? credentials : keepingTokens(credentials, dataVersion)),
    keys: translatingErrors(apiKeyReads(reader)),
    sessions: translatingErrors(sessionReads(reader)),
    passwords: translatingErrors(passwordReads(reader)),
    oneTimeLinks: translatingErrors(linkReads(reader)),
    answers: translatingErrors(answerReads(reader)),
    outbox: translatingErrors(outboxReads(reader)),
    sinks: translatingErrors(sinkReads(reader)),
    invites: translatingErrors(inviteReads(reader)),
    domains: translatingErrors(domainReads(reader)),
    memberships: translatingErrors(membershipReads(reader)),
    orgs: translatingErrors(orgReads(reader)),
    records: translatingErrors(recordReads(reader, dialect)),
    checkpoints: translatingErrors(checkpointReads(reader)),
    history: translatingErrors(historyReads(reader, dialect)),
    standing: translatingErrors(standingReads(reader)),
    reviews: translatingErrors(reviewReads(reader)),
    breaker: translatingErrors(breakerReads(reader)),
    seats: translatingErrors(seatReads(reader)),
    identities: translatingErrors(identityReads(reader, pseudonym)),
    activity: translatingErrors(activityReads(reader, dialect)),
    providers: translatingErrors(providerReads(reader)),
    privacy: translatingErrors(privacyReads(reader)),
    replay: translatingErrors(replayReads(reader, dialect)),
  }
}

async function saveLastUsed(db: Kysely<Database>, uses: readonly LastUse[]): Promise<void> {
  for (const { tokenId, at } of uses) {
    // Ids are unique over all of them.
    for (const table of ['connection_token', 'api_key'] as const) {
      await db.updateTable(table).set({ last_used: at }).where('id', '=', tokenId).execute()
    }
    await db.updateTable('session').set({ last_seen: at }).where('id', '=', tokenId).execute()
  }
}
