import { dayOf, type Deed, type DeedCounts, type PersonDay } from '../domain/activity.ts'
import { DomainError } from '../domain/errors.ts'

export interface ActivityBatchOptions {
  /** Adds days to the store, all or none of them. */
  readonly save: (days: readonly PersonDay[]) => Promise<void>
  /** Told when `save` failed on the timer; what was noted is kept for the next time. */
  readonly onError: (error: unknown) => void
  /** Milliseconds between writes, default 10,000: what a kill can lose at most. */
  readonly interval?: number
  /** The most person-days kept in memory, default 100,000: a store that is out for long must not fill it. */
  readonly most?: number
}

/** Remembers in memory what people do, added up by person and day, so that no deed costs a write of its own. */
export interface ActivityBatch {
  /**
   * Notes what the product reports.
   * @throws DomainError `unavailable` when the store has been out so long that no more is taken; nothing is noted then
   */
  report(deeds: readonly Deed[]): void
  /** Notes what the gateway saw for itself; where no more is taken it is let go. */
  note(deed: Deed): void
  /** Writes what was noted; rejects with the store's failure, having kept what was not written. */
  flush(): Promise<void>
  /** Ends the timer and writes a last time: for shutdown. */
  stop(): Promise<void>
}

/** Person-days of one transaction: on the embedded store it holds the event loop meanwhile. */
const STEP = 100
const INTERVAL_MS = 10_000
const MOST = 100_000
const RETRY_AFTER = 30

/** Starts remembering; the timer does not keep the process alive. */
export function createActivityBatch(options: ActivityBatchOptions): ActivityBatch {
  const { most = MOST } = options
  let noted = new Map<string, PersonDay>()
  let writing: Promise<void> | undefined

  function add(next: PersonDay): void {
    const key = `${next.orgId} ${next.user} ${next.day}`
    const before = noted.get(key)
    noted.set(key, before === undefined ? next : merged(before, next))
  }

  async function writeAll(): Promise<void> {
    while (noted.size > 0) {
      const all = [...noted]
      const slice = all.slice(0, STEP).map(([, each]) => each)
      // Taken out first: what is noted meanwhile is more than this.
      noted = new Map(all.slice(STEP))
      try {
        await options.save(slice)
      } catch (error) {
        slice.forEach(add)
        throw error
      }
    }
  }

  async function flush(): Promise<void> {
    // One at a time, in order; whoever asks meanwhile also waits for what they noted.
    while (writing !== undefined) await writing.catch(() => undefined)
    writing = writeAll().finally(() => {
      writing = undefined
    })
    await writing
  }

  const timer = setInterval(() => {
    if (writing === undefined) flush().catch(options.onError)
  }, options.interval ?? INTERVAL_MS)
  timer.unref()
  return {
    report(deeds) {
      if (noted.size + deeds.length > most) {
        const sentence = 'Activity cannot be stored at the moment; send it again later'
        throw new DomainError('unavailable', sentence, { retryAfter: RETRY_AFTER })
      }
      for (const deed of deeds) add(dayWith(deed))
    },
    note(deed) {
      if (noted.size < most) add(dayWith(deed))
    },
    flush,
    async stop() {
      clearInterval(timer)
      await flush()
    },
  }
}

const NONE: DeedCounts = { signIn: 0, view: 0, run: 0, report: 0, api: 0 }

function dayWith({ orgId, user, kind, at, count = 1 }: Deed): PersonDay {
  const lastSignIn = kind === 'signIn' ? at : 0
  return { orgId, user, day: dayOf(at), counts: { ...NONE, [kind]: count }, last: at, lastSignIn }
}

function merged(one: PersonDay, other: PersonDay): PersonDay {
  const [a, b] = [one.counts, other.counts]
  return {
    ...one,
    counts: {
      ...{ signIn: a.signIn + b.signIn, view: a.view + b.view, run: a.run + b.run },
      ...{ report: a.report + b.report, api: a.api + b.api },
    },
    last: Math.max(one.last, other.last),
    lastSignIn: Math.max(one.lastSignIn, other.lastSignIn),
  }
}
