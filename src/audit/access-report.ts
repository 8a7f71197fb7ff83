import type { AccessPeriod, HistoryReads, HistorySubject } from '../domain/history-ports.ts'
import type { OrgId } from '../domain/ids.ts'
import { ACCESS_COLUMNS, idsOf, kindText, Names, originsOf } from './report-names.ts'
import { type Column, pagesOf, type Report, type ReportRow } from './report.ts'

/** What was held right after one record of the log. */
export interface AccessQuestion {
  /** Epoch milliseconds. */
  readonly at: number
  readonly of: HistorySubject
}

const COLUMNS: readonly Column[] = [
  ...ACCESS_COLUMNS,
  { name: 'since', label: 'Since', kind: 'time' },
  { name: 'givenBy', label: 'Given by' },
  { name: 'record', label: 'Record', kind: 'number' },
]

/**
 * Who had which account, role in the org, seat and team at an instant. The instant becomes a place in the log once, and
 * from there on only places count: clocks that step and equal milliseconds change nothing.
 */
export async function accessReport(history: HistoryReads, orgId: OrgId, { at, of }: AccessQuestion): Promise<Report> {
  const seq = await history.seqAt(orgId, at)
  const about = 'user' in of ? of.user : 'team' in of ? of.team : undefined
  const names = await Names.read(history, orgId, [about])
  return {
    name: 'access',
    title: 'Access at an instant',
    ...(about === undefined ? {} : { about }),
    facts: [
      { name: 'at', label: 'At', kind: 'time', value: at },
      { name: 'record', label: 'After record', kind: 'number', value: seq },
      { name: 'about', label: 'About', value: about === undefined ? 'everybody' : names.of(about) },
    ],
    columns: COLUMNS,
    async *rows() {
      for await (const page of heldPages(history, orgId, seq, of)) yield await rowsOf(history, orgId, page)
    },
  }
}

/** Everything that was held right after a record, page by page. */
export function heldPages(
  history: HistoryReads,
  orgId: OrgId,
  seq: number,
  of: HistorySubject,
): AsyncGenerator<readonly AccessPeriod[]> {
  return pagesOf((after: AccessPeriod | undefined, limit) => history.heldAt(orgId, seq, { of, after, limit }))
}

async function rowsOf(
  history: HistoryReads,
  orgId: OrgId,
  page: readonly AccessPeriod[],
): Promise<readonly ReportRow[]> {
  const origins = await originsOf(
    history,
    orgId,
    page.map(({ fromSeq }) => fromSeq),
  )
  const actors = Array.from(origins.values(), ({ actorId }) => actorId)
  const names = await Names.read(history, orgId, [...page.flatMap(idsOf), ...actors])
  return page.map(({ user, kind, target, value, from, fromSeq }) => {
    const origin = origins.get(fromSeq)
    const by = origin === undefined ? null : names.actor(origin)
    return [user, names.of(user), kindText(kind), target, names.of(target), names.of(value), from, by, fromSeq]
  })
}
