import type { HeldKind } from '../domain/history-ports.ts'
import type { OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { ReadStores, RecordReads, StoredRecord } from '../domain/ports.ts'
import { pagesOf } from './report.ts'
import type { Range } from './report-time.ts'

/** What reports read of a record's hashed text. */
export interface ReadBody {
  readonly action: string
  readonly actor: { readonly type: string; readonly id?: string }
  readonly cause?: RecordId
  readonly effects?: readonly ReadEffect[]
  readonly latencyUs?: number
  /** RFC 3339. */
  readonly receivedAt: string
  readonly request?: { readonly id: string }
}

/** One change of access, the same for all its people. */
export interface ReadEffect {
  readonly kind: HeldKind
  readonly target: string
  readonly old: string | null
  readonly new: string | null
  readonly via: string
  readonly people: readonly UserId[]
}

/** A record with what it says. */
export interface ReadRecord {
  readonly record: StoredRecord
  readonly body: ReadBody
}

/** The records of a time, by pages. The time becomes two places in the log once; what is written meanwhile is not in it. */
export async function* recordPages(
  reads: Pick<ReadStores, 'history'> & { readonly records: Pick<RecordReads, 'page'> },
  orgId: OrgId,
  { from, to }: Range,
): AsyncGenerator<readonly ReadRecord[]> {
  const first = await reads.history.seqAt(orgId, from - 1)
  const last = await reads.history.seqAt(orgId, to)
  const pages = pagesOf((after: StoredRecord | undefined, limit) =>
    reads.records.page(orgId, after?.seq ?? first, last, limit),
  )
  for await (const page of pages) yield page.map((record) => ({ record, body: JSON.parse(record.body) as ReadBody }))
}

/** Hands a list on in parts of a size, so that one record over many people is no larger than many over one. */
export function* partsOf<T>(list: Iterable<T>, size: number): Generator<readonly T[]> {
  let part: T[] = []
  for (const one of list) {
    part.push(one)
    if (part.length < size) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}
