import type { Connection, Scope } from '../domain/connection.ts'
import type { TokenId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import type { AccessTokens } from './access-token.ts'
import { guardReads, outOfScope, unauthorized } from './auth-error.ts'
import { parseAuthorization } from './credential.ts'
import { limited, type FailureLimiter } from './failure-limiter.ts'
import { looksLikeJwt, parseJwt } from './jwt-parts.ts'
import type { JwtTrusts } from './jwt-trust.ts'
import type { TokenUse } from './last-used.ts'
import { findToken, requireLive, unknownReason, type LiveToken } from './opaque-token.ts'

/** Who a request is from. The connection's `orgId` decides the org; a path or body never does. */
export interface Authenticated {
  readonly connection: Connection
  readonly method: 'token' | 'access-token' | 'jwt' | 'basic'
  /** The opaque token shown, or the one an access token was got with. */
  readonly tokenId?: TokenId
  /** `iss` and `sub` of an identity provider's JWT. */
  readonly issuer?: string
  readonly subject?: string
}

export interface AuthenticatorOptions {
  readonly credentials: CredentialReads
  readonly accessTokens: AccessTokens
  readonly jwt: JwtTrusts
  readonly limiter: FailureLimiter
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Told of every use of a token: `LastUsed.note`. */
  readonly onUsed: (use: TokenUse) => void
}

/** Finds out who sent a request from its `Authorization` header. */
export interface Authenticator {
  /**
   * @param header the `Authorization` header as Node gives it
   * @param source the client's IP address, for the limit on failures
   * @throws AuthError 401 for a credential that is missing or refused, 429 for the same from a source that failed too
   *   often (a good credential is served from there all the same), 503 when the store or an issuer's keys are out
   */
  authenticate(header: string | undefined, source: string): Promise<Authenticated>
}

/** Puts the ways to authenticate together: opaque tokens first, then our access tokens, then trusted issuers' JWTs. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const parts = { ...options, credentials: guardReads(options.credentials) }
  return {
    async authenticate(header, source) {
      try {
        return await identify(parts, header)
      } catch (error) {
        throw await limited(options.limiter, error, source)
      }
    },
  }
}

/**
 * Refuses a connection that was not given a scope.
 * @throws AuthError 403
 */
export function requireScope(connection: Connection, scope: Scope): void {
  if (connection.scopes.includes(scope)) return
  const message = `The connection "${connection.name}" may not read or change ${scope}. Give it the scope "${scope}".`
  throw outOfScope(message, { orgId: connection.orgId, connectionId: connection.id })
}

async function identify(options: AuthenticatorOptions, header: string | undefined): Promise<Authenticated> {
  if (header === undefined || header.trim() === '') throw unauthorized('credential.missing')
  const credential = parseAuthorization(header)
  if (credential === undefined) throw unauthorized('credential.malformed')
  if (credential.scheme === 'bearer') return byBearer(options, credential.text)
  const token = await findToken(options.credentials, credential.password)
  if (token === undefined) throw unauthorized(unknownReason(credential.password))
  return used(options, 'basic', requireLive(token, options.now()))
}

async function byBearer(options: AuthenticatorOptions, text: string): Promise<Authenticated> {
  const { credentials, accessTokens, jwt, now } = options
  const token = await findToken(credentials, text)
  if (token !== undefined) return used(options, 'token', requireLive(token, now()))
  const parts = parseJwt(text)
  if (parts === undefined) throw unauthorized(looksLikeJwt(text) ? 'jwt.malformed' : unknownReason(text))
  if (parts.claims['iss'] === accessTokens.issuer) {
    return used(options, 'access-token', await accessTokens.verify(parts))
  }
  const { connection, issuer, subject } = await jwt.verify(parts)
  return { connection, method: 'jwt', issuer, ...(subject === undefined ? {} : { subject }) }
}

function used(options: AuthenticatorOptions, method: Authenticated['method'], live: LiveToken): Authenticated {
  const { token, connection } = live
  options.onUsed({ orgId: token.orgId, connectionId: token.connectionId, tokenId: token.id, at: options.now() })
  return { connection, method, tokenId: token.id }
}
