import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/postgres.ts'

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

interface StartOptions {
  readonly name: Server['name']
  readonly token: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Starts a process and waits until it is ready. */
export async function startServer({ name, token, args, env }: StartOptions): Promise<Server> {
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
