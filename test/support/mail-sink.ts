import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'

/** A mail as the server took it. */
export interface SunkMail {
  /** Envelope sender and recipients, as they stood in `MAIL FROM` and `RCPT TO`. */
  readonly from: string
  readonly to: readonly string[]
  /** The raw message, headers and body. */
  readonly raw: string
  /** Header by lower-case name, unfolded. */
  header(name: string): string | undefined
  /** The text, decoded. */
  readonly text: string
}

/** What a recipient's domain makes the server do. */
const BEHAVIOURS: Readonly<Record<string, (sink: { readonly socket: Socket | undefined }) => Error | 'hang'>> = {
  'greylisted.example': () => smtpError(451, '4.7.1 try again later'),
  'unknown.example': () => smtpError(550, '5.1.1 no such user here'),
  'full.example': () => smtpError(552, '5.2.2 mailbox full'),
  'hanging.example': () => 'hang',
  'resetting.example': ({ socket }) => {
    socket?.resetAndDestroy()
    return 'hang'
  },
}

/** A real mail server on a free port of this machine that keeps what it is given. */
export interface MailSink {
  readonly url: string
  readonly mails: SunkMail[]
  /** Recipients whose domain now behaves well. */
  readonly mended: Set<string>
  /** Resolves with the first mail to an address, now or later. */
  mailTo(address: string): Promise<SunkMail>
  close(): Promise<void>
}

export interface MailSinkOptions {
  /** The only credentials taken. */
  readonly login?: { readonly user: string; readonly password: string }
}

export async function openMailSink({ login }: MailSinkOptions = {}): Promise<MailSink> {
  const mails: SunkMail[] = []
  const mended = new Set<string>()
  const waiting: (() => void)[] = []
  const sockets = new Set<Socket>()
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', ...(login === undefined ? ['AUTH' as const] : [])],
    authOptional: login === undefined,
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      const fits = username === login?.user && password === login?.password
      if (fits) done(null, { user: username })
      else done(smtpError(535, '5.7.8 authentication failed'))
    },
    onRcptTo({ address }, session, done) {
      const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
      const behave = mended.has(domain) ? undefined : BEHAVIOURS[domain]
      const socket = [...sockets].find((one) => one.remotePort === session.remotePort)
      const outcome = behave?.({ socket })
      if (outcome === 'hang') return
      if (outcome === undefined) done()
      else done(outcome)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        mails.push(
          read(
            from,
            rcptTo.map(({ address }) => address),
            Buffer.concat(chunks).toString('utf8'),
          ),
        )
        for (const wake of waiting.splice(0)) wake()
        done()
      })
    },
  })
  // A client that is cut off, or cuts off, is what some tests are about.
  server.on('error', () => undefined)
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const at = `127.0.0.1:${(server.server.address() as AddressInfo).port}`
  const user = login === undefined ? '' : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`
  return {
    url: `smtp://${user}${at}`,
    mails,
    mended,
    async mailTo(address) {
      for (;;) {
        const found = mails.find(({ to }) => to.includes(address))
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
    },
  }
}

function smtpError(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

function read(from: string, to: readonly string[], raw: string): SunkMail {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const headers = new Map<string, string>()
  for (const line of head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [name = '', ...value] = line.split(': ')
    headers.set(name.toLowerCase(), value.join(': '))
  }
  const body = rest.join('\r\n\r\n')
  const encoding = headers.get('content-transfer-encoding')
  return { from, to, raw, header: (name) => headers.get(name), text: decoded(body, encoding) }
}

function decoded(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return body.replace(/\r\n/g, '\n')
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8').replace(/\r\n/g, '\n')
}
