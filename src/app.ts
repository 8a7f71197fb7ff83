import express, { type Express, type Request, type Response } from 'express'
import type { Logger } from 'pino'
import type { AuthFailureTally } from './audit/auth-failure-tally.ts'
import type { CheckpointParts } from './audit/write-checkpoints.ts'
import { auditLogRouter } from './admin/audit-log-router.ts'
import { eventRouter } from './admin/event-routes.ts'
import { ADMIN_MOUNT, adminRouter } from './admin/mount.ts'
import type { AdminPorts } from './admin/ports.ts'
import { createAccessTokens } from './auth/access-token.ts'
import { type AccountTokens, createAccountTokens } from './auth/account-token.ts'
import { createKeyAuthenticator, type KeyAuthenticator } from './auth/api-key.ts'
import { AuthError } from './auth/auth-error.ts'
import { type Authenticator, createAuthenticator, requireScope } from './auth/authenticate.ts'
import { createFailureLimiter, type FailureLimiter } from './auth/failure-limiter.ts'
import { createIssuerKeys, type IssuerKeys } from './auth/jwks.ts'
import { createJwtTrusts } from './auth/jwt-trust.ts'
import type { LastUsed } from './auth/last-used.ts'
import {
  authenticatedOf,
  authentication,
  bearerNow,
  keyAuthentication,
  keyBearerOf,
  sessionOrKeyAuthentication,
} from './auth/middleware.ts'
import { mintResetLink } from './auth/one-time-link.ts'
import { createSessions, type Sessions } from './auth/session.ts'
import { createReceiverAuthenticator } from './auth/sink-receiver.ts'
import { mintToken } from './auth/token.ts'
import { trustProblem } from './auth/trust-problem.ts'
import { createTokenGrants, type TokenGrants } from './auth/token-grant.ts'
import type { Config } from './config.ts'
import { consolePorts } from './console-ports.ts'
import { consoleRouter } from './console/mount.ts'
import { createFollowers } from './delivery/followers.ts'
import { createHeadWatch } from './delivery/head-watch.ts'
import type { ActivityKind } from './domain/activity.ts'
import type { Caller } from './domain/caller.ts'
import type { Scope } from './domain/connection.ts'
import type { Actor } from './domain/record.ts'
import { createCsrf } from './http/csrf.ts'
import { errorPage, notFoundPage } from './http/error-page.ts'
import { healthRouter } from './http/health.ts'
import { requestLogging } from './http/logging.ts'
import { requestContext, requestContextOf } from './http/request-context.ts'
import { hardenApp, securityHeaders } from './http/security-headers.ts'
import { inSequence } from './http/sequence.ts'
import type { OpenedStore } from './opened-store.ts'
import type { ActivityBatch } from './provisioning/activity-batch.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { createServiceReads } from './provisioning/service-reads.ts'
import { recordRefusal } from './provisioning/record-refusal.ts'
import type { Authenticated } from './scim/context.ts'
import { MOUNTS } from './scim/location.ts'
import { scimRouter } from './scim/mount.ts'
import { createProofLookUp } from './signin/domain-proof.ts'
import { eventSigner, noteSinkRead, signEvents, sinkPorts } from './sink-wiring.ts'
import { checkedProviderConfig, sealProviderSecret } from './sign-in-wiring.ts'
import { tokenEndpoints } from './token-endpoints.ts'

export interface AppParts {
  readonly config: Config
  /** The address clients use, without a slash at the end. */
  readonly publicUrl: string
  readonly opened: OpenedStore
  readonly provisioning: Provisioning
  readonly lastUsed: LastUsed
  readonly activity: ActivityBatch
  readonly authFailures: AuthFailureTally
  /** Signs where chains stand. */
  readonly checkpoints: CheckpointParts
  readonly logger: Logger
  readonly draining: () => boolean
  /** What cursors take for the time, epoch milliseconds; the system's if absent. */
  readonly now?: () => number
}

const HOUR = 3_600_000

/** The whole HTTP surface, put together. */
export function createApp(parts: AppParts): Express {
  const { config, publicUrl, opened, logger } = parts
  const report: Report = (error, requestId) => {
    logger.error({ err: error, requestId }, 'request failed')
  }
  const app = express()
  hardenApp(app, { publicUrl, trustProxy: config.server.trustProxy })
  app.use(inSequence(requestContext(), securityHeaders({ publicUrl }), requestLogging(logger)))
  const doors = credentials(parts)
  const { authenticator, keys, keysOrBasic } = doors
  const sessions = sessionsOf(parts)
  // First, since nearly every request is its: Express asks one router after the other.
  app.use(
    [...MOUNTS],
    scimRouter({
      reads: opened.store.reads,
      provisioning: parts.provisioning,
      publicUrl,
      report,
      cursorKey: opened.cursorKey,
      now: parts.now ?? Date.now,
      authenticate: authentication(tallied(authenticator, parts.authFailures), { sourceOf }),
      callerOf,
      requireScope: (caller, scope) => checkScope(parts.provisioning, caller, scope),
      fastRoutes: config.scim.fastRoutes,
      onRequest: (line) => opened.store.requestLog.add(line),
    }),
  )
  const admin = adminPorts(parts, report)
  const byKey = (door: KeyAuthenticator): express.RequestHandler =>
    keyAuthentication(tallied(door, parts.authFailures), { sourceOf })
  const csrf = createCsrf(opened.cursorKey, publicUrl)
  const authenticate = sessionOrKeyAuthentication({ sessions, csrf, keys: byKey(keys) })
  const bearers = {
    bearerOf: keyBearerOf,
    bearerNow: (req: Request) => bearerNow(req, { sessions, keys, sourceOf }),
  }
  app.use(ADMIN_MOUNT, adminRouter({ ...admin, ...bearers, authenticate }))
  app.use(auditLogRouter({ ...admin, ...bearers, authenticate: byKey(keysOrBasic) }))
  app.use(events(parts, admin))
  app.use(healthRouter({ ready: () => isReady(opened), draining: parts.draining }))
  app.use(...tokenEndpoints({ ...parts, ...doors, now: parts.now ?? Date.now }))
  app.use(consoleRouter(consolePorts({ ...parts, sessions, report })))
  app.use(notFoundPage())
  app.use(errorPage(report))
  return app
}

function adminPorts(parts: AppParts, report: Report): AdminPorts {
  const { opened } = parts
  return {
    reads: opened.store.reads,
    provisioning: parts.provisioning,
    publicUrl: parts.publicUrl,
    report,
    cursorKey: opened.cursorKey,
    now: parts.now ?? Date.now,
    mint: mintToken,
    mintResetLink: (user) => mintResetLink(user, Date.now()),
    lookUpProof: createProofLookUp(parts.config.signIn.dnsServers),
    trustProblem: (trust) => trustProblem(trust, parts.config.auth.allowPrivateIssuers),
    providerConfig: (kind, config) => checkedProviderConfig(parts.config, kind, config),
    sealSecret: (of, secret) => sealProviderSecret(opened.secrets, of, secret),
    // The file outside is told by the next round of checkpoints.
    finishErasure: async () => ({
      ...(await opened.connections.scrub(false)),
      outside: parts.config.log.checkpointFile !== undefined,
    }),
    log: {
      checkpoints: parts.checkpoints,
      values: opened.values,
      watch: createHeadWatch({ head: (orgId) => opened.store.reads.records.head(orgId), ended: parts.draining }),
      followers: createFollowers(),
      serviceReads: createServiceReads(parts.provisioning.work, Date.now),
    },
    sinks: sinkPorts(parts),
    reportActivity: (deeds) => parts.activity.report(deeds),
    keepAnswer: (orgId, key, answer) => opened.store.keepAnswer(orgId, key, answer),
  }
}

/** Security event tokens for receivers that poll. */
function events(parts: AppParts, { log, report }: Pick<AdminPorts, 'log' | 'report'>): express.Router {
  const { config, opened } = parts
  const signer = eventSigner(parts)
  const { reads, sinkQueue: queue } = opened.store
  return eventRouter({
    ...{ queue, records: reads.records, watch: log.watch, now: Date.now, report },
    ...{ sign: signEvents(signer), jwks: () => signer.jwks() },
    noteRead: (sink) => noteSinkRead(log.serviceReads, sink),
    receiverOf: createReceiverAuthenticator(reads.sinks, createFailureLimiter(config.auth.failuresPerMinute)),
  })
}

/** Every use of a credential; one of a person's is something that they did. */
function usesOf({ lastUsed, activity }: AppParts, kind: ActivityKind): LastUsed['note'] {
  return (use) => {
    lastUsed.note(use)
    if (use.user !== undefined) activity.note({ orgId: use.orgId, user: use.user, kind, at: use.at })
  }
}

function sessionsOf(parts: AppParts): Sessions {
  const { config, publicUrl, opened, now = Date.now } = parts
  return createSessions({
    sessions: opened.store.reads.sessions,
    publicUrl,
    idle: config.session.idleHours * HOUR,
    longest: config.session.hours * HOUR,
    now,
    onUsed: usesOf(parts, 'view'),
  })
}

type Report = (error: unknown, requestId: string) => void

async function isReady(opened: AppParts['opened']): Promise<boolean> {
  await opened.store.ping()
  return true
}

interface Doors {
  readonly authenticator: Authenticator
  readonly keys: KeyAuthenticator
  readonly keysOrBasic: KeyAuthenticator
  readonly grants: TokenGrants
  readonly issuerKeys: IssuerKeys
  readonly limiter: FailureLimiter
  readonly accountTokens: AccountTokens
}

function credentials(parts: AppParts): Doors {
  const { config, publicUrl, opened } = parts
  const reads = opened.store.reads.credentials
  const now = Date.now
  const signing = { publicUrl, signingKey: opened.signingKey, now }
  const accessTokens = createAccessTokens({ ...signing, credentials: reads })
  const { services } = opened.store.reads
  const accountTokens = createAccountTokens({ ...signing, holder: (orgId, user) => services.holder(orgId, user) })
  const issuerKeys = createIssuerKeys({
    allowPrivateIssuers: config.auth.allowPrivateIssuers,
    now,
    onFetchFailed: ({ issuer }, error) => {
      parts.logger.warn({ err: error, issuer }, 'the keys of an issuer cannot be fetched')
    },
  })
  const shared = {
    credentials: reads,
    accessTokens,
    limiter: createFailureLimiter(config.auth.failuresPerMinute),
    now,
    onUsed: usesOf(parts, 'api'),
  }
  const jwt = createJwtTrusts({ credentials: reads, keys: issuerKeys, now })
  return {
    authenticator: createAuthenticator({ ...shared, jwt }),
    keys: createKeyAuthenticator({ ...shared, accountTokens, keys: opened.store.reads.keys }),
    keysOrBasic: createKeyAuthenticator({ ...shared, accountTokens, keys: opened.store.reads.keys, admitsBasic: true }),
    grants: createTokenGrants(shared),
    issuerKeys,
    limiter: shared.limiter,
    accountTokens,
  }
}

interface Authenticating<T> {
  authenticate(header: string | undefined, source: string): Promise<T>
}

/** Counts refused credentials; the limiter's own refusals (429) are what keeps the count from being driven up. */
function tallied<T>(authenticator: Authenticating<T>, failures: AuthFailureTally): Authenticating<T> {
  return {
    async authenticate(header, source) {
      try {
        return await authenticator.authenticate(header, source)
      } catch (error) {
        if (error instanceof AuthError && error.status === 401) {
          failures.unauthenticated(source, Date.now(), error.known?.orgId)
        }
        throw error
      }
    },
  }
}

/** A scope that is missing is a refusal like a use case's, and stands in the log. */
async function checkScope(provisioning: Provisioning, caller: Caller, scope: Scope): Promise<void> {
  if (caller.connection === undefined) return
  try {
    requireScope(caller.connection, scope)
  } catch (error) {
    await recordRefusal(provisioning, caller, { action: 'scope.refuse', reason: `scope.${scope}`, status: 403 })
    throw error
  }
}

function sourceOf({ res }: Request): string {
  return (res === undefined ? undefined : requestContextOf(res).ip) ?? ''
}

function callerOf(res: Response): Authenticated {
  const { connection, tokenId, issuer, subject } = authenticatedOf(res)
  const actor: Actor = {
    type: connection.kind,
    id: connection.id,
    connectionId: connection.id,
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(subject === undefined ? {} : { subject }),
  }
  return { connection, actor }
}
