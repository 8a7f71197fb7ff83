import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** `done`: every request was answered. `forced`: the limit, or a second call, cut what was left. */
export type DrainResult = 'done' | 'forced'

export interface DrainOptions {
  /** Longest wait for requests in flight, milliseconds. */
  readonly limitMs: number
  /**
   * How long new connections are still served after readiness turned 503, milliseconds, so that a load balancer can see
   * it before the port closes.
   */
  readonly noticeMs?: number
}

export interface Drain {
  /** Whether the drain has begun: readiness is 503 from here on. */
  readonly draining: () => boolean
  /**
   * Stops taking connections, lets requests in flight finish (their answers say `Connection: close`), closes idle
   * sockets, and resolves when the last is gone. A second call forces: all sockets are closed at once.
   */
  readonly drain: () => Promise<DrainResult>
}

/** How often sockets that became idle during the drain are closed, milliseconds. */
const SWEEP_MS = 50

/** Prepares `server` for a graceful stop. Call it before the server listens, so that every request is seen. */
export function createDrain(server: Server, options: DrainOptions): Drain {
  const inFlight = new Set<ServerResponse>()
  let running: Promise<DrainResult> | undefined
  let force: () => void = () => undefined

  // First of the listeners: the header must be set before any handler can send the answer.
  server.prependListener('request', (_req: IncomingMessage, res: ServerResponse) => {
    if (running !== undefined) res.setHeader('Connection', 'close')
    inFlight.add(res)
    res.once('close', () => inFlight.delete(res))
  })

  const begin = (): Promise<DrainResult> => {
    for (const res of inFlight) if (!res.headersSent) res.setHeader('Connection', 'close')
    return new Promise((resolve) => {
      const timers: NodeJS.Timeout[] = []
      const end = (result: DrainResult) => {
        for (const timer of timers) clearTimeout(timer)
        resolve(result)
      }
      force = () => {
        server.close()
        server.closeAllConnections()
        end('forced')
      }
      const close = () => {
        server.close(() => end('done'))
        timers.push(setInterval(() => server.closeIdleConnections(), SWEEP_MS))
      }
      timers.push(setTimeout(force, options.limitMs), setTimeout(close, options.noticeMs ?? 0))
    })
  }

  return {
    draining: () => running !== undefined,
    drain: () => {
      if (running === undefined) running = begin()
      else force()
      return running
    },
  }
}
