import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { isId, type TokenId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { guardReads, unauthorized } from './auth-error.ts'
import type { JwtParts } from './jwt-parts.ts'
import { requireLive, type LiveToken } from './opaque-token.ts'
import { createOwnJwts, type OwnJwtsOptions, thumbprint } from './own-jwt.ts'

export { ACCESS_TOKEN_LIFE, type SigningKey } from './own-jwt.ts'

/** `<publicUrl>/scim/v2` is the `aud`. */
export interface AccessTokensOptions extends Omit<OwnJwtsOptions, 'path'> {
  readonly credentials: CredentialReads
}

/** Our own access tokens of one hour (RFC 9068): JWTs that name the connection and the token they were got with. */
export interface AccessTokens {
  /** What `iss` says in tokens of ours. */
  readonly issuer: string
  sign(live: LiveToken): Promise<string>
  /**
   * The token and the connection behind an access token, both read afresh: revoking either ends it at once.
   * @throws AuthError 401 when it is not ours, has expired, or what it stands for was revoked; 503 for a store outage
   */
  verify(parts: JwtParts): Promise<LiveToken>
}

/** A fresh Ed25519 signing key. */
export function newSigningKey(): { readonly pkcs8: Buffer; readonly keyId: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }), keyId: thumbprint(publicKey) }
}

/**
 * Signs and verifies access tokens with one key.
 * @throws Error when the key is no Ed25519 private key
 */
export function createAccessTokens({ credentials: reads, ...options }: AccessTokensOptions): AccessTokens {
  const credentials = guardReads(reads)
  const jwts = createOwnJwts({ ...options, path: '/scim/v2' })
  return {
    issuer: jwts.issuer,
    sign: ({ token, connection }) => jwts.sign({ sub: connection.id, jti: randomUUID(), token_id: token.id }),
    async verify(parts) {
      const { sub, token_id: tokenId } = await jwts.verify(parts.text, ['token_id'])
      if (!isId(tokenId)) throw unauthorized('access-token.invalid')
      const token = await credentials.tokenById(tokenId as TokenId)
      if (token === undefined || token.connectionId !== sub) throw unauthorized('access-token.invalid')
      return requireLive(token, options.now())
    },
  }
}
