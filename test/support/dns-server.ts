import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** What a zone says of a name: its TXT records, that it is not there, that the server failed, or nothing at all. */
export type ZoneAnswer = readonly string[] | 'nxdomain' | 'nodata' | 'servfail' | 'silent'

/** A real name server on loopback that knows TXT records alone (RFC 1035). */
export interface DnsServer {
  /** As ROLLCALL_DNS_SERVERS takes it. */
  readonly address: string
  /** What it says of each name; of any other that it is not there. */
  readonly zone: Map<string, ZoneAnswer>
  /** The names that were asked for, in order. */
  readonly asked: string[]
  close(): Promise<void>
}

export async function openDnsServer(): Promise<DnsServer> {
  const zone = new Map<string, ZoneAnswer>()
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { address, port }) => {
    const { name, end } = nameAt(query, 12)
    asked.push(name)
    const said = zone.get(name.toLowerCase()) ?? 'nxdomain'
    if (said === 'silent') return
    // The question with its type and class, as it was asked.
    socket.send(answer(query, query.subarray(12, end + 4), said), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    ...{ zone, asked },
    close: () =>
      new Promise((resolve) => {
        socket.close(resolve)
      }),
  }
}

const CODES = { nxdomain: 3, nodata: 0, servfail: 2 } as const

function answer(query: Buffer, question: Buffer, said: Exclude<ZoneAnswer, 'silent'>): Buffer {
  const texts = typeof said === 'string' ? [] : said
  const code = typeof said === 'string' ? CODES[said] : 0
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  // A response to a recursive query (§4.1.1).
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(texts.length, 6)
  return Buffer.concat([header, question, ...texts.map(txtRecord)])
}

/** Pieces of at most 255 bytes, each behind its length (§3.3.14). */
function txtRecord(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const pieces: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += 40) {
    const piece = bytes.subarray(at, at + 40)
    pieces.push(Buffer.from([piece.length]), piece)
  }
  const data = Buffer.concat(pieces)
  const head = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0])
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function nameAt(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}
