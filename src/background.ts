import type { Logger } from 'pino'
import type { AuthFailureTally } from './audit/auth-failure-tally.ts'
import type { DueDraft, Tally } from './audit/tally.ts'
import type { Checkpointing } from './checkpointing.ts'
import type { OrgId } from './domain/ids.ts'
import type { LookUpProof } from './domain/domain-claim.ts'
import { runReconcileJobs } from './provisioning/reconcile-job.ts'
import type { Retention } from './retention.ts'
import { endInvites, forgetUnknown, recheckDomains } from './rounds.ts'
import type { Store } from './storage/store.ts'

const TALLY_EVERY_MS = 30_000
const INVITES_EVERY_MS = 60_000
const DOMAINS_EVERY_MS = 60_000
const UNKNOWN_EVERY_MS = 3_600_000
const RETENTION_EVERY_MS = 3_600_000
const LOSSES_EVERY_MS = 3_600_000
/** The guard against mass removals looks back a day at most. */
const LOSSES_KEPT_MS = 2 * 86_400_000
/** Old losses that are dropped at once, so that nobody waits for it. */
const LOSSES_AT_ONCE = 500
const STATISTICS_EVERY_MS = 2_000
const REQUEST_LOG_EVERY_MS = 2_000
const CHECKPOINTS_EVERY_MS = 5_000
/** Drafts that could not be written are kept up to here; a store that is out for long must not fill the memory. */
const MAX_KEPT = 10_000

/** One thing that a serving process does again and again beside answering. */
export interface BackgroundJob {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<void>
}

/** What a serving process does beside answering: jobs, tallies, the request log. */
export interface Background {
  /** Runs an org's reconcile jobs; one runner an org. */
  wake(orgId: OrgId): void
  /** Ends the timers and writes what is left. */
  stop(): Promise<void>
}

export interface BackgroundParts {
  readonly store: Store
  readonly tally: Tally
  readonly authFailures: AuthFailureTally
  readonly checkpoints: Checkpointing
  /** Asks the DNS for the proof of a domain. */
  readonly lookUpProof: LookUpProof
  readonly retention: Retention
  readonly logger: Logger
}

/** Starts the timers, none of which keeps the process alive, and resumes the jobs that a stop cut off. */
export function startBackground(parts: BackgroundParts): Background {
  const { store, checkpoints, logger } = parts
  const running = new Map<OrgId, Promise<void>>()
  let stopped = false

  function wake(orgId: OrgId): void {
    if (stopped || running.has(orgId)) return
    const run = runReconcileJobs(store.work, orgId, () => stopped)
      .catch((error: unknown) => {
        logger.error({ err: error, orgId }, 'reconcile jobs stopped; they go on with the next change or start')
      })
      .finally(() => running.delete(orgId))
    running.set(orgId, run)
  }

  const journal = createTallyWriter(parts)
  const timers = backgroundJobs(parts, journal).map((job) => repeat(job, logger))
  resumeJobs(store, wake).catch((error: unknown) => {
    logger.error({ err: error }, 'reconcile jobs could not be looked up')
  })
  return {
    wake,
    async stop() {
      stopped = true
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running.values())
      await journal.writeAll()
      await store.requestLog.flush(Date.now())
      await checkpoints.write(true)
    },
  }
}

/** Everything that is done by the clock. @param journal writes what was tallied */
export function backgroundJobs(
  parts: Pick<BackgroundParts, 'store' | 'checkpoints' | 'lookUpProof' | 'retention'>,
  journal: TallyWriter,
): readonly BackgroundJob[] {
  const { store, checkpoints } = parts
  const now = (): number => Date.now()
  return [
    { name: 'tallies', everyMs: TALLY_EVERY_MS, run: () => journal.write(now()) },
    { name: 'invitations', everyMs: INVITES_EVERY_MS, run: () => endInvites(store, now()) },
    { name: 'domains', everyMs: DOMAINS_EVERY_MS, run: () => recheckDomains(store, parts.lookUpProof, now()) },
    { name: 'unknown people', everyMs: UNKNOWN_EVERY_MS, run: () => forgetUnknown(store, now()) },
    { name: 'retention', everyMs: RETENTION_EVERY_MS, run: () => parts.retention.apply(now()) },
    { name: 'losses', everyMs: LOSSES_EVERY_MS, run: () => dropOldLosses(store, now() - LOSSES_KEPT_MS) },
    { name: 'statistics', everyMs: STATISTICS_EVERY_MS, run: async () => void (await store.refreshStatistics()) },
    { name: 'request log', everyMs: REQUEST_LOG_EVERY_MS, run: () => store.requestLog.flush(now()) },
    { name: 'checkpoints', everyMs: CHECKPOINTS_EVERY_MS, run: () => checkpoints.write() },
  ]
}

async function dropOldLosses(store: Store, before: number): Promise<void> {
  while ((await store.dropOldLosses(before, LOSSES_AT_ONCE)) === LOSSES_AT_ONCE);
}

async function resumeJobs(store: Store, wake: (orgId: OrgId) => void): Promise<void> {
  for (const org of await store.reads.orgs.list()) wake(org.id)
}

function repeat({ name, everyMs, run }: BackgroundJob, logger: Logger): NodeJS.Timeout {
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    run()
      .catch((error: unknown) => {
        logger.warn({ err: error, job: name }, 'background work failed and is tried again')
      })
      .finally(() => {
        busy = false
      })
  }, everyMs)
  return timer.unref()
}

/** Chains what was tallied. */
export interface TallyWriter {
  /** What is due at a time, epoch milliseconds. */
  write(now: number): Promise<void>
  writeAll(): Promise<void>
}

/** Chains what was tallied; what cannot be written is kept for the next time. */
export function createTallyWriter({
  store,
  tally,
  authFailures,
  logger,
}: Pick<BackgroundParts, 'store' | 'tally' | 'authFailures' | 'logger'>): TallyWriter {
  let kept: DueDraft[] = []

  async function append(drafts: readonly DueDraft[]): Promise<void> {
    const due = [...kept, ...drafts]
    kept = []
    const results = await Promise.allSettled(
      due.map(({ orgId, draft }) => store.work.submit(orgId, (stores) => stores.journal.append(orgId, draft)).durable),
    )
    const failed = results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ result, draft: due[index]! }] : [],
    )
    kept = failed.map(({ draft }) => draft).slice(-MAX_KEPT)
    const first = failed[0]
    if (first !== undefined)
      logger.warn({ err: first.result.reason as unknown, count: failed.length }, 'tallies were not written')
  }

  return {
    write: (now) => append([...tally.due(now), ...authFailures.due(now)]),
    writeAll: () => append([...tally.drain(), ...authFailures.drain()]),
  }
}
