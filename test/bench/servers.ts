import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Directory } from './directory.ts'
import { keptDirectory } from './kept-directory.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Ticks a second of the times in /proc (sysconf(_SC_CLK_TCK), 100 wherever Node runs). */
const TICKS = 100

/** A server process that is measured. */
export interface Server {
  /** `unlogged` is the gateway whose units of work leave no record. */
  readonly name: 'gateway' | 'bare' | 'unlogged'
  readonly port: number
  readonly token: string
  /** CPU milliseconds used so far, user and system; NaN where there is no /proc. */
  cpuMs(): number
  /** Resident memory now and at its highest, MiB; NaN where there is no /proc. */
  memory(): { readonly now: number; readonly peak: number }
  /** How long its event loop was held at most since this was asked last, milliseconds. */
  longestHoldMs(): Promise<number>
  stop(): Promise<void>
}

export interface Bench {
  readonly gateway: Server
  readonly bare: Server
  /** Absent beside directories that are too large to be copied. */
  readonly unlogged: Server | undefined
  /** What commands of the gateway's store are run with. */
  readonly env: Readonly<Record<string, string>>
  /** Key of the admin API. */
  readonly adminKey: string
  /** Stops the gateway, if it runs, and serves its store by a process that did nothing yet. */
  serveAnew(): Promise<Server>
  readonly directory: Directory
  readonly buildSeconds: number
}

export interface BenchOptions {
  readonly dir: string
  readonly users: number
  /** The built gateway: `dist/src/main.js`. */
  readonly main: string
  readonly logLevel: string
  /** Arguments of Node for the gateway, such as `--cpu-prof`. */
  readonly nodeArgs: readonly string[]
  /** What each sync of a file takes more than this machine's disk does, milliseconds. */
  readonly syncMs: number
}

/** People in the largest directory that is copied for a gateway without records. */
const MOST_COPIED = 100_000

/** A directory of that many people in stores of their own, each served by a process of its own. */
export async function startBench(options: BenchOptions): Promise<Bench> {
  const adminKey = `bench-${randomBytes(24).toString('hex')}`
  const dataDir = join(options.dir, 'gateway')
  const kept = keptDirectory(options.dir, options.users)
  const { token, masterKey } = kept
  const env = {
    ROLLCALL_DATA_DIR: dataDir,
    ROLLCALL_BOOTSTRAP_SCIM_TOKEN: token,
    ROLLCALL_BOOTSTRAP_ADMIN_KEY: adminKey,
    ROLLCALL_MASTER_KEY: masterKey.toString('hex'),
    LOG_LEVEL: options.logLevel,
  }
  const serve = (nodeArgs: readonly string[]): Promise<Server> =>
    start({ name: 'gateway', token, args: [...nodeArgs, options.main, 'serve'], env })
  const unloggedDir = join(options.dir, 'unlogged')
  // Makes the store, or brings one that an earlier build made up to date.
  await (await serve([])).stop()
  const started = performance.now()
  const directory = kept.fill(dataDir)
  const buildSeconds = (performance.now() - started) / 1_000
  const bareFile = join(options.dir, 'bare', 'rollcall.db')
  mkdirSync(join(options.dir, 'bare'), { recursive: true })
  if (!existsSync(bareFile)) cpSync(join(dataDir, 'rollcall.db'), bareFile)
  const isCopied = options.users <= MOST_COPIED
  rmSync(unloggedDir, { recursive: true, force: true })
  if (isCopied) cpSync(dataDir, unloggedDir, { recursive: true })
  const disk = options.syncMs === 0 ? {} : slowDisk(options.dir, options.syncMs)
  Object.assign(env, disk)
  const gateway = await serve(options.nodeArgs)
  const bare = await start({
    name: 'bare',
    token,
    args: ['--import', 'tsx', join(HERE, 'bare.ts'), bareFile],
    env: disk,
  })
  const unlogged = isCopied
    ? await start({
        name: 'unlogged',
        token,
        args: ['--import', join(HERE, 'unlogged.mjs'), options.main, 'serve'],
        env: { ...env, ROLLCALL_DATA_DIR: unloggedDir, BENCH_CHAIN_WRITER: chainWriterOf(options.main) },
      })
    : undefined
  const serveAnew = async (): Promise<Server> => {
    await gateway.stop()
    return serve([])
  }
  return { gateway, bare, unlogged, env, adminKey, serveAnew, directory, buildSeconds }
}

/** The module of the build whose records are left out. */
function chainWriterOf(main: string): string {
  return join(dirname(main), 'storage', 'chain-writer.js')
}

/** The environment in which a process waits at each sync of a file. Wants a C compiler. */
function slowDisk(dir: string, syncMs: number): Readonly<Record<string, string>> {
  const library = join(dir, 'slow-sync.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, join(HERE, 'slow-sync.c'), '-ldl'], {
    stdio: 'inherit',
  })
  return { LD_PRELOAD: library, BENCH_SYNC_MS: String(syncMs) }
}

interface StartOptions {
  readonly name: Server['name']
  readonly token: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

async function start({ name, token, args, env }: StartOptions): Promise<Server> {
  const port = await freePort()
  const probed = ['--import', join(HERE, 'loop-probe.mjs'), ...args]
  const all = name === 'bare' ? [...probed, String(port)] : probed
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, all, {
    env: { PATH, HOME, PORT: String(port), NODE_ENV: 'production', ...env },
    // What is logged is written out as in production, to where nothing waits for it.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await ready(child, port, token)
  return {
    name,
    port,
    token,
    cpuMs: () => cpuMs(child.pid!),
    memory: () => memoryOf(child.pid!),
    longestHoldMs: () =>
      new Promise((resolve) => {
        child.once('message', ({ holdMs }: { readonly holdMs: number }) => resolve(holdMs))
        child.send('hold')
      }),
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) return resolve()
        child.once('close', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

/** A port that nothing listens on. Test support has the same, tied to the test runner. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function ready(child: ChildProcess, port: number, token: string): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const headers = { Authorization: `Bearer ${token}` }
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { headers }).catch(() => undefined)
    if (answer?.status === 200) return
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error('A server did not become ready')
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** CPU milliseconds a process used so far, user and system; NaN where there is no /proc. */
export function cpuMs(pid: number): number {
  const stat = proc(`/proc/${pid}/stat`)
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS
}

/** Resident memory of a process now and at its highest, MiB; NaN where there is no /proc. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = proc(`/proc/${pid}/status`)
  const mib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
  return { now: mib('VmRSS'), peak: mib('VmHWM') }
}

function proc(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
