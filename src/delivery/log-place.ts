import { isAsked, type AskedRecords } from '../audit/log-query.ts'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { LogPosition } from '../domain/sink.ts'

/**
 * Where a reader of the log stands: behind the record of that seq. The beginning of its hash tells whether the log still
 * goes on from what was read; it is empty before the first record, and where the reader named a seq alone.
 */
export interface LogPlace extends LogPosition {
  /** The first 32 hex characters. */
  readonly hash: string
}

/** Before the first record. */
export const BEGINNING: LogPlace = { epoch: 0, seq: 0, hash: '' }

/** What a reader gets in one go. */
export interface LogPage {
  /** Those that were asked for. */
  readonly records: readonly StoredRecord[]
  /** Behind all that was looked at. */
  readonly place: LogPlace
  /** Whether more records follow already. */
  readonly more: boolean
}

/** The log does not go on from where a reader stands: it was put back to an earlier copy, or its beginning was purged. */
export interface DeadPlace {
  /** The last record of what was read that is still part of the log, or from which on it is there. */
  readonly fork: LogPlace
  readonly reason: 'log.forked' | 'log.purged'
}

/** Records looked at for one page, however few of them are asked for. */
const MOST_SCANNED = 2_000

/** Reads on from a place: at most `limit` records of a query. */
export async function readOn(
  reads: RecordReads,
  orgId: OrgId,
  from: LogPlace,
  { query, limit }: { readonly query: AskedRecords; readonly limit: number },
): Promise<LogPage | DeadPlace> {
  const head = await reads.head(orgId)
  if (head === undefined) return { records: [], place: from, more: false }
  const isAll = query.about === undefined && query.action === undefined
  const most = isAll ? limit : MOST_SCANNED
  // With the record it stands behind, by which its branch is known.
  const found = await reads.page(orgId, from.seq - 1, head.seq, most + 1)
  const [first] = found
  const dead = await deadPlace(reads, orgId, from, first)
  if (dead !== undefined) return dead
  const records = found.filter((record) => record.seq > from.seq && isAsked(query, record))
  const shown = records.slice(0, limit)
  const last = records.length > shown.length ? shown.at(-1) : found.at(-1)
  const place = last === undefined ? from : placeOf(last)
  return { records: shown, place, more: place.seq < head.seq }
}

/** The place behind a record. */
export function placeOf({ epoch, seq, hash }: Pick<StoredRecord, 'epoch' | 'seq' | 'hash'>): LogPlace {
  return { epoch, seq, hash: hashStart(hash) }
}

function hashStart(hash: Uint8Array): string {
  return Buffer.from(hash.subarray(0, 16)).toString('hex')
}

/** @param first the record of the reader's place, or the first that there is behind it */
async function deadPlace(
  reads: RecordReads,
  orgId: OrgId,
  from: LogPlace,
  first: StoredRecord | undefined,
): Promise<DeadPlace | undefined> {
  if (from.seq === 0) return undefined
  if (first !== undefined && first.seq > from.seq + 1) {
    return { fork: { epoch: first.epoch, seq: first.seq - 1, hash: '' }, reason: 'log.purged' }
  }
  const isThere = first?.seq === from.seq
  // The record right behind it is there, and it itself was purged: it cannot be looked at any more.
  if (first !== undefined && !isThere) return undefined
  if (isThere && (from.hash === '' || hashStart(first.hash) === from.hash)) return undefined
  return { fork: await forkPoint(reads, orgId, from), reason: 'log.forked' }
}

/** The last record before the first epoch that began after the reader's: what it read up to there is still so. */
async function forkPoint(reads: RecordReads, orgId: OrgId, { epoch, seq }: LogPlace): Promise<LogPlace> {
  const begun = (
    await Promise.all(['log.fork', 'log.restore'].map((action) => reads.ofAction(orgId, action, 1_000)))
  ).flat()
  const later = begun.filter((record) => record.epoch > epoch)
  const first = Math.min(...later.map((record) => record.seq))
  const last = Number.isFinite(first) ? first - 1 : Math.min(seq - 1, (await reads.head(orgId))?.seq ?? 0)
  const [record] = last < 1 ? [] : await reads.page(orgId, last - 1, last, 1)
  return record === undefined ? BEGINNING : placeOf(record)
}
