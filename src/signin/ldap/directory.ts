import { connect as connectSocket, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Client, ResultCodeError } from 'ldapts'
import { DirectoryError } from './directory-error.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** Where a directory's host may be reached: throws for an address that must not be asked. Default: anywhere. */
export type AddressGuard = (host: string) => Promise<string>

/** Bytes that one sign-in may make a directory send. */
const MAX_BYTES = 2 * 1024 * 1024
const SHOWN_URL = 'ldap://directory'
const START_TLS = '1.3.6.1.4.1.1466.20037'

/**
 * Connects to a directory, encrypted as the settings say, and runs something on it; the connection ends with it. No
 * referral is followed.
 * @throws DirectoryError when it is not reached, not trusted, silent or without measure; what `run` throws, otherwise
 */
export async function withDirectory<T>(
  settings: LdapSettings,
  guard: AddressGuard | undefined,
  run: (client: Client) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(settings.timeoutMs)
  const sockets: Socket[] = []
  let excess = false
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  deadline.addEventListener('abort', cut)
  try {
    const open = await openSecured(settings, { signal: deadline, guard, opened: (socket) => sockets.unshift(socket) })
    open.on('data', () => {
      if (open.bytesRead <= MAX_BYTES) return
      excess = true
      cut()
    })
    // The address is only for show: the connection is there already.
    const client = new Client({ url: SHOWN_URL, strictDN: false, createConnection: () => open })
    const result = await run(client)
    await client.unbind()
    return result
  } catch (error) {
    throw excess ? new DirectoryError('too-much', `${settings.url} sent more than ${MAX_BYTES} bytes`) : shown(error)
  } finally {
    deadline.removeEventListener('abort', cut)
    cut()
  }

  function shown(error: unknown): unknown {
    if (deadline.aborted) {
      return new DirectoryError('timeout', `${settings.url} did not answer within ${settings.timeoutMs} ms`, error)
    }
    if (error instanceof DirectoryError || error instanceof ResultCodeError) return error
    return new DirectoryError('unreachable', `${settings.url}: ${textOf(error)}`, error)
  }
}

interface Opening {
  readonly signal: AbortSignal
  readonly guard: AddressGuard | undefined
  /** Told of every socket at once, so that it can be ended from outside. */
  readonly opened: (socket: Socket) => void
}

async function openSecured(settings: LdapSettings, opening: Opening): Promise<Socket> {
  const plain = await openSocket(settings, opening)
  if (!isLdaps(settings) && !settings.startTls) return plain
  if (settings.startTls) await askForTls(settings, plain)
  const secure = connectTls({ ...tlsOptions(settings), socket: plain })
  opening.opened(secure)
  await happened(secure, 'secureConnect', settings, 'tls')
  return secure
}

async function openSocket(settings: LdapSettings, { signal, guard, opened }: Opening): Promise<Socket> {
  const url = new URL(settings.url)
  const name = hostOf(url)
  const host = guard === undefined ? name : await withinTime(guard(name), signal)
  const port = url.port === '' ? (isLdaps(settings) ? 636 : 389) : Number(url.port)
  const socket = connectSocket({ host, port })
  opened(socket)
  await happened(socket, 'connect', settings, 'unreachable')
  return socket
}

/**
 * A client of its own asks for STARTTLS and is thrown away: whatever stood in the clear behind the directory's answer
 * is lost with it, and cannot be read later as if it had come encrypted.
 */
async function askForTls(settings: LdapSettings, socket: Socket): Promise<void> {
  const client = new Client({ url: SHOWN_URL, createConnection: () => socket })
  await client.exop(START_TLS).catch((cause: unknown) => {
    throw new DirectoryError('tls', `${settings.url} refuses STARTTLS: ${textOf(cause)}`, cause)
  })
  for (const event of ['data', 'end', 'close', 'timeout']) socket.removeAllListeners(event)
}

function tlsOptions({ url, ca }: LdapSettings): ConnectionOptions {
  const host = hostOf(new URL(url))
  return {
    host,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  }
}

/** Waits for the event, and leaves an ear for errors behind: one that nobody hears would end the process. */
async function happened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  { url }: LdapSettings,
  fault: 'unreachable' | 'tls',
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string, cause?: Error): void => reject(new DirectoryError(fault, `${url}: ${why}`, cause))
    socket.on('error', (error) => fail(textOf(error), error))
    socket.once('close', () => fail('closed the connection'))
    socket.once(event, resolve)
  })
}

async function withinTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    }),
  ])
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function isLdaps({ url }: LdapSettings): boolean {
  return url.toLowerCase().startsWith('ldaps:')
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
