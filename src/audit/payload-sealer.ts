import type { PayloadSealer } from '../domain/outbox.ts'
import { unwrapSecret, wrapSecret } from './person-key.ts'

/**
 * Seals text under the master key, as base64url.
 * @param kek the master key, 32 bytes
 */
export function createPayloadSealer(kek: Uint8Array): PayloadSealer {
  return {
    seal: (label, text) => wrapSecret(kek, label, Buffer.from(text, 'utf8')).toString('base64url'),
    open: (label, sealed) => unwrapSecret(kek, label, Buffer.from(sealed, 'base64url')).toString('utf8'),
  }
}
