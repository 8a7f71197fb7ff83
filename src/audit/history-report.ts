import type { AccessPeriod, HistoryReads, HistorySubject, RecordOrigin } from '../domain/history-ports.ts'
import type { OrgId } from '../domain/ids.ts'
import { ACCESS_COLUMNS, idsOf, kindText, Names, originsOf } from './report-names.ts'
import { type Column, pagesOf, type Report, type ReportRow } from './report.ts'

const COLUMNS: readonly Column[] = [
  { name: 'from', label: 'From', kind: 'time' },
  { name: 'to', label: 'To', kind: 'time' },
  ...ACCESS_COLUMNS,
  { name: 'givenBy', label: 'Given by' },
  { name: 'givenIn', label: 'Given in record', kind: 'number' },
  { name: 'endedBy', label: 'Ended by' },
  { name: 'endedIn', label: 'Ended in record', kind: 'number' },
]

/** All that a person ever held, or who ever was in a team and as what, oldest first; `to` is empty while it lasts. */
export async function historyReport(
  history: HistoryReads,
  orgId: OrgId,
  of: Exclude<HistorySubject, { readonly everybody: true }>,
): Promise<Report> {
  const about = 'user' in of ? of.user : of.team
  const names = await Names.read(history, orgId, [about])
  return {
    name: 'history',
    about,
    title: 'user' in of ? 'History of a person' : 'History of a team',
    facts: [{ name: 'about', label: 'About', value: names.of(about) }],
    columns: COLUMNS,
    async *rows() {
      const pages = pagesOf((after: AccessPeriod | undefined, limit) => history.periods(orgId, { of, after, limit }))
      for await (const page of pages) yield await rowsOf(history, orgId, page)
    },
  }
}

async function rowsOf(
  history: HistoryReads,
  orgId: OrgId,
  page: readonly AccessPeriod[],
): Promise<readonly ReportRow[]> {
  const seqs = page.flatMap(({ fromSeq, toSeq }) => [fromSeq, toSeq])
  const origins = await originsOf(history, orgId, seqs)
  const actors = Array.from(origins.values(), ({ actorId }) => actorId)
  const names = await Names.read(history, orgId, [...page.flatMap(idsOf), ...actors])
  const by = (origin: RecordOrigin | undefined) => (origin === undefined ? null : names.actor(origin))
  return page.map(({ user, kind, target, value, from, to, fromSeq, toSeq }) => [
    ...[from, to ?? null, user, names.of(user), kindText(kind), target, names.of(target), names.of(value)],
    ...[by(origins.get(fromSeq)), fromSeq],
    ...[toSeq === undefined ? null : by(origins.get(toSeq)), toSeq ?? null],
  ])
}
