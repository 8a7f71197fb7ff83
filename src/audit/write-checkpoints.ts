import type { Checkpoint, CheckpointReads, CheckpointWrites, MovedChain } from '../domain/checkpoint.ts'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads } from '../domain/ports.ts'
import type { ChainHead, RecordDraft } from '../domain/record.ts'
import { signCheckpoint } from './checkpoint.ts'
import type { LogKey } from './log-key.ts'

/** At least one checkpoint in so many records, and one an hour while there are new ones. */
export const RECORDS_PER_CHECKPOINT = 1_000
const EVERY_MS = 3_600_000
/** Signed in one transaction; a long log without any gets them in several. */
const PER_TRANSACTION = 200

/** What checkpoints are made from and where they go. */
export interface CheckpointParts {
  readonly key: LogKey
  /** Name of the deployment. */
  readonly deployment: string
  readonly records: RecordReads
  readonly reads: CheckpointReads
  readonly writes: CheckpointWrites
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Whether an org's chain is one to be signed. */
  readonly mayWrite: (orgId: OrgId) => boolean
  /** Told of each new one, once it is stored. */
  readonly onWritten: (checkpoint: Checkpoint) => void
}

/**
 * Signs what is due: chains that moved by a thousand records, or an hour ago, since their last checkpoint.
 * @param all whether every chain that moved at all is due, as at a stop or before an export
 */
export async function writeCheckpoints(parts: CheckpointParts, all = false): Promise<void> {
  const now = parts.now()
  for (const chain of await parts.reads.moved()) {
    if (parts.mayWrite(chain.orgId) && (all || isDue(chain, now))) await signChain(parts, chain)
  }
}

/** Signs where one org's chain stands now, if that is not signed already. */
export async function checkpointNow(parts: CheckpointParts, orgId: OrgId): Promise<void> {
  for (const chain of await parts.reads.moved()) if (chain.orgId === orgId) await signChain(parts, chain)
}

/**
 * After a change of the key: in each chain that the key before it signed, a record of the change, then a checkpoint by
 * the old key, which so vouches for the new one, and one by the new key. Without the old key only the latter.
 * @param append chains a record
 */
export async function adoptLogKey(
  parts: CheckpointParts,
  previous: LogKey | undefined,
  append: (orgId: OrgId, draft: RecordDraft) => Promise<unknown>,
): Promise<void> {
  const { keyId } = parts.key
  for (const last of await parts.reads.signedLastByOthers(keyId)) {
    if (!parts.mayWrite(last.orgId)) continue
    await append(last.orgId, {
      action: 'log.key',
      actor: { type: 'system' },
      outcome: { result: 'success', params: { from: last.keyId, to: keyId } },
      targets: [{ type: 'key', id: keyId }],
    })
    if (previous?.keyId === last.keyId) await checkpointNow({ ...parts, key: previous }, last.orgId)
    const head = await parts.records.head(last.orgId)
    if (head !== undefined) await signPlaces(parts, last.orgId, [head])
  }
}

function isDue({ head, last }: MovedChain, now: number): boolean {
  if (last === undefined || last.epoch !== head.epoch) return true
  return head.seq - last.seq >= RECORDS_PER_CHECKPOINT || now - last.time >= EVERY_MS
}

/** By another instance, or at an earlier call; a new key signs the place of its predecessor once more. */
function isSignedAlready(last: Checkpoint, place: ChainHead, key: LogKey): boolean {
  if (last.epoch !== place.epoch) return last.epoch > place.epoch
  return last.seq > place.seq || (last.seq === place.seq && last.keyId === key.keyId)
}

async function signChain(parts: CheckpointParts, { orgId, head, last }: MovedChain): Promise<void> {
  const from = last === undefined || last.seq > head.seq ? 0 : last.seq
  let places: ChainHead[] = []
  for (let seq = from + RECORDS_PER_CHECKPOINT; seq < head.seq; seq += RECORDS_PER_CHECKPOINT) {
    const [record] = await parts.records.page(orgId, seq - 1, seq, 1)
    // A chain with a hole is for verification to name; what follows it is signed as it stands.
    if (record !== undefined) places.push(record)
    if (places.length < PER_TRANSACTION) continue
    await signPlaces(parts, orgId, places)
    places = []
  }
  await signPlaces(parts, orgId, [...places, head])
}

async function signPlaces(parts: CheckpointParts, orgId: OrgId, places: readonly ChainHead[]): Promise<void> {
  const { key, deployment, now, writes, onWritten } = parts
  const added = await writes.add(orgId, (newest) => {
    const made: Checkpoint[] = []
    let last = newest
    for (const place of places) {
      if (last !== undefined && isSignedAlready(last, place, key)) continue
      last = signCheckpoint(orgId, place, last, { key, deployment, now: now() })
      made.push(last)
    }
    return made
  })
  added.forEach(onWritten)
}
