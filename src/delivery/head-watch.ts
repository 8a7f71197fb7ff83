import type { OrgId } from '../domain/ids.ts'
import type { ChainHead } from '../domain/record.ts'

const EVERY_MS = 250

export interface HeadWatchParts {
  readonly head: (orgId: OrgId) => Promise<ChainHead | undefined>
  /** Whether the process is on its way out: nobody is kept waiting then. */
  readonly ended: () => boolean
  /** How often heads are looked at while somebody waits, in milliseconds; 250 if absent. */
  readonly everyMs?: number
}

/** Tells when logs grow: one look at a head, however many wait for it, and none while nobody waits. */
export interface HeadWatch {
  /**
   * Waits until the log has a record behind a seq.
   * @returns false when the time is over, the signal came, or the process ends
   * @throws DomainError `unavailable`
   */
  past(orgId: OrgId, seq: number, wait: { readonly ms: number; readonly signal?: AbortSignal }): Promise<boolean>
  /** Whether nobody is kept waiting any more. */
  ended(): boolean
}

interface Waiter {
  readonly seq: number
  /** By `performance.now()`. */
  readonly until: number
  readonly signal: AbortSignal | undefined
  readonly resolve: (isPast: boolean) => void
  readonly reject: (error: unknown) => void
}

export function createHeadWatch({ head, ended, everyMs = EVERY_MS }: HeadWatchParts): HeadWatch {
  const waiting = new Map<OrgId, Set<Waiter>>()
  let timer: NodeJS.Timeout | undefined

  function start(): void {
    timer ??= setTimeout(() => {
      void look().finally(() => {
        timer = undefined
        if (waiting.size > 0) start()
      })
    }, everyMs)
  }

  async function look(): Promise<void> {
    await Promise.all([...waiting].map(([orgId, waiters]) => lookAt(orgId, waiters)))
    for (const [orgId, waiters] of waiting) if (waiters.size === 0) waiting.delete(orgId)
  }

  async function lookAt(orgId: OrgId, waiters: Set<Waiter>): Promise<void> {
    try {
      const seq = (await head(orgId))?.seq ?? 0
      for (const waiter of waiters) if (isOver(waiter, seq)) settle(waiters, waiter, seq > waiter.seq)
    } catch (error) {
      for (const waiter of waiters) {
        waiters.delete(waiter)
        waiter.reject(error)
      }
    }
  }

  function isOver({ seq, until, signal }: Waiter, at: number): boolean {
    return at > seq || performance.now() >= until || signal?.aborted === true || ended()
  }

  return {
    ended,
    past(orgId, seq, { ms, signal }) {
      if (ms <= 0 || ended() || signal?.aborted === true) return Promise.resolve(false)
      return new Promise((resolve, reject) => {
        const waiters = waiting.get(orgId) ?? new Set()
        waiting.set(orgId, waiters.add({ seq, until: performance.now() + ms, signal, resolve, reject }))
        start()
      })
    },
  }
}

function settle(waiters: Set<Waiter>, waiter: Waiter, isPast: boolean): void {
  waiters.delete(waiter)
  waiter.resolve(isPast)
}
