import type { Checkpoint } from '../domain/checkpoint.ts'
import type { OrgId } from '../domain/ids.ts'
import type { ChainReads, LinkedRecord, RecordReads } from '../domain/ports.ts'
import type { Purge } from '../domain/purge.ts'
import type { ChainHead } from '../domain/record.ts'
import { type AnchorReport, type Anchors, createAnchors, type PurgeClaim, purgeIn } from './anchors.ts'
import type { Finding } from './finding.ts'
import {
  type ChainPlace,
  GENESIS_PLACE,
  placeOf,
  type RangeReport,
  type RangeRequest,
  type StretchRequest,
  verifyRange,
} from './verify-range.ts'

// What is alive at a time is copied by each collection: more a page costs more than it saves.
const PAGE_SIZE = 60
/** Records that one thread checks at a time: a shorter chain is checked without any. */
export const STRETCH = 20_000

export interface VerifyReport {
  readonly orgId: OrgId
  /** The head as it stood when the check began; records written later are not part of it. */
  readonly head: ChainHead | undefined
  /** Records found whole, from the first on. */
  readonly records: number
  readonly intact: boolean
  readonly finding: Finding | undefined
  readonly checkpoints: AnchorReport
  /** What the log says of the purge it begins with; undefined for one that begins with its first record. */
  readonly purged: PurgeClaim | undefined
}

/** Checks stretches of chains beside one another, each on a thread of its own. */
export interface RangeThreads {
  /** How many stretches are worth being asked for at once. */
  readonly count: number
  verify(stretch: StretchRequest): Promise<RangeReport | undefined>
}

export interface VerifyOptions {
  /** Records per page. Default 60. */
  readonly pageSize?: number
  /** Whether the search columns are compared with the body. Default true; without it the check is a third faster. */
  readonly columns?: boolean
  /** The org's checkpoints, from the store and from outside. */
  readonly checkpoints?: readonly Checkpoint[]
  /** Ids of keys known from outside to be the deployment's; without any, whose the signatures are stays open. */
  readonly trusted?: readonly string[]
  /** Told now and then how many records were checked. */
  readonly onPage?: (records: number) => void
  /** What checks a long chain in stretches; without it one thread does all. */
  readonly threads?: RangeThreads | undefined
  /** Records in a stretch. Default 20,000. */
  readonly stretch?: number
}

/** What verification reads of the log. */
export type VerifyReads = ChainReads & Pick<RecordReads, 'head' | 'purged'>

/**
 * Recomputes an org's chain from its stored bytes, page by page up to the head read at the start, and stops at the first
 * record that does not fit. Removing the newest records together with the head row that named them, or rewriting the
 * whole chain, cannot be seen from inside the store: checkpoints kept outside show both.
 */
export async function verifyChain(
  reads: VerifyReads,
  orgId: OrgId,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { checkpoints = [], trusted = [] } = options
  const head = await reads.head(orgId)
  const { purge, start } = await beginningOf(reads, orgId)
  const anchors = createAnchors(checkpoints, trusted, start?.seq)
  const walk = walkFrom(start, { orgId, options, anchors, upTo: head?.seq ?? 0 })
  if (options.threads !== undefined) await walkBeside(walk, options.threads)
  const broken = await walkOn(walk, reads)
  const purged = walk.purges.find(({ upTo, hash }) => upTo === start?.seq && hash === start.hash)
  const inChain =
    (await checkBefore(reads, orgId, purge)) ??
    broken ??
    checkClaim(start, purged) ??
    checkHead(head, walk.last) ??
    (await checkBeyond(reads, orgId, walk.upTo))
  const finding = earlier(anchors.finding(walk.last, broken === undefined), inChain)
  const { records } = walk
  return { orgId, head, records, intact: finding === undefined, finding, checkpoints: anchors.report(), purged }
}

interface Beginning {
  readonly purge: Purge | undefined
  /** The record that a purged log begins at, if it is there. */
  readonly start: LinkedRecord | undefined
}

async function beginningOf(reads: VerifyReads, orgId: OrgId): Promise<Beginning> {
  const purge = await reads.purged(orgId)
  const [start] = purge === undefined ? [] : await reads.links(orgId, purge.upTo - 1, purge.upTo, 1)
  return { purge, start }
}

function walkFrom(start: LinkedRecord | undefined, walk: Pick<Walk, 'orgId' | 'options' | 'anchors' | 'upTo'>): Walk {
  if (start !== undefined) walk.anchors.pass(start)
  return { ...walk, last: start === undefined ? GENESIS_PLACE : placeOf(start), records: 0, purges: [] }
}

interface Walk {
  readonly orgId: OrgId
  readonly options: VerifyOptions
  readonly anchors: Anchors
  readonly upTo: number
  /** The last record known to fit, and how many do up to it. */
  last: ChainPlace
  records: number
  /** What records of purges say. */
  readonly purges: PurgeClaim[]
}

/** A finished purge leaves nothing before its record: what stands there was put there since. */
async function checkBefore(reads: VerifyReads, orgId: OrgId, purge: Purge | undefined): Promise<Finding | undefined> {
  if (purge?.done !== true) return undefined
  const [strange] = await reads.links(orgId, Number.MIN_SAFE_INTEGER, purge.upTo - 1, 1)
  return strange && { seq: strange.seq, kind: 'duplicate' }
}

/**
 * Takes the chain in stretches, several at a time, for as long as each is whole and ends where the next one began. What
 * is wrong is not told from here: the walk goes on before the first stretch that is not whole, record by record.
 */
async function walkBeside(walk: Walk, threads: RangeThreads): Promise<void> {
  const { stretch = STRETCH, onPage } = walk.options
  const pending: { readonly upTo: number; readonly report: Promise<RangeReport | undefined> }[] = []
  let asked = walk.last.seq
  const ask = (): void => {
    if (asked + stretch > walk.upTo) return
    const upTo = asked + stretch
    const asking = threads.verify({ ...settingsOf(walk, asked), after: asked, upTo })
    // A thread that cannot be had costs time only: who walks on alone meets what failed, if it is the store.
    pending.push({ upTo, report: asking.catch(() => undefined) })
    asked = upTo
  }
  for (let n = 0; n < threads.count; n++) ask()
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const report = await next.report
    if (report === undefined || report.finding !== undefined || report.last.seq !== next.upTo) return
    take(walk, report)
    onPage?.(walk.records)
    ask()
  }
}

/** From the last record known to fit to the head. */
async function walkOn(walk: Walk, reads: ChainReads): Promise<Finding | undefined> {
  const { last, records, upTo } = walk
  const request = { ...settingsOf(walk, last.seq), from: last, upTo }
  const report = await verifyRange(reads, request, (more) => walk.options.onPage?.(records + more))
  take(walk, report)
  return report.finding
}

function settingsOf({ orgId, options, anchors }: Walk, after: number): Omit<RangeRequest, 'from' | 'upTo'> {
  const { columns = true, pageSize = PAGE_SIZE } = options
  const fromBelow = after === 0
  const marked = fromBelow ? anchors.seqs : anchors.seqs.filter((seq) => seq > after)
  return { orgId, columns, pageSize, fromBelow, marked }
}

function take(walk: Walk, { last, records, passed }: RangeReport): void {
  for (const record of passed) {
    walk.anchors.pass(record)
    if (record.action === 'log.purge') walk.purges.push(...purgeIn(record.body))
  }
  walk.last = last
  walk.records += records
}

/** Whoever takes records away can note a purge, but not chain the record of one unseen. */
function checkClaim(start: ChainPlace | undefined, purged: PurgeClaim | undefined): Finding | undefined {
  return start === undefined || purged !== undefined ? undefined : { seq: 1, kind: 'gap' }
}

/** The one at the lower seq. What a checkpoint says is older than the chain's own contradiction at the same place. */
function earlier(a: Finding | undefined, b: Finding | undefined): Finding | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.seq < a.seq ? b : a
}

function checkHead(head: ChainHead | undefined, last: ChainPlace): Finding | undefined {
  if (head === undefined) return undefined
  if (head.seq !== last.seq) return { seq: last.seq + 1, kind: 'head mismatch' }
  const same =
    Buffer.from(head.hash).toString('hex') === last.hash &&
    (last.seq === 0 || (head.epoch === last.epoch && head.time === last.time))
  return same ? undefined : { seq: head.seq, kind: 'head mismatch' }
}

/** A head set back hides the records after it: they are there although no newer head names them. */
async function checkBeyond(reads: VerifyReads, orgId: OrgId, upTo: number): Promise<Finding | undefined> {
  const [beyond] = await reads.links(orgId, upTo, Number.MAX_SAFE_INTEGER, 1)
  if (beyond === undefined) return undefined
  const headNow = await reads.head(orgId)
  return headNow === undefined || headNow.seq < beyond.seq ? { seq: beyond.seq, kind: 'head mismatch' } : undefined
}
