import { createRecordSealer } from '../../src/audit/record-sealer.ts'
import { GENESIS_HASH } from '../../src/audit/chain.ts'
import type { OrgId, UserId } from '../../src/domain/ids.ts'
import type { RecordReads, StoredRecord } from '../../src/domain/ports.ts'
import type { ChainHead, RecordDraft, RecordSealer, SealedRecord, WrappedKey } from '../../src/domain/record.ts'

export const ORG = '0190a5f0-0000-7000-8000-000000000001' as OrgId
export const ADA = '0190a5f0-0000-7000-8000-0000000000aa' as UserId
export const BEN = '0190a5f0-0000-7000-8000-0000000000bb' as UserId
export const KEK = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
export const NOW = Date.UTC(2026, 0, 1, 0, 0, 0, 123)
export const GENESIS: ChainHead = { epoch: 1, seq: 0, time: 0, hash: GENESIS_HASH }

export function sealer(): RecordSealer {
  return createRecordSealer({ kek: KEK, now: () => NOW })
}

/** A fresh key for everybody a draft names. */
export function keysFor(seals: RecordSealer, draft: RecordDraft): ReadonlyMap<UserId, WrappedKey> {
  return new Map(seals.peopleIn(draft).map((person) => [person, seals.newKey(ORG, person)]))
}

/** A chain of the drafts, each sealed at its time. */
export function chainOf(steps: readonly { readonly draft: RecordDraft; readonly time: number }[]): SealedRecord[] {
  const seals = sealer()
  const records: SealedRecord[] = []
  let head = GENESIS
  for (const { draft, time } of steps) {
    const record = seals.seal(ORG, draft, head, time, keysFor(seals, draft))
    records.push(record)
    head = record
  }
  return records
}

export function headOf(records: readonly SealedRecord[]): ChainHead {
  const { epoch, seq, time, hash } = records.at(-1) ?? GENESIS
  return { epoch, seq, time, hash }
}

/** The port over plain rows, ordered as a store orders them. */
export function readsOver(rows: readonly StoredRecord[], head: ChainHead | undefined): RecordReads {
  const sorted = [...rows].sort((a, b) => a.seq - b.seq)
  return {
    head: () => Promise.resolve(head),
    page: (_org, after, upTo, limit) =>
      Promise.resolve(sorted.filter((row) => row.seq > after && row.seq <= upTo).slice(0, limit)),
    links: (_org, after, upTo, limit) =>
      Promise.resolve(
        sorted
          .filter((row) => row.seq > after && row.seq <= upTo)
          .slice(0, limit)
          .map((row) => ({ ...row, contentHash: hexOf(row.contentHash), hash: hexOf(row.hash) })),
      ),
    purged: () => Promise.resolve(undefined),
    sealedValues: () => Promise.resolve([]),
    seqAt: (_org, time) => Promise.resolve(sorted.filter((row) => row.time <= time).at(-1)?.seq ?? 0),
    ofAction: (_org, action, limit) =>
      Promise.resolve(
        sorted
          .filter((row) => row.action === action)
          .reverse()
          .slice(0, limit),
      ),
    tail: (_org, limit) => Promise.resolve(sorted.slice(-limit)),
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
