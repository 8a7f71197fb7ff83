import type { Connection, ConnectionToken, StoredToken } from '../domain/connection.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { unauthorized } from './auth-error.ts'
import { hashToken, parseToken, sameHash, TOKEN_PREFIX } from './token.ts'

/** A live token and its live connection. */
export interface LiveToken {
  readonly token: ConnectionToken
  readonly connection: Connection
}

/**
 * The row of a token's text: one of our form by its id, any other (and one of our form that was given to us as a
 * bootstrap token) by its hash. Says nothing about whether it is live.
 */
export async function findToken(credentials: CredentialReads, text: string): Promise<StoredToken | undefined> {
  const hash = hashToken(text)
  const parsed = parseToken(text)
  const byId = parsed === undefined ? undefined : await credentials.tokenById(parsed.id)
  if (byId !== undefined && sameHash(byId.secretHash, hash)) return byId
  const byHash = await credentials.tokenByHash(hash)
  return byHash !== undefined && sameHash(byHash.secretHash, hash) ? byHash : undefined
}

/**
 * A token that may be used now. It was read for this request, with its connection, so revoking either ends it at once.
 * @param now epoch milliseconds
 * @throws AuthError 401 when the token is revoked or expired, or its connection revoked
 */
export function requireLive(token: StoredToken, now: number): LiveToken {
  const known = { orgId: token.orgId, connectionId: token.connectionId, tokenId: token.id }
  if (token.revoked !== undefined) throw unauthorized('token.revoked', known)
  if (token.expires !== undefined && token.expires <= now) throw unauthorized('token.expired', known)
  const { connection } = token
  if (connection.status !== 'active') throw unauthorized('connection.revoked', known)
  return { token, connection }
}

/** Why a text that is no known token is none: a text that begins like one of ours was probably cut off in copying. */
export function unknownReason(text: string): 'token.mistyped' | 'token.unknown' {
  return text.startsWith(TOKEN_PREFIX) && parseToken(text) === undefined ? 'token.mistyped' : 'token.unknown'
}
