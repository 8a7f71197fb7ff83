import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Checkpoint } from '../domain/checkpoint.ts'
import type { OrgId } from '../domain/ids.ts'
import type { StoredRecord } from '../domain/ports.ts'
import { checkpointFacts, checkpointLine } from './checkpoint.ts'
import type { PiiTriple } from './commitment.ts'
import { publicKeyPem } from './log-key.ts'
import { isAsked, type LogQuery, type LogRange, pagesOf, rangeOf } from './log-query.ts'
import type { ValueOpener } from './opened-values.ts'
import { PACK_README, VERIFY_PY } from './pack-texts.ts'
import { csvHead, recordRows } from './record-csv.ts'
import { recordLine, stubLine } from './record-lines.ts'
import { reportHead, reportRow, REPORT_END } from './record-report.ts'
import { checkpointNow, type CheckpointParts } from './write-checkpoints.ts'

/** What a pack is made of and for. */
export interface PackRequest {
  readonly orgId: OrgId
  readonly orgName: string
  readonly query: LogQuery
  /** Records by their seq instead of by the time of the query. */
  readonly range?: LogRange
  /** Absent: commitments stay closed. */
  readonly values: ValueOpener | undefined
  /** Who asks for it, for the manifest, e.g. `cli uid:1000`. */
  readonly by: string
}

/** A record of a pack: disclosed, or a stub that only carries the chain on. */
interface PackedRecord {
  readonly record: StoredRecord
  readonly pii: readonly PiiTriple[]
  readonly isStub: boolean
}

interface Plan extends PackRequest {
  readonly parts: CheckpointParts
  readonly checkpoints: readonly Checkpoint[]
  readonly isFull: boolean
  /** Records asked for: (after, upTo]. */
  readonly after: number
  readonly upTo: number
  /** Records walked through, from one checkpoint to another. */
  readonly from: number
  readonly end: number
}

/** Actions without which a reader could not follow who signs, or that a branch was given up. */
const ALWAYS = new Set(['log.key', 'log.fork', 'log.restore'])

/**
 * An evidence pack: a ZIP that verifies with no database. The newest records are signed first, so that its last one is
 * a checkpoint's. It is made while it is read: nothing is held but one stretch between two checkpoints.
 */
export async function createPack(parts: CheckpointParts, request: PackRequest): Promise<NodeJS.ReadableStream> {
  const plan = await planPack(parts, request)
  const { ZipFile } = await import('yazl')
  const zip = new ZipFile()
  const files: Record<string, { sha256: string; bytes: number }> = {}
  const counts = { records: 0, stubs: 0 }
  const add = (name: string, pieces: () => AsyncIterable<string> | Iterable<string>): void => {
    zip.addReadStreamLazy(name, (give) => {
      give(
        undefined,
        Readable.from(
          measured(pieces(), (file) => (files[name] = file)),
          { objectMode: false },
        ),
      )
    })
  }
  add('README.txt', () => [PACK_README])
  add('verify.py', () => [VERIFY_PY])
  add('keys.json', () => [keysText(plan.checkpoints)])
  add('checkpoints.ndjson', () => plan.checkpoints.map((checkpoint) => `${checkpointLine(checkpoint)}\n`))
  add('records.ndjson', () => recordLines(plan, counts))
  add('records.csv', () => csvLines(plan))
  add('report.html', () => reportPieces(plan))
  let manifest = ''
  const last = (name: string, text: () => Buffer): void => {
    zip.addReadStreamLazy(name, (give) => {
      give(undefined, Readable.from([text()]))
    })
  }
  last('manifest.json', () => Buffer.from((manifest = manifestText(plan, files, counts))))
  last('manifest.sig', () => Buffer.from(parts.key.sign(manifest)))
  zip.end()
  return zip.outputStream
}

async function planPack(parts: CheckpointParts, request: PackRequest): Promise<Plan> {
  const { orgId, query } = request
  const { after, upTo } = request.range ?? (await rangeOf(parts.records, orgId, query))
  await checkpointNow(parts, orgId)
  const checkpoints = await parts.reads.all(orgId)
  const seqs = checkpoints.map(({ seq }) => seq).sort((a, b) => a - b)
  return {
    ...request,
    ...{ parts, checkpoints, after, upTo },
    isFull: query.about === undefined && query.action === undefined,
    from: seqs.findLast((seq) => seq <= after) ?? 0,
    end: seqs.find((seq) => seq >= upTo) ?? upTo,
  }
}

/** The stretches of a pack. One without a record that was asked for is left out, unless all were asked for. */
async function* stretches(plan: Plan): AsyncGenerator<readonly PackedRecord[]> {
  const signed = new Set(plan.checkpoints.map(({ body }) => placeOf(checkpointFacts(body)!)))
  // One that follows nothing that is in the pack begins with the stub of a signed record, which says what its next one
  // continues.
  let begun = plan.from === 0 ? 0 : 1
  let stretch: PackedRecord[] = []
  for await (const packed of packedRecords(plan)) {
    stretch.push(packed)
    const { record } = packed
    if (record.seq === plan.from || !signed.has(placeOf({ ...record, hash: hex(record.hash) }))) continue
    const isWanted = plan.isFull || stretch.slice(begun).some(({ isStub }) => !isStub)
    if (isWanted) yield stretch
    begun = isWanted ? 0 : 1
    stretch = isWanted ? [] : [{ record, pii: [], isStub: true }]
  }
  if (stretch.length > begun) yield stretch
}

/** Every record that is walked through, and the one before the first. */
async function* packedRecords(plan: Plan): AsyncGenerator<PackedRecord> {
  const { orgId, parts, from, end } = plan
  for await (const page of pagesOf(parts.records, orgId, { after: Math.max(0, from - 1), upTo: end })) {
    const asked = page.filter((record) => isDisclosed(plan, record))
    const opened = await plan.values?.open(orgId, asked)
    for (const record of page) yield { record, pii: opened?.get(record.seq) ?? [], isStub: !isDisclosed(plan, record) }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function placeOf({
  epoch,
  seq,
  hash,
}: {
  readonly epoch: number
  readonly seq: number
  readonly hash: string
}): string {
  return `${epoch}/${seq}/${hash}`
}

function isDisclosed({ after, upTo, query, isFull }: Plan, record: StoredRecord): boolean {
  if (record.seq <= after || record.seq > upTo) return false
  return isFull || ALWAYS.has(record.action) || isAsked(query, record)
}

async function* recordLines(plan: Plan, counts: { records: number; stubs: number }): AsyncGenerator<string> {
  for await (const stretch of stretches(plan)) {
    for (const { record, pii, isStub } of stretch) {
      counts[isStub ? 'stubs' : 'records']++
      yield isStub ? stubLine(record) : recordLine(record, pii)
    }
  }
}

async function* disclosedRecords(plan: Plan): AsyncGenerator<PackedRecord> {
  for await (const stretch of stretches(plan)) yield* stretch.filter(({ isStub }) => !isStub)
}

async function* csvLines(plan: Plan): AsyncGenerator<string> {
  yield csvHead(false)
  for await (const { record, pii } of disclosedRecords(plan)) yield recordRows(record, pii)
}

async function* reportPieces(plan: Plan): AsyncGenerator<string> {
  yield reportHead({ orgName: plan.orgName, ...shownQuery(plan.query), made: plan.parts.now() })
  for await (const { record } of disclosedRecords(plan)) yield reportRow(record)
  yield REPORT_END
}

function keysText(checkpoints: readonly Checkpoint[]): string {
  const keys = new Map(checkpoints.map(({ keyId, publicKey }) => [keyId, publicKeyPem(publicKey)]))
  const note = 'For information: a key is trusted because it is known from elsewhere, not because it is in here'
  return `${JSON.stringify({ note, keys: Object.fromEntries(keys) }, null, 2)}\n`
}

function shownQuery({ from, to, about, action }: LogQuery): Readonly<Record<string, string>> {
  return {
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(to).toISOString() }),
    ...(about === undefined ? {} : { about }),
    ...(action === undefined ? {} : { action }),
  }
}

function manifestText(plan: Plan, files: object, counts: object): string {
  const { parts, orgId, orgName, query, isFull, after, upTo, by } = plan
  const manifest = {
    ...{ type: 'rollcall.manifest/1', deployment: parts.deployment, org: orgId, orgName },
    ...{ kind: isFull ? 'full' : 'filtered', query: shownQuery(query), timeZone: 'UTC' },
    ...{ range: { first: after + 1, last: upTo }, counts, personalValues: plan.values !== undefined },
    ...{ made: new Date(parts.now()).toISOString(), by, keyId: parts.key.keyId, files },
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

async function* measured(
  pieces: AsyncIterable<string> | Iterable<string>,
  tell: (file: { sha256: string; bytes: number }) => void,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of pieces) {
    const chunk = Buffer.from(piece)
    hash.update(chunk)
    bytes += chunk.length
    yield chunk
  }
  tell({ sha256: hash.digest('hex'), bytes })
}
