import { createCipheriv, createDecipheriv } from 'node:crypto'
import { randomPooled } from './random.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** `ciphertext` ends with the 16-byte tag; `nonce` has 12 bytes. */
export interface Sealed {
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
}

/** AES-256-GCM (NIST SP 800-38D) under a fresh random nonce; `label` is authenticated, not stored. */
export function seal(key: Uint8Array, label: string, plaintext: Uint8Array): Sealed {
  const nonce = randomPooled(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label, 'utf8'))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return { nonce, ciphertext }
}

/** What `seal` sealed, or undefined when key, label or bytes are not those of the sealing. */
export function open(key: Uint8Array, label: string, sealed: Sealed): Buffer | undefined {
  const { nonce, ciphertext } = sealed
  if (nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) return undefined
  const end = ciphertext.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(label, 'utf8')).setAuthTag(ciphertext.subarray(end))
  const plaintext = decipher.update(ciphertext.subarray(0, end))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    // The engine's only complaint here is a tag that does not fit, in words no reader can act on.
    return undefined
  }
}

/** `seal` as one run of bytes: nonce ‖ ciphertext ‖ tag. */
export function sealBytes(key: Uint8Array, label: string, plaintext: Uint8Array): Buffer {
  const { nonce, ciphertext } = seal(key, label, plaintext)
  return Buffer.concat([nonce, ciphertext])
}

/** The inverse of `sealBytes`; undefined as with `open`. */
export function openBytes(key: Uint8Array, label: string, bytes: Uint8Array): Buffer | undefined {
  return open(key, label, { nonce: bytes.subarray(0, NONCE_BYTES), ciphertext: bytes.subarray(NONCE_BYTES) })
}
