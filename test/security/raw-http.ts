import { connect } from 'node:net'

/** An answer as it came out of the socket. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

export interface RawRequest {
  readonly method: string
  /** The request target, sent as it is: `/path`, `http://host/path`, `*`. */
  readonly target: string
  readonly headers?: readonly string[]
}

/** Writes one request as bytes, so that no client library mends its target, and reads until the server closes. */
export function rawRequest(port: number, { method, target, headers = [] }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.once('error', reject)
    socket.once('close', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      const end = text.indexOf('\r\n\r\n')
      const head = end < 0 ? text : text.slice(0, end)
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body: end < 0 ? '' : text.slice(end + 4) })
    })
    socket.write(
      [`${method} ${target} HTTP/1.1`, 'Host: gateway', 'Connection: close', ...headers, '', ''].join('\r\n'),
    )
  })
}
