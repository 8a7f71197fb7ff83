import { parentPort, workerData } from 'node:worker_threads'
import { type RangeReport, verifyStretch } from './audit/verify-range.ts'
import { type LinksLocation, openLinks } from './storage/open-links.ts'
import type { ThreadAnswer, ThreadTask } from './verify-threads.ts'

/*
 * A thread that checks stretches of chains, until it is ended.
 */
const links = await openLinks(workerData as LinksLocation)

parentPort?.on('message', (task: ThreadTask) => void answer(task))

async function answer({ id, request }: ThreadTask): Promise<void> {
  const answered: ThreadAnswer = await verifyStretch(links, request).then(
    (report: RangeReport | undefined) => ({ id, report }),
    (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
  )
  parentPort?.postMessage(answered)
}
