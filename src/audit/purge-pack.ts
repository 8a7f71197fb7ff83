import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Checkpoint } from '../domain/checkpoint.ts'
import { DomainError } from '../domain/errors.ts'
import type { ReadStores } from '../domain/ports.ts'
import { type HeldDigest, heldDigest } from './held-digest.ts'
import { createPack, type PackRequest } from './pack.ts'
import { writePackFile } from './pack-file.ts'
import { verifyPack } from './verify-pack.ts'
import type { CheckpointParts } from './write-checkpoints.ts'

/** Up to where a log is to be purged: before a time (epoch milliseconds), or at a record. */
export type PurgePlace = { readonly before: number } | { readonly checkpoint: number }

/**
 * The checkpoint to purge up to: the newest that fits.
 * @param after the record up to which it was purged before; 0 if never
 */
export function findPurgePlace(
  checkpoints: readonly Checkpoint[],
  place: PurgePlace,
  after: number,
): Checkpoint | undefined {
  const fits = ({ seq, time }: Checkpoint): boolean =>
    'before' in place ? time < place.before : seq === place.checkpoint
  return checkpoints.findLast((one) => one.seq > Math.max(after, 1) && fits(one))
}

export interface PurgePackParts {
  readonly reads: Pick<ReadStores, 'records' | 'checkpoints' | 'history'>
  readonly checkpoints: CheckpointParts
}

/** Records (after, upTo] in a file that is to be made. */
export interface PurgePackRequest extends Pick<PackRequest, 'orgId' | 'orgName' | 'values' | 'by'> {
  readonly file: string
  readonly after: number
  readonly upTo: number
}

/** What was kept, as the record of the purge says it. Hashes in hex. */
export interface PurgePack {
  readonly upTo: number
  /** Of record `upTo`. */
  readonly hash: string
  /** Records that go: record `upTo` stays. */
  readonly count: number
  /** SHA-256 of the pack. */
  readonly pack: string
  /** What everybody held right after record `upTo`. */
  readonly access: HeldDigest
}

/**
 * Writes what is to be purged into an evidence pack and verifies that. Nothing is purged here.
 * @throws DomainError `invalid-value` for a file that cannot be made, or a log that does not verify
 */
export async function makePurgePack(parts: PurgePackParts, request: PurgePackRequest): Promise<PurgePack> {
  const { records, checkpoints, history } = parts.reads
  const { orgId, file, after, upTo } = request
  const [last] = await records.page(orgId, upTo - 1, upTo, 1)
  if (last === undefined) throw new DomainError('not-found', `Record ${upTo} is not in the log: verify it first`)
  const asked = { ...request, query: {}, range: { after, upTo } }
  await writePackFile(file, () => createPack(parts.checkpoints, asked))
  const keys = (await checkpoints.all(orgId)).map(({ keyId }) => keyId)
  const { intact, kind } = await verifyPack(file, [...new Set(keys)])
  if (!intact || kind !== 'full') {
    throw new DomainError('invalid-value', 'The evidence pack does not verify, so nothing was purged; verify the log')
  }
  return {
    ...{ upTo, hash: Buffer.from(last.hash).toString('hex'), count: upTo - Math.max(after, 1) },
    ...{ pack: await sha256Of(file), access: await heldDigest(history, orgId, upTo) },
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
