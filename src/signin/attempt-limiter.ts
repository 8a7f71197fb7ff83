import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

/** How often passwords may be tried. */
export interface AttemptLimits {
  /** Wrong passwords for one account within `accountSeconds`, whoever tries. */
  readonly perAccount: number
  readonly accountSeconds: number
  /** Wrong passwords from one source within a minute, whatever the account. */
  readonly perSource: number
}

/** One try that was let through. It counts as failed unless it is said to be none. */
export interface Attempt {
  /** The password was right: the account's count begins anew. */
  passed(): Promise<void>
  /** The password was not judged, as in an outage. */
  void(): Promise<void>
}

/** Limits guessing. Counts are this process's own: with several instances each counts for itself. */
export interface AttemptLimiter {
  /** @returns seconds to wait where no more may be tried: the password is then not to be looked at */
  begin(account: string, source: string): Promise<Attempt | number>
}

/** Counts a try before it is made, so that many at once cannot slip through together. */
export function createAttemptLimiter(limits: AttemptLimits): AttemptLimiter {
  const accounts = new RateLimiterMemory({ points: limits.perAccount, duration: limits.accountSeconds })
  const sources = new RateLimiterMemory({ points: limits.perSource, duration: 60 })
  return {
    async begin(account, source) {
      const wait = (await taken(sources, source)) ?? (await taken(accounts, account))
      if (wait !== undefined) return wait
      return {
        async passed() {
          await Promise.all([accounts.delete(account), sources.reward(source)])
        },
        async void() {
          await Promise.all([accounts.reward(account), sources.reward(source)])
        },
      }
    },
  }
}

async function taken(limiter: RateLimiterMemory, key: string): Promise<number | undefined> {
  try {
    await limiter.consume(key)
    return undefined
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000))
    throw refusal
  }
}
