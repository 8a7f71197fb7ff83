import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'

/** Records read at a time. */
const PAGE = 500

/** Which records of an org: all of them, where nothing is named. */
export interface LogQuery {
  /** Not earlier than, epoch milliseconds. */
  readonly from?: number
  /** Earlier than, epoch milliseconds. */
  readonly to?: number
  /** An id that the record mentions anywhere. */
  readonly about?: string
  /** An action, or the thing before its dot: `user.create`, `user`. */
  readonly action?: string
}

/** The same without a time. */
export interface AskedRecords {
  readonly about?: string | undefined
  readonly action?: string | undefined
}

/** Seqs of a query's records: (after, upTo]. */
export interface LogRange {
  readonly after: number
  readonly upTo: number
}

/**
 * Where a query's time range lies in the log as it stands now.
 * @throws DomainError `invalid-value` for a range turned round
 */
export async function rangeOf(reads: RecordReads, orgId: OrgId, { from, to }: LogQuery): Promise<LogRange> {
  if (from !== undefined && to !== undefined && from >= to) {
    throw new DomainError('invalid-value', 'The time range ends before it begins: from must be earlier than to', {
      params: { path: '/to' },
    })
  }
  const head = (await reads.head(orgId))?.seq ?? 0
  const after = from === undefined ? ((await reads.purged(orgId))?.upTo ?? 0) : await reads.seqAt(orgId, from - 1)
  const upTo = to === undefined ? head : Math.min(head, await reads.seqAt(orgId, to - 1))
  return { after, upTo }
}

/** Whether a record is of the query, its time aside. */
export function isAsked({ about, action }: AskedRecords, record: Pick<StoredRecord, 'action' | 'body'>): boolean {
  if (action !== undefined && record.action !== action && !record.action.startsWith(`${action}.`)) return false
  // Ids are random, so wherever one stands in the text, the record speaks of it.
  return about === undefined || record.body.includes(about)
}

/** The records of a range, a page at a time: nothing is held but the page, whatever is written meanwhile. */
export async function* pagesOf(
  reads: RecordReads,
  orgId: OrgId,
  { after, upTo }: LogRange,
): AsyncGenerator<readonly StoredRecord[]> {
  for (let seq = after; seq < upTo;) {
    const page = await reads.page(orgId, seq, upTo, PAGE)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    seq = last.seq
  }
}
