import type { RecordReads } from '../domain/ports.ts'
import type { Sink } from '../domain/sink.ts'

/** How far a receiver is behind the end of the log. */
export interface SinkLag {
  readonly records: number
  /** Age of the first record that is not done with; 0 where there is none. */
  readonly seconds: number
}

/** @param now epoch milliseconds */
export async function sinkLag(reads: RecordReads, { orgId, progress }: Sink, now: number): Promise<SinkLag> {
  const head = (await reads.head(orgId))?.seq ?? 0
  const records = Math.max(0, head - progress.acked.seq)
  const [first] = records === 0 ? [] : await reads.page(orgId, progress.acked.seq, head, 1)
  return { records, seconds: first === undefined ? 0 : Math.max(0, Math.floor((now - first.time) / 1_000)) }
}
