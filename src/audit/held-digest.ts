import { createHash } from 'node:crypto'
import type { AccessPeriod, HistoryReads } from '../domain/history-ports.ts'
import type { OrgId } from '../domain/ids.ts'
import { pagesOf } from './report.ts'

/** What everybody held at a place of the log, in short. */
export interface HeldDigest {
  readonly count: number
  /** SHA-256 in hex over a line of JSON for each: person, kind, target, value, from which record and time on. */
  readonly sha256: string
}

/** Seals who had what right after a record, so that a history cut off before it can still be held against the log. */
export async function heldDigest(
  history: Pick<HistoryReads, 'heldAt'>,
  orgId: OrgId,
  seq: number,
): Promise<HeldDigest> {
  const hash = createHash('sha256')
  let count = 0
  const of = { everybody: true } as const
  const pages = pagesOf((after: AccessPeriod | undefined, limit) => history.heldAt(orgId, seq, { of, after, limit }))
  for await (const page of pages) {
    for (const { user, kind, target, value, fromSeq, from } of page) {
      hash.update(`${JSON.stringify([user, kind, target, value, fromSeq, from])}\n`)
    }
    count += page.length
  }
  return { count, sha256: hash.digest('hex') }
}
