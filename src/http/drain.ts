import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as TcpServer, type Socket } from 'node:net'

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
  /**
   * Handles a request: at once, but for the moment in which the port closes. Clients that get no answer then do not
   * come back with new connections, so those that wait in the kernel come to an end and none is reset with the port.
   */
  readonly admit: (handle: () => void) => void
}

/** How often sockets that became idle during the drain are closed, milliseconds. */
const SWEEP_MS = 50
/**
 * A socket without a request for less than this may have one on its way; closing it would reset that. Long enough for a
 * client on a busy machine.
 */
const IDLE_MS = 1_000
/** Turns of the event loop without a new connection after which none waits. */
const QUIET_TURNS = 3
/** A turn that took longer, milliseconds, says nothing: a connection may have come after it looked for one. */
const BRIEF_TURN_MS = 1
/** Clients that connect without end cannot keep the port open for more turns than this. */
const MAX_ACCEPT_TURNS = 2_000

/** Prepares `server` for a graceful stop. Call it before the server listens, so that every request is seen. */
export function createDrain(server: Server, options: DrainOptions): Drain {
  const inFlight = new Set<ServerResponse>()
  const idle = trackIdle(server)
  let running: Promise<DrainResult> | undefined
  let held: (() => void)[] | undefined
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
      let ended = false
      const end = (result: DrainResult) => {
        ended = true
        for (const timer of timers) clearTimeout(timer)
        resolve(result)
      }
      force = () => {
        server.close()
        server.closeAllConnections()
        end('forced')
      }
      const close = () => {
        if (ended) return
        stopListening(server, () => end('done'))
        const waiting = held ?? []
        held = undefined
        for (const handle of waiting) handle()
        // Not in the timer itself: what has arrived meanwhile is read between the timers and the immediates.
        timers.push(setInterval(() => setImmediate(closeIdle, idle), SWEEP_MS))
      }
      const closeAccepted = () => {
        held = []
        onceAccepted(server, close)
      }
      timers.push(setTimeout(force, options.limitMs), setTimeout(closeAccepted, options.noticeMs ?? 0))
    })
  }

  return {
    draining: () => running !== undefined,
    drain: () => {
      if (running === undefined) running = begin()
      else force()
      return running
    },
    admit: (handle) => {
      if (held === undefined) handle()
      else held.push(handle)
    },
  }
}

/** Since when each open socket has had no request, by `performance.now()`; those with one are not in it. */
function trackIdle(server: Server): ReadonlyMap<Socket, number> {
  const idle = new Map<Socket, number>()
  server.on('connection', (socket: Socket) => {
    idle.set(socket, performance.now())
    socket.once('close', () => idle.delete(socket))
  })
  server.prependListener('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
    idle.delete(socket)
    res.once('close', () => {
      if (!socket.destroyed) idle.set(socket, performance.now())
    })
  })
  return idle
}

function closeIdle(idle: ReadonlyMap<Socket, number>): void {
  const before = performance.now() - IDLE_MS
  for (const [socket, since] of idle) if (since <= before) socket.destroy()
}

/**
 * Connections that wait in the kernel are reset when the port closes. Node accepts one in a turn of the event loop, so
 * turns that bring none have taken them all.
 */
function onceAccepted(server: Server, next: () => void): void {
  let quiet = 0
  let turns = 0
  let last = performance.now()
  const note = () => {
    quiet = 0
  }
  const turn = () => {
    const now = performance.now()
    quiet = now - last <= BRIEF_TURN_MS ? quiet + 1 : 0
    last = now
    turns += 1
    if (quiet <= QUIET_TURNS && turns <= MAX_ACCEPT_TURNS) {
      setImmediate(turn)
      return
    }
    server.off('connection', note)
    next()
  }
  server.on('connection', note)
  turn()
}

/** Only the port: `close` of an HTTP server would also cut sockets whose request has not been read yet. */
function stopListening(server: Server, onClosed: () => void): void {
  TcpServer.prototype.close.call(server, () => {
    // The last socket is gone; this ends the timer by which the HTTP server looks for slow requests.
    server.close()
    onClosed()
  })
}
