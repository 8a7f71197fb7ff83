import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { RangeThreads } from './audit/verify.ts'
import type { RangeReport, StretchRequest } from './audit/verify-range.ts'
import type { LinksLocation } from './storage/open-links.ts'

/** A stretch for a thread; the answer says whose it is. */
export interface ThreadTask {
  readonly id: number
  readonly request: StretchRequest
}

export type ThreadAnswer =
  { readonly id: number; readonly report: RangeReport | undefined } | { readonly id: number; readonly error: string }

export interface VerifyThreads extends RangeThreads {
  /** So that they are there when they are first asked: what is done meanwhile need not be waited for. */
  begin(): void
  close(): Promise<void>
}

/** More than these find the disk or the database busy with the others. */
const MOST_THREADS = 4
/**
 * What a thread may take, MiB. Nearly all it makes is garbage at once: without a bound the engine keeps much of it, as
 * long as there is memory.
 */
const LIMITS = { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 96 }
const THREAD = new URL('./verify-thread.js', import.meta.url)

interface Waiting {
  readonly resolve: (report: RangeReport | undefined) => void
  readonly reject: (error: Error) => void
}

/**
 * Threads over a store that are begun when they are first needed. What is asked of them rejects from when one of them
 * failed on.
 * @param thread what each of them runs
 */
export function createVerifyThreads(location: LinksLocation, thread: URL = THREAD): VerifyThreads {
  const count = Math.min(availableParallelism(), MOST_THREADS)
  const waiting = new Map<number, Waiting>()
  let workers: readonly Worker[] = []
  let asked = 0
  let failure: Error | undefined

  function started(): Worker {
    const worker = new Worker(thread, { workerData: location, resourceLimits: LIMITS })
    worker.on('message', (answer: ThreadAnswer) => {
      const asker = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('error' in answer) asker?.reject(new Error(answer.error))
      else asker?.resolve(answer.report)
    })
    worker.on('error', (error) => {
      failure = error
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    })
    return worker
  }

  function begin(): void {
    if (workers.length === 0) workers = Array.from({ length: count }, started)
  }

  return {
    count: count + 1,
    begin,
    verify(request) {
      if (failure !== undefined) return Promise.reject(failure)
      begin()
      const id = asked++
      const report = new Promise<RangeReport | undefined>((resolve, reject) => waiting.set(id, { resolve, reject }))
      workers[id % workers.length]!.postMessage({ id, request } satisfies ThreadTask)
      return report
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
