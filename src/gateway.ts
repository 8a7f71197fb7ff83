import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { createAuthFailureTally } from './audit/auth-failure-tally.ts'
import { createTally } from './audit/tally.ts'
import { createLastUsed } from './auth/last-used.ts'
import { type Background, startBackground } from './background.ts'
import type { Config } from './config.ts'
import { ensureFirstOrg } from './first-start.ts'
import { createDrain, type Drain } from './http/drain.ts'
import { createHttpServer } from './http/limits.ts'
import { connect, type OpenedStore, openCheckedStore } from './opened-store.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { StartError } from './start-error.ts'
import { type ServerLock, takeServerLock } from './storage/server-lock.ts'

/** A serving gateway. */
export interface Gateway {
  /** Where clients reach it, without a slash at the end. */
  readonly publicUrl: string
  readonly opened: OpenedStore
  readonly provisioning: Provisioning
  /** The first token of a new store: shown this once. */
  readonly firstToken: string | undefined
  /** Lets requests in flight finish, writes what is tallied, closes the store. A second call cuts what is left. */
  stop(): Promise<'done' | 'forced'>
}

/** Status of a start that another process or a broken file forbids (`EX_UNAVAILABLE`, `EX_DATAERR` of sysexits.h). */
const EXIT_UNAVAILABLE = 69
const EXIT_DATA = 65

/**
 * Opens the store and serves.
 * @throws StartError with the exit status when the configuration, the key, the schema or the file forbids it
 */
export async function startGateway(config: Config, logger: Logger): Promise<Gateway> {
  const lock = lockStore(config)
  try {
    const opened = await openForServing(config, logger, lock)
    return await serve({ config, logger, opened, lock })
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** One server process for an embedded store; any number of instances on PostgreSQL. */
function lockStore(config: Config): ServerLock | undefined {
  if (config.database.url !== undefined) return undefined
  const lock = takeServerLock(config.database.dataDir)
  if (lock !== undefined) return lock
  throw new StartError(
    EXIT_UNAVAILABLE,
    `Another gateway is serving the store in ${config.database.dataDir}. Stop it, give another ROLLCALL_DATA_DIR, ` +
      'or use PostgreSQL (DATABASE_URL) for several instances',
  )
}

async function openForServing(config: Config, logger: Logger, lock: ServerLock | undefined): Promise<OpenedStore> {
  const connections = connectOrExplain(config, logger)
  if (lock?.uncleanStop === true) {
    logger.warn('the last process did not stop cleanly; checking the store')
    const problems = await connections.quickCheck()
    if (problems.length > 0) {
      await connections.close()
      throw brokenFile(config, problems.join('; '))
    }
  }
  try {
    return await openCheckedStore(config, connections)
  } catch (error) {
    await connections.close().catch((closing: unknown) => {
      logger.warn({ err: closing }, 'closing the store failed')
    })
    throw error
  }
}

function connectOrExplain(config: Config, logger: Logger): ReturnType<typeof connect> {
  try {
    return connect(config, (error) => {
      logger.warn({ err: error }, 'the database closed an idle connection')
    })
  } catch (error) {
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(String((error as { code?: unknown }).code))) throw error
    throw brokenFile(config, 'it is not a SQLite database or is damaged', error)
  }
}

function brokenFile(config: Config, problem: string, cause?: unknown): StartError {
  return new StartError(
    EXIT_DATA,
    `The store in ${config.database.dataDir} is damaged and is not served: ${problem}. Restore a backup`,
    cause,
  )
}

interface ServingParts {
  readonly config: Config
  readonly logger: Logger
  readonly opened: OpenedStore
  readonly lock: ServerLock | undefined
}

async function serve(parts: ServingParts): Promise<Gateway> {
  const { config, logger, opened } = parts
  const { store } = opened
  const tally = createTally({ now: Date.now })
  const authFailures = createAuthFailureTally()
  const lastUsed = createLastUsed({
    onUsed: (uses) => store.saveLastUsed(uses),
    onError: (error) => {
      logger.warn({ err: error }, 'the last use of tokens was not stored')
    },
  })
  const background = startBackground({ store, tally, authFailures, logger })
  const provisioning: Provisioning = { work: store.work, tally, wakeJobs: (orgId) => background.wake(orgId) }
  const firstToken = await ensureFirstOrg(provisioning, store.reads, config.bootstrap.scimToken)
  const listener: { app: ReturnType<typeof createApp> | undefined } = { app: undefined }
  const server = createHttpServer((req, res) => listener.app?.(req, res))
  const drain = createDrain(server, { limitMs: config.server.drainMs })
  const publicUrl = await listen(server, config)
  const { draining } = drain
  listener.app = createApp({ config, publicUrl, opened, provisioning, lastUsed, authFailures, logger, draining })
  return {
    publicUrl,
    opened,
    provisioning,
    firstToken,
    stop: () => stop({ ...parts, drain, background, stopLastUsed: () => lastUsed.stop() }),
  }
}

interface StoppingParts extends ServingParts {
  readonly drain: Drain
  readonly background: Background
  readonly stopLastUsed: () => Promise<void>
}

async function stop(parts: StoppingParts): Promise<'done' | 'forced'> {
  const again = parts.drain.draining()
  const result = await parts.drain.drain()
  if (again) return result
  try {
    await parts.background.stop()
    await parts.stopLastUsed()
  } catch (error) {
    parts.logger.error({ err: error }, 'what was left in memory could not be written')
  }
  await parts.opened.close()
  parts.lock?.release()
  return result
}

/** @returns the address clients use: configured, or the listener's own with the port it got */
async function listen(server: Server, config: Config): Promise<string> {
  const { host, port, publicUrl } = config.server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new StartError(EXIT_UNAVAILABLE, `Cannot listen on ${host}:${port}: ${error.code ?? error.message}`, error))
    })
    server.listen(port, host, resolve)
  })
  if (config.sources['PUBLIC_URL'] !== 'default' || port !== 0) return publicUrl
  return publicUrl.replace(/:0$/, `:${(server.address() as AddressInfo).port}`)
}
