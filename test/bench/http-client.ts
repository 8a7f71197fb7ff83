import { connect, type Socket } from 'node:net'

/** One request, ready to be written. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  /** From `/scim/v2` on. */
  readonly path: string
  readonly body?: object
}

/** What is measured of an answer. Times are milliseconds from the moment the request was written. */
export interface Answer {
  readonly status: number
  readonly bytes: number
  readonly firstByteMs: number
  readonly totalMs: number
  readonly text: string
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/**
 * One kept-alive HTTP/1.1 connection that carries one request at a time. It knows no more of HTTP than servers on the
 * same machine answer with, so that the client takes as little as it can of the cores it shares with them.
 */
export class Connection {
  readonly #socket: Socket
  readonly #head: string
  #received: Buffer[] = []
  #started = 0
  #firstByteMs = 0
  #settle: { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void } | undefined

  constructor(port: number, token: string) {
    this.#head = `Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nAccept: application/scim+json\r\n`
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#socket.on('error', (error) => this.#settle?.reject(error))
    this.#socket.on('close', () => this.#settle?.reject(new Error('The server closed the connection')))
  }

  send({ method, path, body }: Request): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const type = body === undefined ? '' : 'Content-Type: application/scim+json\r\n'
    const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(text)}\r\n`
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#started = performance.now()
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#head}${type}${length}\r\n${text}`)
    })
  }

  close(): void {
    this.#settle = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#received.length === 0) this.#firstByteMs = performance.now() - this.#started
    this.#received.push(chunk)
    const first = this.#received[0]!
    // An answer in several pieces is only joined to be looked at when it can be whole.
    const headEnd = first.indexOf(HEAD_END)
    if (headEnd < 0) {
      this.#received = [Buffer.concat(this.#received)]
      if (this.#received[0]!.indexOf(HEAD_END) < 0) return
    }
    const head = this.#received[0]!.toString('latin1', 0, this.#received[0]!.indexOf(HEAD_END))
    const start = head.length + HEAD_END.length
    const size = this.#received.reduce((sum, piece) => sum + piece.length, 0) - start
    const length = /^content-length: *(\d+)/im.exec(head)?.[1]
    const whole = length === undefined ? this.#endsChunked(size) : size >= Number(length)
    if (!whole && !/ (204|304) /.test(head.slice(0, 16))) return
    this.#finish(Number(head.slice(9, 12)), start)
  }

  #endsChunked(size: number): boolean {
    if (size < LAST_CHUNK.length) return false
    const tail = Buffer.concat(this.#received.slice(-2)).subarray(-LAST_CHUNK.length)
    return tail.equals(LAST_CHUNK)
  }

  #finish(status: number, start: number): void {
    const all = Buffer.concat(this.#received)
    this.#received = []
    const settle = this.#settle
    this.#settle = undefined
    settle?.resolve({
      status,
      bytes: all.length - start,
      firstByteMs: this.#firstByteMs,
      totalMs: performance.now() - this.#started,
      get text() {
        return all.toString('utf8', start)
      },
    })
  }
}
