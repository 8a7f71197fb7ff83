import { createPrivateKey, createPublicKey, hash, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'

const SEED_BYTES = 32
const PUBLIC_KEY_BYTES = 32
/** What stands before the seed in PKCS #8, and before the key in SubjectPublicKeyInfo (RFC 8410 §7, §4). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** The key that signs checkpoints of the log (Ed25519, RFC 8032). */
export interface LogKey {
  /** SHA-256 of the raw public key, 64 hex characters: what an auditor notes down. */
  readonly keyId: string
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** @returns 64 bytes */
  sign(text: string): Uint8Array
}

/**
 * @param seed 32 random bytes
 * @throws Error for another length
 */
export function logKeyOf(seed: Uint8Array): LogKey {
  if (seed.length !== SEED_BYTES) throw new Error(`The seed of a log key must have ${SEED_BYTES} bytes`)
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
  return { keyId: logKeyId(publicKey), publicKey, sign: (text) => sign(null, Buffer.from(text, 'utf8'), key) }
}

/** The seed of a deployment that was given no log key of its own, from its master key (HKDF-SHA-256, RFC 5869). */
export function derivedLogSeed(masterKey: Uint8Array): Uint8Array {
  return Buffer.from(hkdfSync('sha256', masterKey, new Uint8Array(0), 'rollcall-log-key-1', SEED_BYTES))
}

/** SHA-256 of a raw public key, 64 hex characters. */
export function logKeyId(publicKey: Uint8Array): string {
  return hash('sha256', Buffer.from(publicKey), 'hex')
}

/** @param publicKey raw, 32 bytes; another length verifies nothing */
export function verifiesLogSignature(publicKey: Uint8Array, text: string, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false
  return verify(null, Buffer.from(text, 'utf8'), publicKeyObject(publicKey), signature)
}

/** A raw public key as OpenSSL and others read it. */
export function publicKeyPem(publicKey: Uint8Array): string {
  return publicKeyObject(publicKey).export({ format: 'pem', type: 'spki' }).toString()
}

/**
 * The raw public key in a PEM text.
 * @returns undefined for what is no Ed25519 public key
 */
export function publicKeyOfPem(text: string): Uint8Array | undefined {
  try {
    const key = createPublicKey(text)
    if (key.asymmetricKeyType !== 'ed25519') return undefined
    return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length)
  } catch {
    // The engine names ASN.1 tags; the caller says what was wanted.
    return undefined
  }
}

const objects = new Map<string, KeyObject>()

/** Made once: a walk over a chain checks a signature every thousand records, nearly all of one key. */
function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const id = Buffer.from(publicKey).toString('base64')
  const known = objects.get(id)
  if (known !== undefined) return known
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
  if (objects.size < 100) objects.set(id, key)
  return key
}
