import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { sourceNet } from './address.ts'
import { AuthError } from './auth-error.ts'

const WINDOW_SECONDS = 60
const MAX_SOURCES = 10_000
const OTHER = 'other'

/** Counts failed credentials by source. It never sees one that was good. */
export interface FailureLimiter {
  /**
   * Counts one failure.
   * @param source the client's IP address
   * @returns seconds until the source may fail again when it is over the limit, else undefined
   */
  failed(source: string): Promise<number | undefined>
}

/**
 * A limiter of failed credentials, in this process's memory.
 * @param limit failures a minute and source that are answered 401 before 429 begins; 0 switches the limiter off
 */
export function createFailureLimiter(limit: number): FailureLimiter {
  if (limit === 0) return { failed: () => Promise.resolve(undefined) }
  const failures = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS })
  const keyOf = boundedSources()
  return {
    async failed(source) {
      try {
        await failures.consume(keyOf(sourceNet(source)))
        return undefined
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000))
        throw refusal
      }
    },
  }
}

/**
 * Counts a refused credential against its source.
 * @returns the error to answer with: a 429 when the source is over the limit, else the error given
 */
export async function limited(limiter: FailureLimiter, error: unknown, source: string): Promise<unknown> {
  if (!(error instanceof AuthError) || error.status !== 401) return error
  const retryAfter = await limiter.failed(source)
  if (retryAfter === undefined) return error
  return new AuthError(429, error.reason, `Too many failed credentials. Try again in ${retryAfter} seconds.`, {
    retryAfter,
    cause: error,
    ...(error.known === undefined ? {} : { known: error.known }),
  })
}

/** Keeps memory bounded when failures come from very many sources: beyond the bound they share one count. */
function boundedSources(): (net: string) => string {
  const seen = new Set<string>()
  let since = performance.now()
  return (net) => {
    if (performance.now() - since > WINDOW_SECONDS * 1000) {
      seen.clear()
      since = performance.now()
    }
    if (!seen.has(net) && seen.size >= MAX_SOURCES) return OTHER
    seen.add(net)
    return net
  }
}
