import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, KeyId, OrgId, SessionId, TokenId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'

/** Why a credential was refused: for logs, tallies and records, never for the client. */
export type AuthReason =
  | 'credential.missing'
  | 'credential.malformed'
  | 'token.unknown'
  | 'token.mistyped'
  | 'token.expired'
  | 'token.revoked'
  | 'connection.revoked'
  | 'access-token.invalid'
  | 'jwt.malformed'
  | 'jwt.untrusted'
  | 'jwt.claims'
  | 'jwt.key'
  | 'jwt.signature'
  | 'jwt.ambiguous'
  | 'jwt.replayed'
  | 'key.missing'
  | 'key.malformed'
  | 'key.unknown'
  | 'key.ended'
  | 'key.holder'
  | 'scope'
  | 'store.unavailable'
  | 'keys.unavailable'

/** Whose credential it was, where that is known: a refusal is recorded in that org, else only tallied. */
export interface RefusedCredential {
  readonly orgId: OrgId
  /** Absent for a key of the admin API. */
  readonly connectionId?: ConnectionId
  readonly tokenId?: TokenId | KeyId | SessionId
}

export interface AuthErrorOptions {
  readonly challenge?: string
  readonly retryAfter?: number
  readonly known?: RefusedCredential
  readonly cause?: unknown
}

/** `WWW-Authenticate` of a 401: both ways in (RFC 6750 §3, RFC 7617 §2). */
export const CHALLENGE = 'Bearer realm="rollcall", Basic realm="rollcall"'

/** `WWW-Authenticate` of a 403 for want of scope (RFC 6750 §3.1). */
const SCOPE_CHALLENGE = 'Bearer realm="rollcall", error="insufficient_scope"'

/** Seconds a client waits after an outage of the store that named no time of its own. */
const STORE_RETRY_AFTER = 5

/**
 * The one failure of authentication. `message` is a sentence for the client that never says which part was wrong;
 * `reason` and `known` are for our own records.
 */
export class AuthError extends Error {
  readonly status: 401 | 403 | 429 | 503
  readonly reason: AuthReason
  /** Value of `WWW-Authenticate`, for 401 and 403. */
  readonly challenge: string | undefined
  /** Seconds, value of `Retry-After`, for 429 and 503. */
  readonly retryAfter: number | undefined
  readonly known: RefusedCredential | undefined

  constructor(status: AuthError['status'], reason: AuthReason, message: string, options: AuthErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AuthError'
    this.status = status
    this.reason = reason
    this.challenge = options.challenge
    this.retryAfter = options.retryAfter
    this.known = options.known
  }
}

const UNKNOWN_KEY =
  'This is no key of the admin API, or it is expired or revoked, or its account is not active. Tokens of SCIM ' +
  'connections are not taken here; make a key with: rollcall token create --admin'

/** The admin API takes keys by Bearer alone. */
const KEY_CHALLENGE = 'Bearer realm="rollcall admin"'

const MESSAGES: Partial<Record<AuthReason, string>> = {
  'credential.missing':
    'No credential was sent. Send the token of the connection in the header "Authorization: Bearer <token>".',
  'credential.malformed':
    'The Authorization header cannot be read. Send "Bearer <token>", or "Basic" with the token as the password.',
  'key.missing': 'No key was sent. Send a key of the admin API in the header "Authorization: Bearer <key>".',
  'key.malformed': 'The Authorization header cannot be read. The admin API takes "Bearer <key>" alone.',
  'key.unknown': UNKNOWN_KEY,
  'key.ended': UNKNOWN_KEY,
  'key.holder': UNKNOWN_KEY,
  'token.mistyped': 'The token is incomplete or mistyped: its checksum does not fit. Copy it again.',
}

/** A 401 with its challenge. Whether a token is unknown, expired or revoked is one sentence. */
export function unauthorized(reason: AuthReason, known?: RefusedCredential, cause?: unknown): AuthError {
  const message = MESSAGES[reason] ?? 'The token is unknown, expired or revoked, or its issuer is not trusted here.'
  return new AuthError(401, reason, message, {
    challenge: reason.startsWith('key.') ? KEY_CHALLENGE : CHALLENGE,
    ...(known === undefined ? {} : { known }),
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A 403 for a connection that may not touch a kind of resource. */
export function outOfScope(message: string, known: RefusedCredential): AuthError {
  return new AuthError(403, 'scope', message, { challenge: SCOPE_CHALLENGE, known })
}

/** The same credentials port, whose every failure is a 503: an outage must never look like a bad token. */
export function guardReads(reads: CredentialReads): CredentialReads {
  return {
    tokenById: (id) => guarded(() => reads.tokenById(id)),
    tokenByHash: (hash) => guarded(() => reads.tokenByHash(hash)),
    connection: (orgId, id) => guarded(() => reads.connection(orgId, id)),
    trustsByIssuer: (issuer) => guarded(() => reads.trustsByIssuer(issuer)),
  }
}

/** A read whose every failure is a 503. */
export async function guarded<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const asked = cause instanceof DomainError ? cause.retryAfter : undefined
    throw new AuthError(503, 'store.unavailable', 'The store cannot be reached right now. Try again shortly.', {
      retryAfter: asked ?? STORE_RETRY_AFTER,
      cause,
    })
  }
}
