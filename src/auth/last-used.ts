import type { ConnectionId, KeyId, OrgId, SessionId, TokenId, UserId } from '../domain/ids.ts'

/** When a token, a key of the admin API or a session's cookie was last shown. `at` is epoch milliseconds. */
export interface TokenUse {
  readonly orgId: OrgId
  /** Absent for a key and for a session. */
  readonly connectionId?: ConnectionId
  readonly tokenId: TokenId | KeyId | SessionId
  readonly at: number
  /** The person whose it is; absent for what is no person's. */
  readonly user?: UserId
}

export interface LastUsedOptions {
  /** Stores the latest use of each token used since the flush before. */
  readonly onUsed: (uses: readonly TokenUse[]) => Promise<void>
  /** Told when `onUsed` failed on the timer; the uses are kept for the next flush. */
  readonly onError: (error: unknown) => void
  /** Milliseconds between flushes, default 60,000. */
  readonly interval?: number
}

/** Remembers in memory when tokens were used, so that no read of the API costs a write. */
export interface LastUsed {
  note(use: TokenUse): void
  /** Hands what was noted to `onUsed` now; rejects with its failure, having kept the uses. */
  flush(): Promise<void>
  /** Ends the timer and flushes a last time: for shutdown. */
  stop(): Promise<void>
}

/** Starts remembering; the timer does not keep the process alive. */
export function createLastUsed(options: LastUsedOptions): LastUsed {
  let noted = new Map<TokenUse['tokenId'], TokenUse>()

  const note = (use: TokenUse): void => {
    const before = noted.get(use.tokenId)
    if (before === undefined || before.at <= use.at) noted.set(use.tokenId, use)
  }
  const flush = async (): Promise<void> => {
    if (noted.size === 0) return
    const uses = [...noted.values()]
    noted = new Map()
    try {
      await options.onUsed(uses)
    } catch (error) {
      for (const use of uses) note(use)
      throw error
    }
  }
  const timer = setInterval(() => void flush().catch(options.onError), options.interval ?? 60_000)
  timer.unref()
  return {
    note,
    flush,
    async stop() {
      clearInterval(timer)
      await flush()
    },
  }
}
