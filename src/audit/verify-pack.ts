import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { OrgId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import { type Anchor, type KeyChange, keyChangeIn, soundCheckpoints, trustedKeys } from './anchors.ts'
import { contentHashOf, GENESIS_HASH, linkHash, sameHash } from './chain.ts'
import { readCheckpointLine } from './checkpoint.ts'
import type { Finding } from './finding.ts'
import { verifiesLogSignature } from './log-key.ts'
import { isCommitted } from './opened-values.ts'
import { readRecordLine, type ReadLine } from './record-lines.ts'
import { openZip, type ZipReader } from './zip-reader.ts'

/** What is wrong with a pack: of the chain, or of the files round it. */
export type PackFinding =
  | Finding
  | {
      readonly kind: 'file differs' | 'file missing' | 'file not listed' | 'manifest not signed'
      readonly file: string
    }
  | { readonly kind: 'value differs'; readonly seq: number }
  | { readonly kind: 'not signed'; readonly seq: number }

export interface PackReport {
  readonly orgId: OrgId
  readonly deployment: string
  /** A full pack proves that nothing of its range is missing; a filtered one only that what is there is genuine. */
  readonly kind: 'full' | 'filtered'
  readonly records: number
  readonly stubs: number
  readonly intact: boolean
  readonly finding: PackFinding | undefined
  /** Whether a trusted key signed; undefined when none was given. */
  readonly proven: boolean | undefined
}

interface Manifest {
  readonly orgId: OrgId
  readonly deployment: string
  readonly kind: 'full' | 'filtered'
  readonly keyId: string
  readonly first: number
  readonly last: number
  readonly files: ReadonlyMap<string, string>
}

/**
 * Checks an evidence pack with nothing but itself: every file against the manifest, every record against its hash and
 * the one before, every stretch against a signed checkpoint.
 * @param trusted ids of keys known from elsewhere; without any, whose the signatures are stays open
 * @throws DomainError `invalid-value` for what is no pack
 */
export async function verifyPack(file: string, trusted: readonly string[]): Promise<PackReport> {
  const zip = await openZip(file)
  try {
    const text = (await wholeOf(zip, 'manifest.json')).toString('utf8')
    const manifest = readManifest(file, text)
    const checkpoints = await checkpointsOf(zip, file)
    const walk = createWalk(manifest, checkpoints)
    const inFiles = (await differingFile(zip, manifest)) ?? (await unsignedManifest(zip, text, manifest, checkpoints))
    if (inFiles === undefined) await walkRecords(zip, walk)
    const finding = inFiles ?? walk.end(trusted)
    const { records, stubs } = walk.counts
    const { orgId, deployment, kind } = manifest
    const proven = trusted.length === 0 ? undefined : finding === undefined
    return { orgId, deployment, kind, records, stubs, intact: finding === undefined, finding, proven }
  } finally {
    await zip.close()
  }
}

function readManifest(file: string, text: string): Manifest {
  const value = parsed(text)
  const { type, org, deployment, kind, keyId, files, range } = value
  const listed = isJsonObject(files) ? Object.entries(files) : []
  const [first, last] = isJsonObject(range) ? [range['first'], range['last']] : []
  if (type !== 'rollcall.manifest/1' || typeof org !== 'string' || typeof deployment !== 'string') throw noPack(file)
  if ((kind !== 'full' && kind !== 'filtered') || typeof keyId !== 'string') throw noPack(file)
  if (typeof first !== 'number' || typeof last !== 'number') throw noPack(file)
  const hashes = listed.map(
    ([name, of]) => [name, isJsonObject(of) && typeof of['sha256'] === 'string' ? of['sha256'] : ''] as const,
  )
  return { orgId: org as OrgId, deployment, kind, keyId, first, last, files: new Map(hashes) }
}

function noPack(file: string): DomainError {
  return new DomainError('invalid-value', `The pack ${file} cannot be used: its manifest is of no known form`)
}

function parsed(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}

async function checkpointsOf(zip: ZipReader, file: string): Promise<readonly Checkpoint[]> {
  const found: Checkpoint[] = []
  try {
    for await (const line of linesOf(zip, 'checkpoints.ndjson')) {
      const checkpoint = readCheckpointLine(line)
      if (checkpoint !== undefined) found.push(checkpoint)
    }
  } catch (error) {
    if (error instanceof DomainError) throw error
    throw new DomainError('invalid-value', `The pack ${file} cannot be used: a checkpoint ${(error as Error).message}`)
  }
  return found
}

async function differingFile(zip: ZipReader, { files }: Manifest): Promise<PackFinding | undefined> {
  const unlisted = zip.names.find((name) => !files.has(name) && !name.startsWith('manifest.'))
  if (unlisted !== undefined) return { kind: 'file not listed', file: unlisted }
  for (const [name, sha256] of files) {
    if (!zip.names.includes(name)) return { kind: 'file missing', file: name }
    const hash = createHash('sha256')
    for await (const chunk of zip.read(name)) hash.update(chunk)
    if (hash.digest('hex') !== sha256) return { kind: 'file differs', file: name }
  }
  return ['records.ndjson', 'checkpoints.ndjson'].some((name) => !files.has(name))
    ? { kind: 'file missing', file: 'records.ndjson' }
    : undefined
}

async function unsignedManifest(
  zip: ZipReader,
  text: string,
  { keyId }: Manifest,
  checkpoints: readonly Checkpoint[],
): Promise<PackFinding | undefined> {
  const finding = { kind: 'manifest not signed', file: 'manifest.json' } as const
  if (!zip.names.includes('manifest.sig')) return finding
  const signer = checkpoints.find((checkpoint) => checkpoint.keyId === keyId)
  const signature = await wholeOf(zip, 'manifest.sig')
  return signer !== undefined && verifiesLogSignature(signer.publicKey, text, signature) ? undefined : finding
}

async function walkRecords(zip: ZipReader, walk: Walk): Promise<void> {
  for await (const line of linesOf(zip, 'records.ndjson')) if (!walk.pass(readRecordLine(line))) return
}

/** Follows the lines of a pack. */
interface Walk {
  readonly counts: { records: number; stubs: number }
  /** @returns whether to go on */
  pass(line: ReadLine | undefined): boolean
  end(trusted: readonly string[]): PackFinding | undefined
}

type Place = Pick<ReadLine, 'epoch' | 'seq' | 'hash'>

function createWalk(manifest: Manifest, checkpoints: readonly Checkpoint[]): Walk {
  const { orgId, kind, last: upTo } = manifest
  const { anchors, faults } = soundCheckpoints(checkpoints.filter((checkpoint) => checkpoint.orgId === orgId))
  const signed = new Map(anchors.map((anchor) => [`${anchor.epoch}/${anchor.seq}`, anchor]))
  const counts = { records: 0, stubs: 0 }
  const keyChanges: KeyChange[] = []
  const matched: Anchor[] = []
  let last: Place = { epoch: 0, seq: 0, hash: GENESIS_HASH }
  let finding: PackFinding | undefined = faults[0]

  const anchorAt = ({ epoch, seq, hash }: Place): Anchor | undefined => {
    const anchor = signed.get(`${epoch}/${seq}`)
    return anchor?.hash === Buffer.from(hash).toString('hex') ? anchor : undefined
  }

  function fault(line: ReadLine): PackFinding | undefined {
    const begun = counts.records + counts.stubs > 0
    if (line.seq !== last.seq + 1)
      return beginFault(manifest, line, anchorAt(line), begun ? { last, anchor: anchorAt(last) } : undefined)
    const differs = signed.has(`${line.epoch}/${line.seq}`) && anchorAt(line) === undefined
    return linkFault(manifest, line, last) ?? (differs ? { seq: line.seq, kind: 'checkpoint differs' } : undefined)
  }

  return {
    counts,
    pass(line) {
      if (line === undefined) finding ??= { seq: last.seq + 1, kind: 'body edited' }
      else finding ??= fault(line) ?? valueFault(line)
      if (finding !== undefined || line === undefined) return false
      counts[line.body === undefined ? 'stubs' : 'records']++
      const anchor = anchorAt(line)
      if (anchor !== undefined) matched.push(anchor)
      if (line.body?.includes('"log.key"') === true) keyChanges.push(...keyChangeIn({ seq: line.seq, body: line.body }))
      last = line
      return true
    },
    end(trusted) {
      if (finding !== undefined) return finding
      if (last.seq < upTo && kind === 'full') return { seq: last.seq + 1, kind: 'gap' }
      if (last.seq > 0 && anchorAt(last) === undefined) return { seq: last.seq, kind: 'not signed' }
      return trusted.length === 0 ? undefined : untrusted(trustedKeys(trusted, keyChanges, matched), matched.at(-1))
    },
  }
}

/** A line that does not go on from the last one begins a stretch: with the stub of a signed record. */
function beginFault(
  { kind }: Manifest,
  { seq, body }: ReadLine,
  anchor: Anchor | undefined,
  before: { readonly last: Place; readonly anchor: Anchor | undefined } | undefined,
): PackFinding | undefined {
  const next = (before?.last.seq ?? 0) + 1
  if (seq < next) return { seq, kind: 'duplicate' }
  // A full pack has one stretch.
  const begins = body === undefined && anchor !== undefined && (before === undefined || kind === 'filtered')
  if (!begins) return { seq: next, kind: 'gap' }
  return before !== undefined && before.anchor === undefined ? { seq: next - 1, kind: 'not signed' } : undefined
}

function linkFault(
  { orgId: org, kind, first, last: upTo }: Manifest,
  line: ReadLine,
  last: Place,
): PackFinding | undefined {
  const { epoch, seq, time, hash, body } = line
  const contentHash = body === undefined ? line.contentHash : contentHashOf(body)
  if (contentHash?.length !== 32) return { seq, kind: 'body edited' }
  const linked = linkHash({ org, epoch, seq, time, prev: last.hash, contentHash })
  if (!sameHash(linked, hash)) return { seq, kind: 'link broken' }
  const isWithheld = kind === 'full' && body === undefined && seq >= first && seq <= upTo
  return isWithheld ? { seq, kind: 'gap' } : undefined
}

function valueFault({ seq, body, pii }: ReadLine): PackFinding | undefined {
  if (body === undefined || pii.length === 0) return undefined
  const value = JSON.parse(body) as Json
  return pii.every((triple) => isCommitted(value, triple)) ? undefined : { seq, kind: 'value differs' }
}

function untrusted(known: ReadonlySet<string>, newest: Anchor | undefined): PackFinding | undefined {
  if (newest === undefined || known.has(newest.keyId)) return undefined
  return { seq: newest.seq, kind: 'untrusted key', key: newest.keyId }
}

function linesOf(zip: ZipReader, name: string): AsyncIterable<string> {
  return createInterface({ input: Readable.from(zip.read(name)), crlfDelay: Infinity })
}

async function wholeOf(zip: ZipReader, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of zip.read(name)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
