import type { SinkReads, StoredSink } from '../domain/sink.ts'
import { guarded, unauthorized } from './auth-error.ts'
import { parseAuthorization } from './credential.ts'
import { type FailureLimiter, limited } from './failure-limiter.ts'
import { hashToken, sameHash } from './token.ts'

/**
 * Finds out which receiver polls, by the bearer token that it was given when it was made.
 * @returns it; one that an admin paused is found as well
 * @throws AuthError 401, 429 or 503
 */
export function createReceiverAuthenticator(
  sinks: SinkReads,
  limiter: FailureLimiter,
): (header: string | undefined, source: string) => Promise<StoredSink> {
  return async (header, source) => {
    try {
      if (header === undefined || header.trim() === '') throw unauthorized('key.missing')
      const credential = parseAuthorization(header)
      if (credential?.scheme !== 'bearer') throw unauthorized('key.malformed')
      const hash = hashToken(credential.text)
      const sink = await guarded(() => sinks.byHash(hash))
      if (sink?.secretHash === undefined || !sameHash(sink.secretHash, hash)) throw unauthorized('key.unknown')
      return sink
    } catch (error) {
      throw await limited(limiter, error, source)
    }
  }
}
