import { runCommand } from './command.ts'

/** What `rollcall log verify` took for all records of a store, columns compared too. */
export interface VerifyResult {
  readonly records: number
  /** From the start of the process to its end. */
  readonly seconds: number
  readonly perSecond: number
  /** Resident memory at its highest, MiB; NaN where there is no /proc. */
  readonly peakMiB: number
}

/** Verifies a store that nothing writes to, in a process of its own. */
export async function measureVerify(main: string, env: Readonly<Record<string, string>>): Promise<VerifyResult> {
  const { text, seconds, peakMiB } = await runCommand(main, ['log', 'verify', '--json'], env)
  const records = (JSON.parse(text) as readonly { readonly records: number }[]).reduce(
    (sum, one) => sum + one.records,
    0,
  )
  return { records, seconds, perSecond: records / seconds, peakMiB }
}
