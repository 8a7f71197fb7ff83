import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { ChainHead } from '../domain/record.ts'
import { contentHashOf, GENESIS_HASH, linkHash, sameHash } from './chain.ts'

const PAGE_SIZE = 2000

/**
 * What is wrong, and no more than can be known: a swap, a deletion or an insertion shows as a broken link or a gap at
 * the first record that does not fit.
 */
export type FindingKind =
  'body edited' | 'link broken' | 'gap' | 'duplicate' | 'head mismatch' | 'column differs' | 'time went back'

/** The first record (or missing record) that does not fit. */
export interface Finding {
  readonly seq: number
  readonly kind: FindingKind
  /** The column, for `column differs`. */
  readonly column?: string
}

export interface VerifyReport {
  readonly orgId: OrgId
  /** The head as it stood when the check began; records written later are not part of it. */
  readonly head: ChainHead | undefined
  /** Records found whole, from the first on. */
  readonly records: number
  readonly intact: boolean
  readonly finding: Finding | undefined
}

export interface VerifyOptions {
  /** Records per page. Default 2,000. */
  readonly pageSize?: number
  /** Whether the search columns are compared with the body. Default true; without it the check is a fifth faster. */
  readonly columns?: boolean
}

/** What the first record must continue. */
const GENESIS: ChainHead = { epoch: 0, seq: 0, time: 0, hash: GENESIS_HASH }

/**
 * Recomputes an org's chain from its stored bytes, page by page up to the head read at the start, and stops at the first
 * record that does not fit. Removing the newest records together with the head row that named them cannot be seen from
 * inside the store.
 */
export async function verifyChain(
  reads: RecordReads,
  orgId: OrgId,
  { pageSize = PAGE_SIZE, columns = true }: VerifyOptions = {},
): Promise<VerifyReport> {
  const head = await reads.head(orgId)
  const upTo = head?.seq ?? 0
  const walk: Walk = { orgId, columns, last: GENESIS, records: 0, finding: undefined }
  // From below 1, so that a record slipped in before the first is seen too.
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    const page = await reads.page(orgId, after, upTo, pageSize)
    checkPage(walk, page)
    if (walk.finding !== undefined || page.length < pageSize) break
    after = walk.last.seq
  }
  const finding = walk.finding ?? checkHead(head, walk.last) ?? (await checkBeyond(reads, orgId, upTo))
  return { orgId, head, records: walk.records, intact: finding === undefined, finding }
}

interface Walk {
  readonly orgId: OrgId
  readonly columns: boolean
  last: ChainHead
  records: number
  finding: Finding | undefined
}

function checkPage(walk: Walk, page: readonly StoredRecord[]): void {
  for (const record of page) {
    walk.finding = checkRecord(walk, record)
    if (walk.finding !== undefined) return
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
