import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import { checkpointEntry } from './audit/checkpoint.ts'
import { adoptLogKey, type CheckpointParts, writeCheckpoints } from './audit/write-checkpoints.ts'
import { appendCheckpoints, appendErasures } from './audit/checkpoint-file.ts'
import { newId } from './domain/ids.ts'
import type { OpenedStore } from './opened-store.ts'

/** Lines written to the file at once. */
const EXPORTED_AT_ONCE = 500

/** What signs, keeps and tells of checkpoints in a process. */
export interface Checkpointing {
  readonly parts: CheckpointParts
  /** Signs what is due and writes outside what is not yet. @param all whether every chain that moved is due */
  write(all?: boolean): Promise<void>
  /** Has a new log key vouched for in every chain that an other one signed. */
  adoptKey(): Promise<void>
}

export interface CheckpointingParts {
  readonly opened: Pick<OpenedStore, 'store' | 'logKey' | 'previousLogKey' | 'deployment' | 'forks'>
  /** Outside the store; absent where none is configured. */
  readonly file: string | undefined
  readonly logger: Pick<Logger, 'info'> | undefined
}

export function createCheckpointing({ opened, file, logger }: CheckpointingParts): Checkpointing {
  const { store, logKey, previousLogKey, deployment, forks } = opened
  const parts: CheckpointParts = {
    ...{ key: logKey, deployment, now: Date.now },
    ...{ records: store.reads.records, reads: store.reads.checkpoints, writes: store.checkpoints },
    mayWrite: (orgId) => !forks.has(orgId),
    onWritten: (checkpoint) => logger?.info(checkpointEntry(checkpoint), 'checkpoint'),
  }

  async function exportWaiting(): Promise<void> {
    if (file === undefined) return
    for (;;) {
      const waiting = await store.reads.checkpoints.waiting(EXPORTED_AT_ONCE)
      if (waiting.length === 0) return
      appendCheckpoints(file, waiting)
      await store.checkpoints.markExported(waiting, Date.now())
    }
  }

  async function exportErasures(): Promise<void> {
    if (file === undefined) return
    for (;;) {
      const waiting = await store.reads.privacy.erasuresWaiting(EXPORTED_AT_ONCE)
      if (waiting.length === 0) return
      appendErasures(file, deployment, waiting)
      await store.markErasuresExported(waiting, Date.now())
    }
  }

  return {
    parts,
    async write(all = false) {
      await forks.recheck()
      await writeCheckpoints(parts, all)
      await exportWaiting()
      await exportErasures()
    },
    async adoptKey() {
      const now = Date.now()
      const request = { id: newId<string>(now), receivedAt: now, started: performance.now() }
      await adoptLogKey(
        parts,
        previousLogKey,
        (orgId, draft) =>
          forks.work.submit(orgId, (stores) => stores.journal.append(orgId, { ...draft, request })).durable,
      )
    },
  }
}
