import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

/** A real syslog server on this machine that takes octet-counted frames (RFC 6587 §3.4.1) until the peer ends. */
export interface SyslogServer {
  readonly port: number
  /** Messages of connections that ended in order. */
  readonly messages: string[]
  /** `hang` reads nothing, `reset` breaks off after the first bytes. */
  behaviour: 'take' | 'hang' | 'reset'
  connections: number
  close(): Promise<void>
}

/** A certificate of localhost, signed by itself. */
export function makeCertificate(): { readonly key: string; readonly cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'rollcall-cert-'))
  try {
    const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    execFileSync('openssl', ['req', ...kind, ...names, ...files], { stdio: 'ignore' })
    return { key: readFileSync(join(dir, 'key.pem'), 'utf8'), cert: readFileSync(join(dir, 'cert.pem'), 'utf8') }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export async function openSyslogServer(
  tls?: { readonly key: string; readonly cert: string },
  host = '127.0.0.1',
): Promise<SyslogServer> {
  const sockets = new Set<Socket>()
  const take = (socket: Socket): void => {
    opened.connections += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    if (opened.behaviour === 'hang') {
      socket.pause()
      return
    }
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => {
      if (opened.behaviour === 'reset') socket.resetAndDestroy()
      else chunks.push(chunk)
    })
    socket.once('end', () => opened.messages.push(...framesOf(Buffer.concat(chunks))))
  }
  const server: Server = tls === undefined ? createServer(take) : createTlsServer(tls, take)
  server.listen(0, host)
  await once(server, 'listening')
  const opened: SyslogServer = {
    ...{ port: (server.address() as AddressInfo).port, messages: [], behaviour: 'take', connections: 0 },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return opened
}

function framesOf(bytes: Buffer): readonly string[] {
  const frames: string[] = []
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at)
    const length = Number(bytes.subarray(at, space).toString())
    if (!Number.isInteger(length) || length < 1) throw new Error(`No octet count at ${at}`)
    frames.push(bytes.subarray(space + 1, space + 1 + length).toString('utf8'))
    at = space + 1 + length
  }
  return frames
}
