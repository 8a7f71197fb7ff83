import type { Case } from './cases.ts'
import { Connection } from './http-client.ts'
import type { Server } from './servers.ts'

/** Milliseconds of one client's requests, each after the one before. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What 16 clients got in a slice of time, and what it cost the server. */
export interface Load {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuMs: number
  /** Longest wait for `/livez` meanwhile, milliseconds: what was asked before it is answered first. */
  readonly livezMs: number
  /** How long the event loop was held at most meanwhile, milliseconds. */
  readonly holdMs: number
}

export type NextIndex = (server: Server, name: string) => number

const CLIENTS = 16
const LIVEZ_EVERY_MS = 10
const IDLE_WINDOW_MS = 150
const IDLE_SHARE = 0.1

/**
 * Waits until a server has nothing to do, so that a case is not measured beside the jobs that the one before began: ten
 * thousand members make a job of seconds.
 * @throws Error after two minutes
 */
export async function untilIdle(server: Server): Promise<void> {
  const deadline = performance.now() + 120_000
  for (let before = server.cpuMs(); performance.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_WINDOW_MS))
    const now = server.cpuMs()
    // Also where nothing is known of it.
    if (!(now - before > IDLE_WINDOW_MS * IDLE_SHARE)) return
    before = now
  }
  throw new Error(`${server.name} is still busy after two minutes without requests`)
}

/** A case and a server that answers it. */
export interface Asked {
  readonly it: Case
  readonly server: Server
}

/**
 * Asks one request after the other, of what is to be compared in turns: a machine that is slower for a while is so for all
 * of it.
 * @param count requests of each
 * @returns the milliseconds of each request, by what was asked
 */
export async function askInTurns(
  asked: readonly Asked[],
  count: (it: Case) => number,
  next: NextIndex,
): Promise<readonly (readonly number[])[]> {
  const connections = asked.map(({ server }) => new Connection(server.port, server.token))
  const times = asked.map((): number[] => [])
  try {
    const most = Math.max(...asked.map(({ it }) => count(it)))
    const turns = Array.from({ length: most }, (_, k) => [...asked.entries()].filter(([, { it }]) => k < count(it)))
    for (const [at, one] of turns.flat()) times[at]!.push(await askOnce(connections[at]!, one, next))
  } finally {
    for (const connection of connections) connection.close()
  }
  return times
}

/** @returns milliseconds */
async function askOnce(connection: Connection, { it, server }: Asked, next: NextIndex): Promise<number> {
  const i = next(server, it.name)
  if (it.before !== undefined) await connection.send(it.before(i))
  const answer = await connection.send(it.request(i))
  if (answer.status !== it.status) throw unexpected(server, it, answer)
  if (it.after !== undefined) await connection.send(it.after(i))
  return it.time === 'first byte' ? answer.firstByteMs : answer.totalMs
}

/** Asks over 16 connections at once for a slice of time. */
export async function askTogether(server: Server, it: Case, seconds: number, next: NextIndex): Promise<Load> {
  const connections = Array.from({ length: CLIENTS }, (_, k) => {
    return new Connection(server.port, it.tokens?.[k % it.tokens.length] ?? server.token)
  })
  const times: number[] = []
  await server.longestHoldMs()
  const cpuBefore = server.cpuMs()
  const started = performance.now()
  const until = started + seconds * 1_000
  const client = async (connection: Connection): Promise<void> => {
    while (performance.now() < until) {
      const answer = await connection.send(it.request(next(server, it.name)))
      if (answer.status !== it.status) throw unexpected(server, it, answer)
      times.push(answer.totalMs)
    }
  }
  try {
    const [livezMs] = await Promise.all([watchLivez(server, until), ...connections.map(client)])
    const elapsed = (performance.now() - started) / 1_000
    const { p50, p99 } = latencyOf(times)
    const cpuMs = (server.cpuMs() - cpuBefore) / times.length
    const holdMs = await server.longestHoldMs()
    return { perSecond: times.length / elapsed, p50, p99, cpuMs, livezMs, holdMs }
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function watchLivez(server: Server, until: number): Promise<number> {
  const connection = new Connection(server.port, server.token)
  let longest = 0
  while (performance.now() < until) {
    const { totalMs } = await connection.send({ method: 'GET', path: '/livez' })
    longest = Math.max(longest, totalMs)
    await new Promise((resolve) => setTimeout(resolve, LIVEZ_EVERY_MS))
  }
  connection.close()
  return longest
}

export function latencyOf(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

export function median(values: readonly number[]): number {
  return latencyOf(values).p50
}

function unexpected(server: Server, it: Case, answer: { readonly status: number; readonly text: string }): Error {
  return new Error(`${it.name}: ${server.name} answered ${answer.status}: ${answer.text.slice(0, 300)}`)
}
