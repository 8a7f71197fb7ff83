import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from './command.ts'
import { latencyOf } from './measure.ts'
import type { WritersResult } from './org-writers.ts'
import { asked, type PostgresStores } from './postgres-stores.ts'

const SCRIPT = join(fileURLToPath(new URL('.', import.meta.url)), 'org-writers.ts')
const SECONDS = 5
const WRITERS = 16

/** What writers of one org got, milliseconds from asking until a change was durable. */
export interface WritersLoad {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** Sixteen writers of one org on PostgreSQL, without HTTP. */
export interface OneOrgResult {
  /** All of them in one process, whose changes commit together. */
  readonly oneProcess: WritersLoad
  /** Eight each in two processes, which wait for each other's transactions. */
  readonly twoProcesses: WritersLoad
  readonly deadlocks: number
}

/** Lets them write into a database of their own for some seconds. */
export async function measureOneOrg(main: string, { cluster }: PostgresStores): Promise<OneOrgResult> {
  await asked(cluster.url('postgres'), 'CREATE DATABASE writers')
  const env = { DATABASE_URL: cluster.url('writers'), BENCH_KEY: randomBytes(32).toString('hex') }
  await runCommand(main, ['migrate'], { ...env, ROLLCALL_MASTER_KEY: env.BENCH_KEY, LOG_LEVEL: 'silent' })
  const alone = { ...env, BENCH_ORG: 'alone' }
  const oneProcess = loadOf([await write(WRITERS, alone)])
  const shared = { ...env, BENCH_ORG: 'shared' }
  // Both find the org that somebody made before.
  await write(1, shared, 0)
  const halves = [1, 2].map(() => write(WRITERS / 2, shared))
  const twoProcesses = loadOf(await Promise.all(halves))
  const counted = `SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = 'writers'`
  const [row] = await asked<{ readonly n: number }>(cluster.url('postgres'), counted)
  return { oneProcess, twoProcesses, deadlocks: row!.n }
}

function loadOf(results: readonly WritersResult[]): WritersLoad {
  const { p50, p99 } = latencyOf(results.flatMap(({ times }) => times))
  return { perSecond: results.reduce((sum, { changes, seconds }) => sum + changes / seconds, 0), p50, p99 }
}

async function write(
  writers: number,
  env: Readonly<Record<string, string>>,
  seconds = SECONDS,
): Promise<WritersResult> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, String(writers), String(seconds)], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`The writers of one org ended with ${code}`)
  return JSON.parse(text) as WritersResult
}
