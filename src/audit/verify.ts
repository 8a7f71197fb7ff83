import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { ChainHead } from '../domain/record.ts'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { type AnchorReport, type Anchors, createAnchors } from './anchors.ts'
import type { Finding } from './finding.ts'
import { contentHashOf, GENESIS_HASH, linkHash, sameHash } from './chain.ts'

const PAGE_SIZE = 2000

export interface VerifyReport {
  readonly orgId: OrgId
  /** The head as it stood when the check began; records written later are not part of it. */
  readonly head: ChainHead | undefined
  /** Records found whole, from the first on. */
  readonly records: number
  readonly intact: boolean
  readonly finding: Finding | undefined
  readonly checkpoints: AnchorReport
}

export interface VerifyOptions {
  /** Records per page. Default 2,000. */
  readonly pageSize?: number
  /** Whether the search columns are compared with the body. Default true; without it the check is a fifth faster. */
  readonly columns?: boolean
  /** The org's checkpoints, from the store and from outside. */
  readonly checkpoints?: readonly Checkpoint[]
  /** Ids of keys known from outside to be the deployment's; without any, whose the signatures are stays open. */
  readonly trusted?: readonly string[]
  /** Told after each page how many records were checked. */
  readonly onPage?: (records: number) => void
  /** Sees each page that fits the chain. */
  readonly onRecords?: (records: readonly StoredRecord[]) => void
}

/** What the first record must continue. */
const GENESIS: ChainHead = { epoch: 0, seq: 0, time: 0, hash: GENESIS_HASH }

/**
 * Recomputes an org's chain from its stored bytes, page by page up to the head read at the start, and stops at the first
 * record that does not fit. Removing the newest records together with the head row that named them, or rewriting the
 * whole chain, cannot be seen from inside the store: checkpoints kept outside show both.
 */
export async function verifyChain(
  reads: RecordReads,
  orgId: OrgId,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { columns = true, checkpoints = [], trusted = [] } = options
  const head = await reads.head(orgId)
  const anchors = createAnchors(checkpoints, trusted)
  const walk: Walk = { orgId, columns, anchors, last: GENESIS, records: 0, finding: undefined }
  await walkThrough(walk, reads, head?.seq ?? 0, options)
  const inChain = walk.finding ?? checkHead(head, walk.last) ?? (await checkBeyond(reads, orgId, head?.seq ?? 0))
  const finding = earlier(anchors.finding(walk.last, walk.finding === undefined), inChain)
  const intact = finding === undefined
  return { orgId, head, records: walk.records, intact, finding, checkpoints: anchors.report() }
}

async function walkThrough(
  walk: Walk,
  reads: RecordReads,
  upTo: number,
  { pageSize = PAGE_SIZE, onPage, onRecords }: VerifyOptions,
): Promise<void> {
  // From below 1, so that a record slipped in before the first is seen too.
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    const page = await reads.page(walk.orgId, after, upTo, pageSize)
    checkPage(walk, page)
    onPage?.(walk.records)
    if (walk.finding !== undefined) return
    onRecords?.(page)
    if (page.length < pageSize) return
    after = walk.last.seq
  }
}

/** The one at the lower seq. What a checkpoint says is older than the chain's own contradiction at the same place. */
function earlier(a: Finding | undefined, b: Finding | undefined): Finding | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.seq < a.seq ? b : a
}

interface Walk {
  readonly orgId: OrgId
  readonly columns: boolean
  readonly anchors: Anchors
  last: ChainHead
  records: number
  finding: Finding | undefined
}

function checkPage(walk: Walk, page: readonly StoredRecord[]): void {
  for (const record of page) {
    walk.finding = checkRecord(walk, record)
    if (walk.finding !== undefined) return
    walk.anchors.pass(record)
    walk.last = record
    walk.records++
  }
}

function checkRecord({ orgId, last, columns }: Walk, record: StoredRecord): Finding | undefined {
  const { seq, time, contentHash } = record
  if (seq <= last.seq) return { seq, kind: 'duplicate' }
  if (seq !== last.seq + 1) return { seq: last.seq + 1, kind: 'gap' }
  if (time < last.time) return { seq, kind: 'time went back' }
  if (!sameHash(contentHashOf(record.body), contentHash)) return { seq, kind: 'body edited' }
  if (!continues(orgId, last, record)) return { seq, kind: 'link broken' }
  const column = columns ? differingColumn(orgId, record) : undefined
  return column === undefined ? undefined : { seq, kind: 'column differs', column }
}

function continues(orgId: OrgId, last: ChainHead, { epoch, seq, time, contentHash, hash }: StoredRecord): boolean {
  // A column edited into something else than an integer never was part of a link.
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(time) || epoch < last.epoch) return false
  return sameHash(linkHash({ org: orgId, epoch, seq, time, prev: last.hash, contentHash }), hash)
}

function checkHead(head: ChainHead | undefined, last: ChainHead): Finding | undefined {
  if (head === undefined) return undefined
  if (head.seq !== last.seq) return { seq: last.seq + 1, kind: 'head mismatch' }
  const same =
    sameHash(head.hash, last.hash) && (last.seq === 0 || (head.epoch === last.epoch && head.time === last.time))
  return same ? undefined : { seq: head.seq, kind: 'head mismatch' }
}

/** A head set back hides the records after it: they are there although no newer head names them. */
async function checkBeyond(reads: RecordReads, orgId: OrgId, upTo: number): Promise<Finding | undefined> {
  const [beyond] = await reads.page(orgId, upTo, Number.MAX_SAFE_INTEGER, 1)
  if (beyond === undefined) return undefined
  const headNow = await reads.head(orgId)
  return headNow === undefined || headNow.seq < beyond.seq ? { seq: beyond.seq, kind: 'head mismatch' } : undefined
}

function differingColumn(orgId: OrgId, record: StoredRecord): string | undefined {
  const body = objectIn(parsed(record.body))
  const actor = objectIn(body['actor'])
  const pairs: readonly (readonly [string, string | undefined, Json | undefined])[] = [
    ['org', orgId, body['org']],
    ['id', record.id, body['id']],
    ['action', record.action, body['action']],
    ['result', record.result, objectIn(body['outcome'])['result']],
    ['actorType', record.actorType, actor['type']],
    ['actorId', record.actorId, actor['id']],
    ['connectionId', record.connectionId, actor['connectionId']],
    ['requestId', record.requestId, objectIn(body['request'])['id']],
    ['causeId', record.causeId, body['cause']],
  ]
  return pairs.find(([, column, fact]) => column !== fact)?.[0]
}

/** A body that is no JSON reads as one without facts, so its columns differ. */
function parsed(body: string): Json {
  try {
    return JSON.parse(body) as Json
  } catch {
    return null
  }
}

function objectIn(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return isJsonObject(value) ? value : {}
}
