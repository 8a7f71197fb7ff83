import { createFailureLimiter, type FailureLimiter } from './auth/failure-limiter.ts'
import { linkHash, mintResetLink } from './auth/one-time-link.ts'
import { createPasswords } from './auth/password.ts'
import { accountOfSession, type Sessions } from './auth/session.ts'
import { mintToken } from './auth/token.ts'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { ConsolePorts } from './console/ports.ts'
import { createCsrf } from './http/csrf.ts'
import { requestFacts } from './http/request-context.ts'
import { mailSettings } from './mail-settings.ts'
import type { OpenedStore } from './opened-store.ts'
import type { ActivityBatch } from './provisioning/activity-batch.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { endSessionsNow, personActor, startSession } from './provisioning/sessions.ts'
import { ldapSignIn } from './ldap-wiring.ts'
import { createProofLookUp } from './signin/domain-proof.ts'
import { oidcWays, openProviderSecret } from './sign-in-wiring.ts'

export interface ConsoleParts {
  readonly config: Config
  readonly opened: OpenedStore
  readonly logger: Logger
  readonly provisioning: Provisioning
  readonly publicUrl: string
  readonly sessions: Sessions
  readonly activity: ActivityBatch
  readonly report: (error: unknown, requestId: string) => void
  readonly now?: () => number
}

/** What pages are given of storage and authentication. */
export function consolePorts(parts: ConsoleParts): ConsolePorts {
  const { config, opened, provisioning, publicUrl, sessions, activity, report, now = Date.now } = parts
  const limiter: FailureLimiter = createFailureLimiter(config.auth.failuresPerMinute)

  const endSession: ConsolePorts['endSession'] = async (req, res) => {
    const session = await sessions.find(req)
    sessions.take(res)
    if (session !== undefined)
      await endOne(session, 'signed-out', { actor: personActor(session), request: requestFacts(req, res) })
    return session
  }
  const endOne = async (
    { orgId, id }: Pick<NonNullable<Awaited<ReturnType<Sessions['find']>>>, 'orgId' | 'id'>,
    reason: 'signed-out' | 'signed-in-anew',
    operation: Parameters<typeof endSessionsNow>[1],
  ): Promise<void> => {
    await endSessionsNow(provisioning, operation, orgId, { id, reason }).durable
  }
  return {
    ...{ reads: opened.store.reads, provisioning, publicUrl, report, now },
    ...oidcWays(config, opened, { publicUrl, now }),
    directory: ldapSignIn(config, opened, {
      logger: parts.logger,
      secretOf: (provider) => openProviderSecret(opened, config, provider),
    }),
    lookUpProof: createProofLookUp(config.signIn.dnsServers),
    provisioningDisabled: config.signIn.disableProvisioning,
    csrf: createCsrf(opened.cursorKey, publicUrl),
    passwords: createPasswords(config.signIn.passwordCost),
    mint: mintToken,
    linkHash,
    mintResetLink: (user) => mintResetLink(user, now()),
    canMail: mailSettings(config) !== undefined,
    isRestored: config.signIn.localRestore,
    failed: (req) => limiter.failed(req.ip ?? ''),
    accountOf: accountOfSession,
    sessionOf: (req) => sessions.find(req),
    endSession,
    async startSession(req, res, signedIn) {
      const before = await sessions.find(req)
      const { session, cookie } = sessions.mint(signedIn)
      const operation = { actor: personActor(session), request: requestFacts(req, res) }
      await startSession(provisioning, operation, signedIn.orgId, session).durable
      activity.note({ orgId: signedIn.orgId, user: signedIn.userId, kind: 'signIn', at: now() })
      // Another session than before, so that nobody can prepare it (session fixation, CWE-384).
      if (before !== undefined) await endOne(before, 'signed-in-anew', operation)
      sessions.give(res, cookie)
      return session.id
    },
  }
}
