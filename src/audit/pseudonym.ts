import { createHmac, hkdfSync } from 'node:crypto'
import type { OrgId } from '../domain/ids.ts'

const KEY_BYTES = 32

/**
 * Keyed hashes of personal values (HMAC-SHA-256 under a key derived from the master key by HKDF, RFC 5869), base64url.
 * @param kek the master key, 32 bytes
 */
export function createPseudonyms(kek: Uint8Array): (orgId: OrgId, text: string) => string {
  const key = Buffer.from(hkdfSync('sha256', kek, new Uint8Array(0), 'rollcall-pseudonym-1', KEY_BYTES))
  return (orgId, text) => createHmac('sha256', key).update(`${orgId}\n${text}`, 'utf8').digest('base64url')
}
