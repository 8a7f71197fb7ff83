import { createHmac, timingSafeEqual } from 'node:crypto'

const MAC_BYTES = 32

/**
 * Text that goes to a client and comes back, such as the state of a list: base64url of an HMAC-SHA-256 and of the text
 * it covers. It can be read by the client but not made or changed.
 * @param key 32 bytes, shared by all instances
 */
export function sealText(key: Uint8Array, text: string): string {
  const body = Buffer.from(text)
  return Buffer.concat([macOf(key, body), body]).toString('base64url')
}

/** @returns what was sealed; undefined for anything that was not sealed with this key */
export function openText(key: Uint8Array, sealed: string): string | undefined {
  if (!/^[\w-]+$/.test(sealed)) return undefined
  const bytes = Buffer.from(sealed, 'base64url')
  const body = bytes.subarray(MAC_BYTES)
  if (bytes.length <= MAC_BYTES || !timingSafeEqual(macOf(key, body), bytes.subarray(0, MAC_BYTES))) return undefined
  return body.toString()
}

function macOf(key: Uint8Array, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest()
}
