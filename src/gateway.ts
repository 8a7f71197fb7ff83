import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { createAuthFailureTally } from './audit/auth-failure-tally.ts'
import { createTally } from './audit/tally.ts'
import { createLastUsed } from './auth/last-used.ts'
import { type Background, startBackground } from './background.ts'
import { createRetention } from './retention.ts'
import { createCheckpointing } from './checkpointing.ts'
import type { Config } from './config.ts'
import type { Courier } from './delivery/courier.ts'
import { ensureSetupUrl } from './first-admin.ts'
import { ensureFirstKey } from './first-key.ts'
import { ensureFirstOrg } from './first-start.ts'
import { createDrain, type Drain } from './http/drain.ts'
import { createHttpServer } from './http/limits.ts'
import { createMessages } from './http/messages.ts'
import { connect, type OpenedStore, openCheckedStore } from './opened-store.ts'
import { type Postman, startPostman } from './mail/postman.ts'
import type { Started } from './cli/ports.ts'
import { createMailServer } from './mail/smtp.ts'
import { mailSettings } from './mail-settings.ts'
import { createActivityBatch } from './provisioning/activity-batch.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { createProofLookUp } from './signin/domain-proof.ts'
import { createServiceReads } from './provisioning/service-reads.ts'
import { deliverLogs } from './sink-wiring.ts'
import { EXIT_DATA, EXIT_UNAVAILABLE, StartError } from './start-error.ts'
import { ensureEnvironmentProviders } from './sign-in-wiring.ts'
import { type ServerLock, takeServerLock } from './storage/server-lock.ts'
import { damagedStore, explainStoreError } from './store-problem.ts'

/** A serving gateway. */
export interface Gateway {
  /** Where clients reach it, without a slash at the end. */
  readonly publicUrl: string
  readonly opened: OpenedStore
  readonly provisioning: Provisioning
  /** The first token of a new store: shown this once. */
  readonly firstToken: string | undefined
  /** Why a bootstrap token that was given is not in use. */
  readonly notice: string | undefined
  /** The first key of the admin API, of an organisation that never had one: shown this once. */
  readonly firstKey: string | undefined
  /** Why a bootstrap admin key that was given is not in use. */
  readonly keyNotice: string | undefined
  /** Where an organisation without an administrator gets one: shown this once. */
  readonly setupUrl: string | undefined
  /** Lets requests in flight finish, writes what is tallied, closes the store. A second call cuts what is left. */
  stop(): Promise<'done' | 'forced'>
}

/** How long a stopping gateway still takes connections, so that whoever asks `/readyz` is told rather than refused. */
const DRAIN_NOTICE_MS = 250

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
    // A damaged store stays one to be checked at the next start.
    lock?.release(!(error instanceof StartError && error.exitCode === EXIT_DATA))
    throw error
  }
}

/** What the operator is shown once it serves. */
export function startedOf({ publicUrl, opened, firstToken, notice, firstKey, keyNotice, setupUrl }: Gateway): Started {
  return {
    ...{ scimUrl: `${publicUrl}/scim/v2`, masterKeyFile: opened.keyMadeAt },
    ...{ firstToken, notice, firstKey, keyNotice, setupUrl },
  }
}

/** One server process for an embedded store; any number of instances on PostgreSQL. */
function lockStore(config: Config): ServerLock | undefined {
  if (config.database.url !== undefined) return undefined
  let lock: ServerLock | undefined
  try {
    lock = takeServerLock(config.database.dataDir)
  } catch (error) {
    throw explainStoreError(config, error)
  }
  if (lock !== undefined) return lock
  throw new StartError(
    EXIT_UNAVAILABLE,
    `Another gateway is serving the store in ${config.database.dataDir}. Stop it, give another ROLLCALL_DATA_DIR, ` +
      'or use PostgreSQL (DATABASE_URL) for several instances',
  )
}

async function openForServing(config: Config, logger: Logger, lock: ServerLock | undefined): Promise<OpenedStore> {
  const connections = connect(config, (error) => {
    logger.warn({ err: error }, 'the database closed an idle connection')
  })
  try {
    if (lock?.uncleanStop === true) {
      logger.warn('the last process did not stop cleanly; checking the store')
      const problems = await connections.quickCheck()
      if (problems.length > 0) throw damagedStore(config.database.dataDir, problems.join('; '))
    }
    return await openCheckedStore(config, connections)
  } catch (error) {
    await connections.close().catch((closing: unknown) => {
      logger.warn({ err: closing }, 'closing the store failed')
    })
    throw explainStoreError(config, error)
  }
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
  const activity = createActivityBatch({
    save: (days) => store.saveActivity(days),
    onError: (error) => {
      logger.warn({ err: error }, 'what people did was not stored and is tried again')
    },
  })
  const checkpoints = createCheckpointing({ opened, file: config.log.checkpointFile, logger })
  for (const { orgId, outside } of opened.forks.forked()) {
    logger.error({ orgId, outside }, 'the log of this org does not go on from its newest outside checkpoint')
  }
  const lookUpProof = createProofLookUp(config.signIn.dnsServers)
  const { values } = opened
  const retention = createRetention({ store, tally, checkpoints, values, folder: config.log.packDir, logger })
  const background = startBackground({ store, tally, authFailures, checkpoints, lookUpProof, retention, logger })
  const provisioning: Provisioning = { work: store.work, tally, wakeJobs: (orgId) => background.wake(orgId) }
  const listener: { app: ReturnType<typeof createApp> | undefined } = { app: undefined }
  const messages = createMessages()
  const handle: RequestListener = (req, res) => {
    // The port is known, and may be asked, a moment before the app that was built for it.
    const { app } = listener
    if (app === undefined) res.writeHead(503, { 'Retry-After': '1' }).end()
    else drain.admit(() => void app(req, res))
  }
  const server = createHttpServer(handle, { requestTimeoutMs: config.server.requestTimeoutMs, messages })
  const drain = createDrain(server, { limitMs: config.server.drainMs, noticeMs: DRAIN_NOTICE_MS })
  const stopNotes = (): Promise<unknown> => Promise.all([lastUsed.stop(), activity.stop()])
  const stopping: StoppingParts = { ...parts, drain, background, stopNotes }
  try {
    // First the port: a token that is made and then never shown, since the port is taken, would be lost.
    const publicUrl = await listen(server, config)
    await checkpoints.adoptKey()
    const said = await firstCredentials(parts, provisioning, publicUrl)
    const { draining } = drain
    stopping.postman = postman(parts, publicUrl)
    stopping.courier = await courier(parts, provisioning, publicUrl)
    const notes = { lastUsed, activity, authFailures }
    const app = createApp({
      ...{ config, publicUrl, opened, provisioning, ...notes, logger, draining },
      checkpoints: checkpoints.parts,
    })
    messages.bearFor(app)
    listener.app = app
    return { publicUrl, opened, provisioning, ...said, stop: () => stop(stopping) }
  } catch (error) {
    server.close()
    await closeStore(stopping)
    throw error
  }
}

/** Sends the mail of this and every other instance; none where no mail server is configured. */
function postman({ config, logger, opened }: ServingParts, publicUrl: string): Postman | undefined {
  const settings = mailSettings(config)
  const { mailQueue, work } = opened.store
  if (settings === undefined || mailQueue === undefined) return undefined
  return startPostman({
    ...{ queue: mailQueue, work, server: createMailServer(settings), publicUrl, now: Date.now },
    onProblem: ({ message, error, ...facts }) => {
      logger.warn({ ...facts, ...(error === undefined ? {} : { err: error }) }, message)
    },
  })
}

/** Delivers the log to its receivers. */
async function courier(
  { config, opened, logger }: ServingParts,
  provisioning: Provisioning,
  publicUrl: string,
): Promise<Courier> {
  // One process serves an embedded store: what the last one had leased when it was killed is free.
  if (opened.connections.dialect === 'sqlite') await opened.store.sinkQueue.releaseAll()
  const serviceReads = createServiceReads(provisioning.work, Date.now)
  return deliverLogs({
    ...{ config, opened, publicUrl, provisioning, serviceReads },
    onProblem: (message, error) => {
      logger.warn({ err: error }, message)
    },
  })
}

type FirstCredentials = Pick<Gateway, 'firstToken' | 'notice' | 'firstKey' | 'keyNotice' | 'setupUrl'>

/** What a new store lacks. A store whose log forked is not new, and nothing is written to it. */
async function firstCredentials(
  parts: ServingParts,
  provisioning: Provisioning,
  publicUrl: string,
): Promise<FirstCredentials> {
  const { config, opened } = parts
  const { reads } = opened.store
  if (opened.forks.forked().length > 0) {
    const nothing = { firstToken: undefined, notice: undefined, firstKey: undefined, keyNotice: undefined }
    return { ...nothing, setupUrl: undefined }
  }
  const { token: firstToken, notice } = await ensureFirstOrg(provisioning, reads, config.bootstrap.scimToken)
  const { key: firstKey, notice: keyNotice } = await ensureFirstKey(provisioning, reads, config.bootstrap.adminKey)
  const setupUrl = await ensureSetupUrl(provisioning, reads, publicUrl, config.signIn.localRestore)
  await ensureEnvironmentProviders(provisioning, reads, config)
  return { firstToken, notice, firstKey, keyNotice, setupUrl }
}

interface StoppingParts extends ServingParts {
  readonly drain: Drain
  readonly background: Background
  /** Writes what is kept in memory of the use of tokens and the activity of people. */
  readonly stopNotes: () => Promise<unknown>
  /** There once the address is known that links in mail lead to, and if mail is sent. */
  postman?: Postman | undefined
  courier?: Courier
}

async function stop(parts: StoppingParts): Promise<'done' | 'forced'> {
  const again = parts.drain.draining()
  const result = await parts.drain.drain()
  if (again) return result
  await closeStore(parts)
  parts.lock?.release()
  return result
}

async function closeStore(parts: StoppingParts): Promise<void> {
  try {
    await Promise.all([parts.postman?.stop(), parts.courier?.stop()])
    await parts.background.stop()
    await parts.stopNotes()
  } catch (error) {
    parts.logger.error({ err: error }, 'what was left in memory could not be written')
  }
  await parts.opened.close()
}

/** @returns the address clients use: configured, or the listener's own with the port it got */
async function listen(server: Server, config: Config): Promise<string> {
  const { host, port, publicUrl } = config.server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new StartError(EXIT_UNAVAILABLE, `Cannot listen on ${host}:${port}: ${error.code ?? error.message}`, error),
      )
    })
    server.listen(port, host, resolve)
  })
  if (config.sources['PUBLIC_URL'] !== 'default' || port !== 0) return publicUrl
  return publicUrl.replace(/:0$/, `:${(server.address() as AddressInfo).port}`)
}
