/** One mail as it goes over the wire: plain text only, so that nothing in it can be markup. */
export interface Message {
  /** A plain address that was checked. */
  readonly to: string
  readonly subject: string
  readonly text: string
  /** The same for each attempt, so that receivers can tell a second copy. */
  readonly messageId: string
}

export interface SmtpSettings {
  /** `smtp://` or `smtps://`, with a user and perhaps a password, percent-encoded. */
  readonly url: string
  readonly password: string | undefined
  /** Whether mail may go to a server beyond loopback without TLS. */
  readonly allowPlain: boolean
  /** Plain address. */
  readonly from: string
}

/** The longest a mail may take, connecting included, in milliseconds. */
export const SEND_LIMIT_MS = 60_000
const STEP_LIMIT_MS = 20_000

/** What a mail server refused, or that it could not be reached. */
export class MailFailure extends Error {
  /** Another attempt would be refused as well: the server will not have this recipient or this mail. */
  readonly permanent: boolean
  /** It says nothing of this one mail: the server is out, or will have none of this gateway's. */
  readonly ofServer: boolean
  /** For the outbox: `smtp.refused 550`, `smtp.ETIMEDOUT`; never the server's words, which may name people. */
  readonly problem: string

  constructor(message: string, { permanent, ofServer, problem }: Omit<MailFailure, keyof Error>, cause?: unknown) {
    super(message, { cause })
    this.name = 'MailFailure'
    this.permanent = permanent
    this.ofServer = ofServer
    this.problem = problem
  }
}

/** A mail server that takes mail for others. */
export interface MailServer {
  /** Resolves once the server has taken responsibility. @throws MailFailure */
  send(message: Message): Promise<void>
  /** Connects and signs in without sending. @throws MailFailure */
  check(): Promise<void>
}

/** Talks to a mail server (RFC 5321) with a connection a mail. TLS is demanded unless it is on this machine. */
export function createMailServer({ url, password, allowPlain, from }: SmtpSettings): MailServer {
  const { protocol, hostname, port, username, password: inUrl } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const secure = protocol === 'smtps:'
  const user = decodeURIComponent(username)
  const settings = {
    host,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && !allowPlain && !isLoopback(host),
    ...(user === '' ? {} : { auth: { user, pass: password ?? decodeURIComponent(inUrl) } }),
    ...{ connectionTimeout: STEP_LIMIT_MS, greetingTimeout: STEP_LIMIT_MS, socketTimeout: STEP_LIMIT_MS },
    ...{ dnsTimeout: STEP_LIMIT_MS, allowInternalNetworkInterfaces: true },
    // A message is built here and nowhere else; nothing in it may make the library read a file or fetch an address.
    ...{ disableFileAccess: true, disableUrlAccess: true },
  }
  // Loaded with the first mail: most commands, and many a gateway, never send any.
  const transport = async () => (await import('nodemailer')).createTransport(settings)
  return {
    send: (message) => failing(async () => (await transport()).sendMail(mimeOf(message, from))),
    check: () => failing(async () => (await transport()).verify()),
  }
}

/** Automatic mail says so, so that absence notes and bounces of bounces do not come back (RFC 3834 §5). */
function mimeOf({ to, subject, text, messageId }: Message, from: string) {
  return {
    from: { name: 'Rollcall', address: from },
    to: { name: '', address: to },
    // What the server is told is the address itself, not what a parser makes of a header.
    envelope: { from, to: [to] },
    ...{ subject, text, messageId },
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  }
}

interface SmtpError extends Error {
  readonly code?: string
  readonly responseCode?: number
  readonly command?: string
}

async function failing(run: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(Object.assign(new Error('the mail server did not finish in time'), { code: 'ETIMEDOUT' }))
    }, SEND_LIMIT_MS)
  })
  try {
    await Promise.race([run(), limit])
  } catch (error) {
    throw toFailure(error as SmtpError)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What the server says of a recipient or of the mail itself is about this mail; all else (greeting, sign-in, sender) is
 * about the server or its settings, and every mail would meet it. 552 of a full mailbox is no last word (RFC 5321
 * §4.5.3.1.10).
 */
function toFailure(error: SmtpError): MailFailure {
  const { responseCode, command = '', code = 'error' } = error
  const ofMail = responseCode !== undefined && (command === 'RCPT TO' || command === 'DATA')
  const permanent = ofMail && responseCode >= 500 && responseCode !== 552
  const problem = responseCode === undefined ? `smtp.${code}` : `smtp.refused ${responseCode}`
  return new MailFailure(error.message, { permanent, ofServer: !ofMail, problem }, error)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:[.]\d{1,3}){3}$/.test(host)
}
