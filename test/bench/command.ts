import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { cpuMs, memoryOf } from './servers.ts'

/** What a command took, from the start of its process to its end. */
export interface CommandRun {
  readonly text: string
  readonly seconds: number
  /** User and system; NaN where there is no /proc. */
  readonly cpuSeconds: number
  /** Resident memory at its highest, MiB; NaN where there is no /proc. */
  readonly peakMiB: number
}

const SAMPLE_MS = 20

/**
 * Runs `rollcall …` of a build in a process of its own.
 * @throws Error when it ends with another status than 0
 */
export async function runCommand(
  main: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandRun> {
  const began = performance.now()
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  let [peakMiB, cpu] = [Number.NaN, Number.NaN]
  const sampling = setInterval(() => {
    const [memory, used] = [memoryOf(child.pid!).peak, cpuMs(child.pid!)]
    if (!Number.isNaN(memory)) peakMiB = memory
    if (!Number.isNaN(used)) cpu = used
  }, SAMPLE_MS)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(sampling)
  const seconds = (performance.now() - began) / 1_000
  if (code !== 0) throw new Error(`${args.slice(0, 2).join(' ')} ended with ${code}: ${text.slice(0, 500)}`)
  return { text, seconds, cpuSeconds: cpu / 1_000, peakMiB }
}
