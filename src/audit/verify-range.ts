import type { ChainReads, LinkedRecord } from '../domain/ports.ts'
import type { OrgId } from '../domain/ids.ts'
import { contentHashHex, linkHashHex } from './chain.ts'
import type { Finding } from './finding.ts'
import { differingColumn } from './record-columns.ts'

/** Where a chain stands; `hash` in lower-case hex. */
export interface ChainPlace {
  readonly epoch: number
  readonly seq: number
  readonly time: number
  readonly hash: string
}

/** Before the first record of a chain that nothing was taken from. */
export const GENESIS_PLACE: ChainPlace = { epoch: 0, seq: 0, time: 0, hash: '0'.repeat(64) }

/** A stretch of a chain: the records after a place, up to a seq. */
export interface RangeRequest {
  readonly orgId: OrgId
  /** The first record must continue it. */
  readonly from: ChainPlace
  /** Whether records may be at or below `from`, which then is a finding: so for the beginning of a chain. */
  readonly fromBelow: boolean
  readonly upTo: number
  /** Whether the search columns are compared with the body. */
  readonly columns: boolean
  /** Seqs at which checkpoints are to be compared, ascending. */
  readonly marked: readonly number[]
  /** Records read at a time. */
  readonly pageSize: number
}

/** A record that fits the chain and that something depends on. */
export interface PassedRecord extends ChainPlace {
  readonly action: string
  /** Of what is no checkpoint's place alone; else empty. */
  readonly body: string
}

export interface RangeReport {
  /** The last record that fits. */
  readonly last: ChainPlace
  /** Records that fit. */
  readonly records: number
  readonly finding: Finding | undefined
  /** Those at marked seqs, and those that change who signs, which branch it is, or where the chain begins. */
  readonly passed: readonly PassedRecord[]
}

/** A stretch that continues what is stored at a seq. */
export interface StretchRequest extends Omit<RangeRequest, 'from'> {
  readonly after: number
}

/** Actions that the reading of a chain depends on. */
const TELLING = new Set(['log.fork', 'log.restore', 'log.key', 'log.purge'])

/** Recomputes a stretch of a chain page by page, and stops at the first record that does not fit. */
export async function verifyRange(
  reads: ChainReads,
  request: RangeRequest,
  onPage?: (records: number) => void,
): Promise<RangeReport> {
  const { orgId, from, upTo, pageSize } = request
  const walk: Walk = { ...request, last: from, records: 0, nextMark: 0, finding: undefined, passed: [] }
  // From below what is asked for, so that a record slipped in before the first is seen too.
  let after = request.fromBelow ? Number.MIN_SAFE_INTEGER : from.seq
  while (after < upTo) {
    const page = await reads.links(orgId, after, upTo, pageSize)
    if (page.length === 0) break
    walkPage(walk, page)
    onPage?.(walk.records)
    if (walk.finding !== undefined) break
    after = walk.last.seq
  }
  const { last, records, finding, passed } = walk
  return { last, records, finding, passed }
}

/**
 * Recomputes a stretch that continues the record stored at its beginning, whose own place in the chain is the stretch
 * before's to check.
 * @returns undefined where nothing is stored there
 */
export async function verifyStretch(reads: ChainReads, request: StretchRequest): Promise<RangeReport | undefined> {
  const { after, orgId } = request
  if (after === 0) return verifyRange(reads, { ...request, from: GENESIS_PLACE })
  const [before] = await reads.links(orgId, after - 1, after, 1)
  return before && verifyRange(reads, { ...request, from: placeOf(before) })
}

interface Walk extends Pick<RangeRequest, 'orgId' | 'columns' | 'marked'> {
  last: ChainPlace
  records: number
  nextMark: number
  finding: Finding | undefined
  readonly passed: PassedRecord[]
}

function walkPage(walk: Walk, page: readonly LinkedRecord[]): void {
  for (const record of page) {
    walk.finding = checkRecord(walk, record)
    if (walk.finding !== undefined) return
    pass(walk, record)
    walk.last = record
    walk.records++
  }
  // Not the record itself: its text would outlive its page.
  walk.last = placeOf(walk.last)
}

export function placeOf({ epoch, seq, time, hash }: ChainPlace): ChainPlace {
  return { epoch, seq, time, hash }
}

function pass(walk: Walk, { epoch, seq, time, hash, action, body }: LinkedRecord): void {
  const { marked } = walk
  const isTelling = TELLING.has(action)
  const isMarked = walk.nextMark < marked.length && marked[walk.nextMark]! <= seq
  if (!isTelling && !isMarked) return
  while (walk.nextMark < marked.length && marked[walk.nextMark]! <= seq) walk.nextMark++
  walk.passed.push({ epoch, seq, time, hash, action, body: isTelling ? body : '' })
}

function checkRecord({ orgId, last, columns }: Walk, record: LinkedRecord): Finding | undefined {
  const { seq, time, contentHash } = record
  if (seq <= last.seq) return { seq, kind: 'duplicate' }
  if (seq !== last.seq + 1) return { seq: last.seq + 1, kind: 'gap' }
  if (time < last.time) return { seq, kind: 'time went back' }
  if (contentHashHex(record.body) !== contentHash) return { seq, kind: 'body edited' }
  if (!continues(orgId, last, record)) return { seq, kind: 'link broken' }
  const column = columns ? differingColumn(orgId, record) : undefined
  return column === undefined ? undefined : { seq, kind: 'column differs', column }
}

function continues(orgId: OrgId, last: ChainPlace, { epoch, seq, time, contentHash, hash }: LinkedRecord): boolean {
  // A column edited into something else than an integer never was part of a link.
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(time) || epoch < last.epoch) return false
  return linkHashHex({ org: orgId, epoch, seq, time, prev: last.hash, contentHash }) === hash
}
