import type { Checkpoint } from '../domain/checkpoint.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import type { StoredRecord } from '../domain/ports.ts'
import { checkpointFacts, checkpointHash, isSigned } from './checkpoint.ts'
import type { Finding } from './finding.ts'
import type { ChainPlace, PassedRecord } from './verify-range.ts'

/** A branch of the chain that was given up, and from where on the chain was continued instead. */
export interface Fork {
  /** The record that says so. */
  readonly seq: number
  /** Epoch that the chain has from that record on. */
  readonly epoch: number
  /** The newest checkpoint of the branch that was known then. */
  readonly lost: { readonly epoch: number; readonly seq: number } | undefined
}

/** A change of the key that signs. */
export interface KeyChange {
  readonly seq: number
  readonly from: string
  readonly to: string
}

/** What checkpoints say of a chain that was walked through. */
export interface AnchorReport {
  /** Checkpoints that say what the chain says. */
  readonly checked: number
  /** Seq of the newest of them; 0 without any. */
  readonly upTo: number
  /** Seq up to which a trusted key has signed; undefined when no key was given as trusted. */
  readonly provenUpTo: number | undefined
  /** Ids of the keys that signed. */
  readonly keys: readonly string[]
  readonly forks: readonly Fork[]
}

/** Checkpoints held against a chain while it is walked through, record by record. */
export interface Anchors {
  /** A record that fits the chain. */
  pass(record: PassedRecord): void
  /**
   * @param last the last record that was passed
   * @param ended whether that is where the chain ends, rather than where it stopped to fit
   * @returns what is wrong with the earliest checkpoint that does not fit
   */
  finding(last: ChainPlace, ended: boolean): Finding | undefined
  /** Seqs of the checkpoints, ascending. */
  readonly seqs: readonly number[]
  report(): AnchorReport
}

/** A checkpoint as far as it is compared; `hash` in hex. */
export interface Anchor {
  readonly epoch: number
  readonly seq: number
  readonly hash: string
  readonly keyId: string
}

/**
 * @param checkpoints of one org, from the store and from outside, in any order; copies count once
 * @param trusted ids of keys that are known from outside to be the deployment's; empty says nothing of any
 * @param from the record that the chain begins at; what was signed before it was purged
 */
export function createAnchors(checkpoints: readonly Checkpoint[], trusted: readonly string[], from = 0): Anchors {
  const { anchors: all, faults } = soundCheckpoints(checkpoints)
  const anchors = all.filter(({ seq }) => seq >= from)
  const forks: Fork[] = []
  const keyChanges: KeyChange[] = []
  const matched: Anchor[] = []
  const astray: Anchor[] = []
  let next = 0

  function compare(anchor: Anchor, record: ChainPlace): void {
    const same = anchor.epoch === record.epoch && anchor.hash === record.hash
    ;(same ? matched : astray).push(anchor)
  }

  function accounted({ epoch, seq }: Anchor): boolean {
    return forks.some(({ seq: from, epoch: later, lost }) => {
      return epoch < later && seq >= from && lost !== undefined && epoch <= lost.epoch && seq <= lost.seq
    })
  }

  function misplaced(last: ChainPlace, ended: boolean): readonly Finding[] {
    const differing = astray.find((anchor) => !accounted(anchor))
    const beyond = ended ? anchors.slice(next).findLast((anchor) => !accounted(anchor)) : undefined
    return [
      ...(differing === undefined ? [] : [{ seq: differing.seq, kind: 'checkpoint differs' } as const]),
      ...(beyond === undefined
        ? []
        : [{ seq: last.seq + 1, kind: 'shorter than checkpoint', checkpoint: beyond.seq } as const]),
    ]
  }

  return {
    seqs: anchors.map(({ seq }) => seq),

    pass(record) {
      for (let at = anchors[next]; at !== undefined && at.seq <= record.seq; at = anchors[++next]) compare(at, record)
      if (record.action === 'log.fork' || record.action === 'log.restore') forks.push(forkIn(record))
      if (record.action === 'log.key') keyChanges.push(...keyChangeIn(record))
    },

    finding(last, ended) {
      const known = trusted.length === 0 ? undefined : trustedKeys(trusted, keyChanges, matched)
      const strange = known === undefined ? [] : matched.filter(({ keyId }) => !known.has(keyId))
      const untrusted = strange.map(({ seq, keyId }) => ({ seq, kind: 'untrusted key', key: keyId }) as const)
      const all: readonly Finding[] = [...faults, ...misplaced(last, ended), ...untrusted]
      return [...all].sort((a, b) => a.seq - b.seq)[0]
    },

    report() {
      const known = trusted.length === 0 ? undefined : trustedKeys(trusted, keyChanges, matched)
      const proven = matched.filter(({ keyId }) => known?.has(keyId) === true)
      return {
        checked: matched.length,
        upTo: matched.at(-1)?.seq ?? 0,
        provenUpTo: known === undefined ? undefined : (proven.at(-1)?.seq ?? 0),
        keys: [...new Set(matched.map(({ keyId }) => keyId))],
        forks,
      }
    },
  }
}

/** By place in the chain, without those that are no genuine checkpoints. */
export function soundCheckpoints(checkpoints: readonly Checkpoint[]): {
  anchors: readonly Anchor[]
  faults: readonly Finding[]
} {
  const faults: Finding[] = []
  const anchors = new Map<string, Anchor & { readonly prev: string | null }>()
  for (const checkpoint of checkpoints) {
    const facts = checkpointFacts(checkpoint.body)
    const { orgId, epoch, seq, keyId } = checkpoint
    const told = facts?.org === orgId && facts.epoch === epoch && facts.seq === seq && facts.keyId === keyId
    if (!told || !isSigned(checkpoint)) faults.push({ seq, kind: 'bad signature' })
    else anchors.set(checkpointHash(checkpoint.body), { epoch, seq, hash: facts.hash, keyId, prev: facts.prev })
  }
  const inOrder = [...anchors.values()].sort((a, b) => a.seq - b.seq || a.epoch - b.epoch)
  // What was collected outside may begin anywhere; after its first, each one names one that is there. A store put back
  // to what it was before any checkpoint has none to name when it is gone on with, in an epoch of its own.
  const begun = new Set(inOrder.slice(0, 1).map(({ epoch }) => epoch))
  for (const { seq, epoch, prev } of inOrder.slice(1)) {
    const isNamed = prev === null ? !begun.has(epoch) : anchors.has(prev)
    if (!isNamed) faults.push({ seq, kind: 'checkpoint missing' })
    begun.add(epoch)
  }
  return { anchors: inOrder, faults }
}

/**
 * The keys that were given, and those that a record of a change of keys joins to them, where a trusted key has signed
 * the chain at or behind that record.
 */
export function trustedKeys(
  given: readonly string[],
  changes: readonly KeyChange[],
  matched: readonly Anchor[],
): ReadonlySet<string> {
  const trusted = new Set(given)
  for (let before = -1; before !== trusted.size;) {
    before = trusted.size
    const upTo = Math.max(0, ...matched.filter(({ keyId }) => trusted.has(keyId)).map(({ seq }) => seq))
    for (const { seq, from, to } of changes) {
      if (seq > upTo || !(trusted.has(from) || trusted.has(to))) continue
      trusted.add(from).add(to)
    }
  }
  return trusted
}

/** What the record of a purge says: the record the log begins at, and what everybody held right after it. */
export interface PurgeClaim {
  readonly upTo: number
  /** Of that record, in hex. */
  readonly hash: string
  readonly access: { readonly count: number; readonly sha256: string }
}

/** What a record of a purge says; nothing of one that was refused. */
export function purgeIn(body: string): readonly PurgeClaim[] {
  const { upTo, hash, access } = paramsOf(body)
  if (typeof upTo !== 'number' || typeof hash !== 'string' || !isJsonObject(access)) return []
  const { count, sha256 } = access
  return typeof count === 'number' && typeof sha256 === 'string' ? [{ upTo, hash, access: { count, sha256 } }] : []
}

/** What a record of a fork or a restore says. */
export function forkIn({ seq, epoch, body }: Pick<StoredRecord, 'seq' | 'epoch' | 'body'>): Fork {
  const lost = paramsOf(body)['lost']
  const [lostEpoch, lostSeq] = isJsonObject(lost) ? [lost['epoch'], lost['seq']] : []
  const known = typeof lostEpoch === 'number' && typeof lostSeq === 'number'
  return { seq, epoch, lost: known ? { epoch: lostEpoch, seq: lostSeq } : undefined }
}

/** The change of keys that a record states. */
export function keyChangeIn({ seq, body }: { seq: number; body: string }): readonly KeyChange[] {
  const { from, to } = paramsOf(body)
  return typeof from === 'string' && typeof to === 'string' ? [{ seq, from, to }] : []
}

/** The parameters of a record's outcome. Its bytes are proved by now, so it is JSON. */
function paramsOf(body: string): JsonObject {
  const outcome = (JSON.parse(body) as JsonObject)['outcome']
  const params = isJsonObject(outcome) ? outcome['params'] : undefined
  return isJsonObject(params) ? params : {}
}
