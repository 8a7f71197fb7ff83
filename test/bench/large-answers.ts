import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { Directory } from './directory.ts'
import { Connection } from './http-client.ts'
import { type Latency, latencyOf } from './measure.ts'
import { userNameOf } from './person.ts'
import type { Server } from './servers.ts'

/** What a streamed answer of the admin API took. */
export interface StreamResult {
  readonly firstByteMs: number
  readonly seconds: number
  readonly bytes: number
  /** Resident memory of the gateway at its highest meanwhile, MiB. */
  readonly peakMiB: number
}

/** What admins ask of a whole directory, of a gateway that did nothing else before. */
export interface LargeAnswers {
  /** Finding one person by a part of the userName. */
  readonly searchOne: Latency
  /** The first page of a search that fits everybody, with its total. */
  readonly searchAll: Latency
  readonly usersCsv: StreamResult & { readonly rows: number }
  /** Absent in directories of less than 100,000 people. */
  readonly preview?: StreamResult & { readonly touched: number; readonly progressLines: number }
}

const SEARCHES = 50
const SAMPLE_MS = 20
/** Members of the group whose rule is previewed. */
const PREVIEWED = 100_000

/** Asks a gateway for what is as large as its directory. */
export async function measureLargeAnswers(
  server: Server,
  adminKey: string,
  directory: Directory,
): Promise<LargeAnswers> {
  const people = directory.users.length
  const searchOne = await searches(server, adminKey, (i) => userNameOf((i * 7_919) % people).split('@')[0]!)
  const searchAll = await searches(server, adminKey, () => 'bench')
  let lines = 0
  const csv = await streamed(server, adminKey, { path: '/api/v1/users.csv' }, () => (lines += 1))
  // The first line names the columns.
  const usersCsv = { ...csv, rows: lines - 1 }
  if (!directory.sized.has(PREVIEWED)) return { searchOne, searchAll, usersCsv }
  return { searchOne, searchAll, usersCsv, preview: await previewed(server, adminKey) }
}

async function searches(server: Server, adminKey: string, text: (i: number) => string): Promise<Latency> {
  const connection = new Connection(server.port, adminKey)
  const times: number[] = []
  for (let i = 0; i < SEARCHES; i++) {
    const path = `/api/v1/users?search=${encodeURIComponent(text(i))}`
    const { status, totalMs, text: body } = await connection.send({ method: 'GET', path })
    if (status !== 200) throw new Error(`People search was answered by ${status}: ${body.slice(0, 300)}`)
    times.push(totalMs)
  }
  connection.close()
  return latencyOf(times)
}

/** A new rule that makes everybody of the largest group an admin of a small team. */
async function previewed(server: Server, adminKey: string): Promise<NonNullable<LargeAnswers['preview']>> {
  const rule = {
    match: { kind: 'name', value: `sized-${PREVIEWED}` },
    grants: [{ team: 'small-0', role: 'admin' }],
  }
  const request = { path: '/api/v1/previews', body: { rule: { to: rule } } }
  let [progressLines, last] = [0, '']
  const result = await streamed(server, adminKey, request, (line) => {
    last = line
    if (line.includes('"type":"progress"')) progressLines += 1
  })
  const { touched } = JSON.parse(last) as { readonly touched: number }
  return { ...result, touched, progressLines }
}

interface StreamRequest {
  readonly path: string
  /** Sent by POST. */
  readonly body?: object
}

/** @param onLine told of each line of the answer, which is not kept */
async function streamed(
  server: Server,
  adminKey: string,
  { path, body }: StreamRequest,
  onLine: (line: string) => void,
): Promise<StreamResult> {
  let peakMiB = server.memory().now
  const sampling = setInterval(() => (peakMiB = Math.max(peakMiB, server.memory().now)), SAMPLE_MS)
  try {
    const started = performance.now()
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (answer.status !== 200) throw new Error(`${path} was answered by ${answer.status}: ${await answer.text()}`)
    let [firstByteMs, bytes] = [Number.NaN, 0]
    const pieces = Readable.fromWeb(answer.body as ReadableStream<Uint8Array>)
    pieces.on('data', (piece: Uint8Array) => {
      if (bytes === 0) firstByteMs = performance.now() - started
      bytes += piece.byteLength
    })
    for await (const line of createInterface({ input: pieces })) onLine(line)
    return { firstByteMs, seconds: (performance.now() - started) / 1_000, bytes, peakMiB }
  } finally {
    clearInterval(sampling)
  }
}
