import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as the receiver took it. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What becomes of a request: a status, with headers, or nothing at all. */
export type Behaviour =
  | number
  | 'hang'
  | 'reset'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

/** A real HTTP server on this machine that keeps what it is sent. */
export interface Receiver {
  readonly url: string
  /** Everything that was sent, also what was refused. */
  readonly received: Received[]
  /** What was answered with a 2xx. */
  readonly taken: Received[]
  /** How it answers from now on. */
  behave: (request: Received) => Behaviour
  close(): Promise<void>
}

export async function openReceiver(port = 0): Promise<Receiver> {
  const sockets = new Set<Socket>()
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const request = { path: req.url ?? '', headers: req.headers, body: Buffer.concat(chunks).toString('utf8') }
      receiver.received.push(request)
      const said = receiver.behave(request)
      if (said === 'hang') return
      if (said === 'reset') {
        req.socket.resetAndDestroy()
        return
      }
      const { status, headers = {}, body = '' } = typeof said === 'number' ? { status: said } : said
      if (status >= 200 && status < 300) receiver.taken.push(request)
      res.writeHead(status, headers).end(body)
    })
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    ...{ received: [], taken: [], behave: () => 200 },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return receiver
}
