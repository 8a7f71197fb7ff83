import { Router } from 'express'
import { noStore } from './security-headers.ts'

export interface HealthChecks {
  /** Whether the store can be read and written, as far as this instance knows. A rejection counts as "no". */
  readonly ready: () => boolean | Promise<boolean>
  /** Whether the process is on its way out. */
  readonly draining: () => boolean
  /** Longest wait for `ready`, milliseconds; 2,000 if absent. A store that hangs is a store that is down. */
  readonly timeoutMs?: number
}

export type Readiness = 'ok' | 'draining' | 'unready'

/**
 * `GET /livez`: 200 as long as the event loop runs, whatever the store does, so that an outage of the database never
 * restarts every instance. `GET /readyz`: 200 only while requests can be served, else 503 at once.
 */
export function healthRouter(checks: HealthChecks): Router {
  const router = Router()
  router.use(['/livez', '/readyz'], noStore())
  router.get('/livez', (_req, res) => {
    res.status(200).json({ status: 'ok' })
  })
  router.get('/readyz', async (_req, res) => {
    const status = await readiness(checks)
    res.status(status === 'ok' ? 200 : 503).json({ status })
  })
  return router
}

async function readiness(checks: HealthChecks): Promise<Readiness> {
  if (checks.draining()) return 'draining'
  const ready = await inTime(checks.ready, checks.timeoutMs ?? 2_000)
  // A drain may have begun while the store was asked.
  if (checks.draining()) return 'draining'
  return ready ? 'ok' : 'unready'
}

async function inTime(check: HealthChecks['ready'], timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return await Promise.race([Promise.resolve().then(check), late])
  } catch {
    // Why the store is away is logged by whoever talks to it; here only the answer counts.
    return false
  } finally {
    clearTimeout(timer)
  }
}
