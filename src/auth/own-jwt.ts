import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { unauthorized } from './auth-error.ts'

/** The deployment's key for access tokens: an Ed25519 private key in PKCS #8 DER, and its id. */
export interface SigningKey {
  readonly pkcs8: Uint8Array
  /** JWK thumbprint (RFC 7638) of the public key. */
  readonly keyId: string
}

export interface OwnJwtsOptions {
  /** PUBLIC_URL: the `iss`. */
  readonly publicUrl: string
  readonly signingKey: SigningKey
  /** The path that the `aud` has after the public URL: of the API that takes them. */
  readonly path: string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** What is said in a token beside issuer, audience and times. */
export interface OwnClaims extends Readonly<Record<string, string>> {
  readonly sub: string
  readonly jti: string
}

/** Access tokens of ours for one API (RFC 9068): signed by the deployment, an hour long. */
export interface OwnJwts {
  /** What `iss` says in tokens of ours. */
  readonly issuer: string
  sign(claims: OwnClaims): Promise<string>
  /**
   * The claims of a token of ours for this API, all of the named ones texts.
   * @throws AuthError 401
   */
  verify<K extends string>(text: string, named: readonly K[]): Promise<Readonly<Record<K | 'sub' | 'jti', string>>>
}

/** Seconds an access token lives. */
export const ACCESS_TOKEN_LIFE = 3600

/**
 * Signs and verifies with one key.
 * @throws Error when the key is no Ed25519 private key
 */
export function createOwnJwts({ publicUrl, signingKey, path, now }: OwnJwtsOptions): OwnJwts {
  const privateKey = createPrivateKey({ key: Buffer.from(signingKey.pkcs8), format: 'der', type: 'pkcs8' })
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('The signing key is not an Ed25519 private key')
  const publicKey = createPublicKey(privateKey)
  const issuer = publicUrl.replace(/\/+$/, '')
  const audience = issuer + path
  return {
    issuer,
    async sign(claims) {
      const { SignJWT } = await import('jose')
      const issued = Math.floor(now() / 1000)
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: signingKey.keyId })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issued)
        .setExpirationTime(issued + ACCESS_TOKEN_LIFE)
        .sign(privateKey)
    },
    async verify(text, named) {
      const required = [...named, 'sub', 'jti'] as const
      const payload = await verified(text, publicKey, { issuer, audience, required, now: now() })
      if (required.some((name) => typeof payload[name] !== 'string')) throw unauthorized('access-token.invalid')
      return payload as Readonly<Record<(typeof required)[number], string>>
    },
  }
}

interface Expected {
  readonly issuer: string
  readonly audience: string
  readonly required: readonly string[]
  readonly now: number
}

async function verified(
  text: string,
  key: KeyObject,
  { issuer, audience, required, now }: Expected,
): Promise<JWTPayload> {
  const { errors, jwtVerify } = await import('jose')
  try {
    const { payload } = await jwtVerify(text, key, {
      ...{ algorithms: ['EdDSA'], typ: 'at+jwt', issuer, audience, currentDate: new Date(now) },
      requiredClaims: [...required, 'exp', 'iat'],
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JOSEError) throw unauthorized('access-token.invalid', undefined, error)
    throw error
  }
}

/** JWK thumbprint (RFC 7638) of an Ed25519 key. */
export function thumbprint(publicKey: KeyObject): string {
  const { crv, kty, x } = publicKey.export({ format: 'jwk' })
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
}
