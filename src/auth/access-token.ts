import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { isId, type TokenId } from '../domain/ids.ts'
import type { CredentialReads } from '../domain/ports.ts'
import { guardReads, unauthorized } from './auth-error.ts'
import type { JwtParts } from './jwt-parts.ts'
import { requireLive, type LiveToken } from './opaque-token.ts'

/** Seconds an access token lives. */
export const ACCESS_TOKEN_LIFE = 3600

/** The deployment's key for access tokens: an Ed25519 private key in PKCS #8 DER, and its id. */
export interface SigningKey {
  readonly pkcs8: Uint8Array
  /** JWK thumbprint (RFC 7638) of the public key. */
  readonly keyId: string
}

export interface AccessTokensOptions {
  /** PUBLIC_URL: the `iss`; `<publicUrl>/scim/v2` is the `aud`. */
  readonly publicUrl: string
  readonly signingKey: SigningKey
  readonly credentials: CredentialReads
  /** Epoch milliseconds. */
  readonly now: () => number
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
export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { now, signingKey } = options
  const credentials = guardReads(options.credentials)
  const privateKey = createPrivateKey({ key: Buffer.from(signingKey.pkcs8), format: 'der', type: 'pkcs8' })
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('The signing key is not an Ed25519 private key')
  const publicKey = createPublicKey(privateKey)
  const issuer = options.publicUrl.replace(/\/+$/, '')
  const audience = `${issuer}/scim/v2`
  return {
    issuer,
    sign({ token, connection }) {
      const issued = Math.floor(now() / 1000)
      return new SignJWT({ token_id: token.id })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: signingKey.keyId })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(connection.id)
        .setIssuedAt(issued)
        .setExpirationTime(issued + ACCESS_TOKEN_LIFE)
        .setJti(randomUUID())
        .sign(privateKey)
    },
    async verify(parts) {
      const { subject, tokenId } = await verifyOwn(parts.text, publicKey, { issuer, audience, now: now() })
      const token = await credentials.tokenById(tokenId)
      if (token === undefined || token.connectionId !== subject) throw unauthorized('access-token.invalid')
      return requireLive(token, now())
    },
  }
}

interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly now: number
}

async function verifyOwn(
  text: string,
  key: KeyObject,
  { issuer, audience, now }: Expected,
): Promise<{ subject: string; tokenId: TokenId }> {
  try {
    const { payload } = await jwtVerify(text, key, {
      ...{ algorithms: ['EdDSA'], typ: 'at+jwt', issuer, audience, currentDate: new Date(now) },
      requiredClaims: ['sub', 'exp', 'iat', 'jti', 'token_id'],
    })
    const { sub, token_id: tokenId } = payload
    if (typeof sub !== 'string' || typeof tokenId !== 'string' || !isId(tokenId)) {
      throw unauthorized('access-token.invalid')
    }
    return { subject: sub, tokenId: tokenId as TokenId }
  } catch (error) {
    if (error instanceof errors.JOSEError) throw unauthorized('access-token.invalid', undefined, error)
    throw error
  }
}

function thumbprint(publicKey: KeyObject): string {
  const { crv, kty, x } = publicKey.export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
}
