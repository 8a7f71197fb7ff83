import { createServer, type RequestListener, type Server } from 'node:http'
import type { Messages } from './messages.ts'

/** The longest request target (path and query) served, bytes; longer is 414. An 8 KiB filter fits in when escaped. */
export const MAX_TARGET_BYTES = 32 * 1024

/** The largest body of a request, bytes. */
export const MAX_BODY_BYTES = 1024 * 1024

/** The largest body where a request may name many people (groups and bulk), bytes. */
export const MAX_LARGE_BODY_BYTES = 16 * 1024 * 1024

export interface HttpServerOptions {
  /** The longest time to receive one request, headers and body; a slower one is answered 408 and closed. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** What requests and answers are made of; Node's own if absent. */
  readonly messages?: Messages
}

/**
 * An HTTP server with the limits that must hold before any middleware runs: header bytes, and the time a client may take
 * to send its headers and its request. `keepAliveTimeout` is above the 60 s that usual load balancers keep idle
 * connections, so the balancer closes first and never sends a request into a closing socket.
 */
export function createHttpServer(listener: RequestListener, options: HttpServerOptions = {}): Server {
  const { requestTimeoutMs = 30_000, messages } = options
  const server = createServer(
    {
      maxHeaderSize: MAX_TARGET_BYTES + 16 * 1024,
      headersTimeout: Math.min(20_000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: 65_000,
      // How late a slow client may be found out.
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs / 2),
      ...(messages === undefined
        ? {}
        : { IncomingMessage: messages.IncomingMessage, ServerResponse: messages.ServerResponse }),
    },
    listener,
  )
  server.maxHeadersCount = 200
  return server
}
