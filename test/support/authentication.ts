import { createAccessTokens, newSigningKey, type AccessTokens } from '../../src/auth/access-token.ts'
import { AuthError } from '../../src/auth/auth-error.ts'
import { createAuthenticator, type Authenticator } from '../../src/auth/authenticate.ts'
import { createFailureLimiter, type FailureLimiter } from '../../src/auth/failure-limiter.ts'
import { createIssuerKeys, type KeySource } from '../../src/auth/jwks.ts'
import { createJwtTrusts } from '../../src/auth/jwt-trust.ts'
import type { TokenUse } from '../../src/auth/last-used.ts'
import { MemoryCredentials } from './credentials.ts'

/** Everything that authenticates, over the memory store, with a clock that tests set. */
export interface Gate {
  readonly credentials: MemoryCredentials
  readonly authenticator: Authenticator
  readonly accessTokens: AccessTokens
  readonly limiter: FailureLimiter
  readonly uses: TokenUse[]
  /** Failed fetches of keys. */
  readonly fetchFailures: { source: KeySource; error: unknown }[]
  readonly clock: { time: number }
  readonly now: () => number
}

export const PUBLIC_URL = 'https://rollcall.example'

/** @param limit failures a minute and source; 0 is none */
export function createGate({ limit = 0, allowPrivateIssuers = true, timeout = 500 } = {}): Gate {
  const clock = { time: Date.now() }
  const now = (): number => clock.time
  const credentials = new MemoryCredentials()
  const uses: TokenUse[] = []
  const fetchFailures: Gate['fetchFailures'] = []
  const onFetchFailed = (source: KeySource, error: unknown): void => void fetchFailures.push({ source, error })
  const keys = createIssuerKeys({ now, allowPrivateIssuers, timeout, onFetchFailed })
  const limiter = createFailureLimiter(limit)
  const accessTokens = createAccessTokens({ publicUrl: PUBLIC_URL, signingKey: newSigningKey(), credentials, now })
  const jwt = createJwtTrusts({ credentials, keys, now })
  const onUsed = (use: TokenUse): void => void uses.push(use)
  const authenticator = createAuthenticator({ credentials, accessTokens, jwt, limiter, now, onUsed })
  return { credentials, authenticator, accessTokens, limiter, uses, fetchFailures, clock, now }
}

/** The AuthError a promise rejects with; anything else fails the test. */
export async function refusal(promise: Promise<unknown>): Promise<AuthError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof AuthError) return error
    throw error
  }
  throw new Error('It was accepted and should have been refused')
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
