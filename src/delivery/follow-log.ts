import type { AskedRecords } from '../audit/log-query.ts'
import type { OrgId } from '../domain/ids.ts'
import type { RecordReads } from '../domain/ports.ts'
import type { HeadWatch } from './head-watch.ts'
import { type DeadPlace, type LogPage, type LogPlace, readOn } from './log-place.ts'

/** Records of a page of a stream. */
const PAGE = 200
/** Something is sent at least this often, so that whatever stands between does not take the connection for dead. */
const BEAT_MS = 15_000
/** How long after a check of the reader's right records may still go out. */
const CHECK_MS = 1_000

export interface FollowParts {
  readonly reads: RecordReads
  readonly watch: HeadWatch
}

export interface Following {
  readonly orgId: OrgId
  readonly from: LogPlace
  readonly query: AskedRecords
  /** Aborted once the reader has gone. */
  readonly signal: AbortSignal
  /** Rejects once the reader may read no more. */
  readonly mayRead: () => Promise<void>
}

/** A page of records; `beat` where there was none for a while; a place that is no more ends it. */
export type Followed = LogPage | DeadPlace | 'beat'

/**
 * The log from a place on, for as long as the reader is there and may read: a page is read when the one before was taken,
 * so that a slow reader holds one page and no more.
 * @throws whatever `mayRead` rejects with
 */
export async function* followLog(parts: FollowParts, following: Following): AsyncGenerator<Followed> {
  const { orgId, query, signal, mayRead } = following
  let { from } = following
  let [beat, checked] = [performance.now(), Number.NEGATIVE_INFINITY]
  while (!signal.aborted && !parts.watch.ended()) {
    const page = await readOn(parts.reads, orgId, from, { query, limit: PAGE })
    if (performance.now() - checked >= CHECK_MS) {
      await mayRead()
      checked = performance.now()
    }
    if (!('records' in page)) {
      yield page
      return
    }
    if (page.records.length > 0) {
      yield page
      beat = performance.now()
    }
    from = page.place
    if (page.more) continue
    const left = beat + BEAT_MS - performance.now()
    if (await parts.watch.past(orgId, from.seq, { ms: left, signal })) continue
    if (performance.now() - beat < BEAT_MS) continue
    yield 'beat'
    beat = performance.now()
  }
}
