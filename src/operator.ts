import { performance } from 'node:perf_hooks'
import { mintToken } from './auth/token.ts'
import { createTally } from './audit/tally.ts'
import type { Operator } from './cli/ports.ts'
import type { Config } from './config.ts'
import { newId } from './domain/ids.ts'
import { connect, openCheckedStore } from './opened-store.ts'
import { runReconcileJobs } from './provisioning/reconcile-job.ts'

/** Opens the store beside a running server for one command of the local operator, and closes it. */
export async function withOperator<T>(
  config: Config,
  warn: (error: Error) => void,
  run: (operator: Operator) => Promise<T>,
): Promise<T> {
  const connections = connect(config, warn)
  try {
    const { store } = await openCheckedStore(config, connections)
    const tally = createTally({ now: Date.now })
    const jobs: Promise<void>[] = []
    const wakeJobs = (orgId: Parameters<typeof runReconcileJobs>[1]): void => {
      jobs.push(runReconcileJobs(store.work, orgId, () => false))
    }
    const result = await run({
      reads: store.reads,
      provisioning: { work: store.work, tally, wakeJobs },
      operation,
      mintToken,
    })
    await Promise.all(jobs)
    await store.work.idle()
    return result
  } finally {
    await connections.close()
  }
}

/** The local operator: the number of the operating system's user, never a name. */
function operation(): ReturnType<Operator['operation']> {
  const receivedAt = Date.now()
  const uid = process.getuid?.()
  return {
    actor: { type: 'cli', ...(uid === undefined ? {} : { id: `uid:${uid}` }) },
    request: { id: newId(receivedAt), receivedAt, started: performance.now() },
  }
}
