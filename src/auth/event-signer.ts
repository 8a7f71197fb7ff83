import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

const SEED_BYTES = 32
/** What stands before the seed in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Seeds of the keys, 32 bytes each: the one that signs, then those before it. */
export type EventSeeds = readonly [Uint8Array, ...Uint8Array[]]

/** Signs security event tokens (RFC 8417) with a key of their own, which receivers fetch as a JWK set. */
export interface EventSigner {
  /** The public keys as a JWK set (RFC 7517 §5), the one that signs first. */
  jwks(): Promise<{ readonly keys: readonly JWK[] }>
  /** @returns a compact JWS of type `secevent+jwt` */
  sign(claims: Readonly<Record<string, unknown>>, audience: string | undefined): Promise<string>
}

/** The seed of the key, from the master key (HKDF-SHA-256, RFC 5869): every instance has it, and no store holds it. */
export function derivedEventSeed(masterKey: Uint8Array): Uint8Array {
  return Buffer.from(hkdfSync('sha256', masterKey, new Uint8Array(0), 'rollcall-event-key-1', SEED_BYTES))
}

/**
 * @param seeds 32 random bytes each: what signs first, then those before it, which receivers may still have tokens of
 * @param issuer PUBLIC_URL, the `iss`
 */
export function createEventSigner([seed, ...older]: EventSeeds, issuer: string): EventSigner {
  const key = keyOf(seed)
  const { kid } = key
  return {
    async jwks() {
      return { keys: await Promise.all([key, ...older.map(keyOf)].map(jwkOf)) }
    },
    async sign(claims, audience) {
      const { SignJWT } = await import('jose')
      const token = new SignJWT({ ...claims }).setProtectedHeader({ alg: 'EdDSA', typ: 'secevent+jwt', kid })
      token.setIssuer(issuer)
      if (audience !== undefined) token.setAudience(audience)
      return token.sign(key.privateKey)
    },
  }
}

interface EventKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly kid: string
}

function keyOf(seed: Uint8Array): EventKey {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const { x = '' } = publicKey.export({ format: 'jwk' })
  // RFC 7638, RFC 8037 §2.
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url')
  return { privateKey, publicKey, kid }
}

async function jwkOf({ publicKey, kid }: EventKey): Promise<JWK> {
  const { exportJWK } = await import('jose')
  return { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'EdDSA' }
}
