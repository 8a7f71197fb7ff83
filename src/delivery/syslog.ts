import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { cefLine } from '../audit/record-cef.ts'
import type { OrgId } from '../domain/ids.ts'
import { type Carried, type Carrier, type CarryFailure, sentence, shownRecord } from './carrier.ts'

/** Records of one connection. */
const MOST = 200
/** How long connecting, and how long handing a batch over, may take. */
const LIMIT_MS = 5_000
const MAX_MSGID = 32

export interface SyslogSettings {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** PEM of the authority that the server's certificate is to be of; the system's own where absent. */
  readonly ca?: string | undefined
  readonly form: 'json' | 'cef'
  /** 0 to 23 (RFC 5424 §6.2.1). */
  readonly facility: number
}

export interface SyslogParts {
  readonly orgId: OrgId
  readonly settings: SyslogSettings
  /** Name of this host in messages. */
  readonly hostname: string
  /** The address to connect to. @throws Error for one that may not be connected to */
  readonly resolve: (host: string) => Promise<string>
  readonly now: () => number
}

/**
 * Syslog (RFC 5424) over TCP or TLS with octet counting (RFC 6587 §3.4.1, RFC 5425 §4.3). The protocol has no
 * acknowledgement: a batch counts as arrived once the server, told that nothing more comes, has closed in order. A server
 * that was cut off, or left anything unread, resets instead, and the batch is sent again.
 */
export function createSyslog(parts: SyslogParts): Carrier {
  const { orgId, settings, hostname, now } = parts

  async function send(text: string, signal: AbortSignal): Promise<CarryFailure | undefined> {
    try {
      const address = await parts.resolve(settings.host)
      await handOver(settings, address, Buffer.from(text, 'utf8'), signal)
      return undefined
    } catch (error) {
      return { kind: 'down', status: undefined, error: sentence(error) }
    }
  }

  return {
    most: MOST,
    async carry(batch, signal) {
      const text = batch.map((one) => framed(messageOf(parts, one))).join('')
      const failure = await send(text, signal)
      return { arrived: failure === undefined ? batch.length : 0, failure }
    },
    test(signal) {
      const at = new Date(now()).toISOString()
      const message = header({ facility: settings.facility, severity: 6, at, hostname, id: 'sink.test' })
      return send(framed(`${message} - ${JSON.stringify({ org: orgId, test: true })}`), signal)
    },
  }
}

function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

const SEVERITIES: Readonly<Record<string, number>> = { error: 3, refused: 4, staged: 5 }

function messageOf({ orgId, settings, hostname }: SyslogParts, carried: Carried): string {
  const { record, pii } = carried
  const at = new Date(record.time).toISOString()
  const severity = SEVERITIES[record.result] ?? 6
  const head = header({ facility: settings.facility, severity, at, hostname, id: record.action })
  const text = settings.form === 'cef' ? cefLine(record, pii).trimEnd() : JSON.stringify(shownRecord(orgId, carried))
  // RFC 5424 §7.3.1: up to 2147483647, then from 1 on.
  return `${head} [meta sequenceId="${((record.seq - 1) % 2_147_483_647) + 1}"] ${text}`
}

interface Header {
  readonly facility: number
  readonly severity: number
  readonly at: string
  readonly hostname: string
  readonly id: string
}

function header({ facility, severity, at, hostname, id }: Header): string {
  const name = hostname.replace(/[^\x21-\x7e]/g, '').slice(0, 255) || '-'
  return `<${facility * 8 + severity}>1 ${at} ${name} rollcall - ${id.slice(0, MAX_MSGID)}`
}

function handOver(settings: SyslogSettings, address: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, tls, ca } = settings
    // RFC 6066 §3: an address is no server name; the certificate is held against it all the same.
    const named = isIP(host) === 0 ? { servername: host } : {}
    const socket: Socket = tls
      ? connectTls({ host: address, port, ...named, ...(ca === undefined ? {} : { ca }) })
      : connectTcp({ host: address, port })
    const fail = (error: Error): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      socket.destroy()
      reject(error)
    }
    const stop = (): void => {
      fail(new Error('The gateway stops'))
    }
    const timer = setTimeout(() => {
      fail(new Error(`${host}:${port} did not take the records, and close, within ${LIMIT_MS} ms`))
    }, LIMIT_MS)
    signal.addEventListener('abort', stop)
    let [isReady, isWritten, isEnded] = [false, false, false]
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      isReady = true
      socket.end(bytes, () => {
        isWritten = true
      })
    })
    socket.on('error', (error) => {
      fail(new Error(`${host}:${port}: ${error.message}`))
    })
    socket.on('end', () => {
      isEnded = true
    })
    socket.resume()
    socket.once('close', () => {
      if (isReady && isWritten && isEnded) {
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        resolve()
      } else fail(new Error(`${host}:${port} closed before it had all records`))
    })
  })
}
