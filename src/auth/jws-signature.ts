import type { CryptoKey } from 'jose'
import { AuthError } from './auth-error.ts'
import { KeysUnavailable, type IssuerKeys, type KeySource } from './jwks.ts'
import type { JwtParts } from './jwt-parts.ts'

/** What came of looking at a signature: `no-key` where the issuer has no key that the header asks for. */
export type SignatureCheck = 'good' | 'bad' | 'no-key' | KeysUnavailable

/**
 * Checks a token's signature with the key of its issuer.
 * @param algorithms which are taken; nothing symmetric and nothing unsigned should be among them
 */
export async function checkSignature(
  keys: IssuerKeys,
  source: KeySource,
  parts: JwtParts,
  algorithms: readonly string[],
): Promise<SignatureCheck> {
  let key: CryptoKey | undefined
  try {
    key = await keys.keyFor(source, parts.header)
  } catch (error) {
    if (error instanceof KeysUnavailable) return error
    throw error
  }
  if (key === undefined) return 'no-key'
  const { compactVerify } = await import('jose')
  try {
    await compactVerify(parts.text, key, { algorithms: [...algorithms] })
    return 'good'
  } catch {
    // jose throws for a wrong signature, and for a key too weak or of another type: each is a token not to accept.
    return 'bad'
  }
}

/** A 503: without its issuer's keys a token is neither good nor bad. */
export function keysUnavailable(outage: KeysUnavailable): AuthError {
  const message = 'The keys of the issuer of this token cannot be fetched right now. Try again shortly.'
  return new AuthError(503, 'keys.unavailable', message, { retryAfter: outage.retryAfter, cause: outage.cause })
}
