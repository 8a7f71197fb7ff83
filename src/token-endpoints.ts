import type { Request, Router } from 'express'
import type { AuthFailureTally } from './audit/auth-failure-tally.ts'
import type { AccountTokens } from './auth/account-token.ts'
import type { AuthError } from './auth/auth-error.ts'
import type { FailureLimiter } from './auth/failure-limiter.ts'
import type { IssuerKeys } from './auth/jwks.ts'
import { logoutEndpoint } from './auth/logout-endpoint.ts'
import { createLogoutTokens } from './auth/logout-token.ts'
import { oauthTokenRouter } from './auth/middleware.ts'
import type { TokenGrants } from './auth/token-grant.ts'
import { workloadGrant } from './auth/workload-grant.ts'
import type { WorkloadAccount, WorkloadIdentity } from './domain/workload.ts'
import { requestFacts } from './http/request-context.ts'
import type { OpenedStore } from './opened-store.ts'
import { endIssuerSessions } from './provisioning/end-issuer-sessions.ts'
import { exchangeWorkload } from './provisioning/exchange-workload.ts'
import type { Provisioning } from './provisioning/provisioning.ts'
import { clientsOfIssuer } from './sign-in-wiring.ts'

export interface TokenEndpointParts {
  readonly opened: OpenedStore
  readonly provisioning: Provisioning
  readonly authFailures: AuthFailureTally
  readonly grants: TokenGrants
  readonly issuerKeys: IssuerKeys
  readonly limiter: FailureLimiter
  readonly accountTokens: AccountTokens
  /** The address clients use, without a slash at the end. */
  readonly publicUrl: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What programs of others call with a token of theirs, or for one of ours; each answers its own address alone. */
export function tokenEndpoints(parts: TokenEndpointParts): readonly Router[] {
  const { opened, provisioning, authFailures, limiter, now } = parts
  const onRefused = (error: AuthError, req: Request): void => {
    if (error.status === 401) authFailures.unauthenticated(req.ip, Date.now(), error.known?.orgId)
  }
  const tokens = createLogoutTokens({
    clientsOf: (issuer) => clientsOfIssuer(opened.store.reads, issuer),
    keys: parts.issuerKeys,
    now,
  })
  return [
    oauthTokenRouter(parts.grants, { onRefused }),
    logoutEndpoint({
      ...{ tokens, limiter, onRefused },
      async end({ orgs, sessions, token }, req, res) {
        const saying = { sessions, token, request: requestFacts(req, res) }
        const ended = await Promise.all(orgs.map((orgId) => endIssuerSessions(provisioning, orgId, saying).durable))
        return ended.some((each) => each !== undefined)
      },
    }),
    workloadGrant({
      ...{ publicUrl: parts.publicUrl, keys: parts.issuerKeys, tokens: parts.accountTokens, limiter, onRefused, now },
      accountsOf: (identity) => trustingAccounts(opened.store.reads, identity),
      exchange: ({ orgId, user, identity, tokenId, token }, req, res) =>
        exchangeWorkload(provisioning, { orgId, user, identity, tokenId, token, request: requestFacts(req, res) })
          .durable,
    }),
  ]
}

/** Those whose orgs trust the issuer today. */
async function trustingAccounts(
  { services, orgs }: OpenedStore['store']['reads'],
  identity: WorkloadIdentity,
): Promise<readonly WorkloadAccount[]> {
  const named = await services.withIdentity(identity)
  const trusted = await Promise.all(
    named.map(async ({ orgId }) => (await orgs.policy(orgId)).settings.workload.issuers.includes(identity.issuer)),
  )
  return named.filter((_, index) => trusted[index])
}
