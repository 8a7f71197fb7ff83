import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { memoryOf } from './servers.ts'

/** What `rollcall log verify` took for all records of a store, columns compared too. */
export interface VerifyResult {
  readonly records: number
  /** From the start of the process to its end. */
  readonly seconds: number
  readonly perSecond: number
  /** Resident memory at its highest, MiB; NaN where there is no /proc. */
  readonly peakMiB: number
}

const SAMPLE_MS = 20

/** Verifies a store that nothing writes to, in a process of its own. */
export async function measureVerify(main: string, env: Readonly<Record<string, string>>): Promise<VerifyResult> {
  const began = performance.now()
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [main, 'log', 'verify', '--json'], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  let peakMiB = Number.NaN
  const sampling = setInterval(() => {
    const { peak } = memoryOf(child.pid!)
    if (!Number.isNaN(peak)) peakMiB = peak
  }, SAMPLE_MS)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(sampling)
  const seconds = (performance.now() - began) / 1_000
  if (code !== 0) throw new Error(`log verify ended with ${code}: ${text.slice(0, 500)}`)
  const records = (JSON.parse(text) as readonly { readonly records: number }[]).reduce(
    (sum, one) => sum + one.records,
    0,
  )
  return { records, seconds, perSecond: records / seconds, peakMiB }
}
