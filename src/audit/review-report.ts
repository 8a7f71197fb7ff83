import { DomainError } from '../domain/errors.ts'
import type { OrgId, ReviewId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Reviewer, ReviewItem } from '../domain/review.ts'
import { ACCESS_COLUMNS, kindText, Names } from './report-names.ts'
import { type Column, pagesOf, type Report, type ReportRow } from './report.ts'

const COLUMNS: readonly Column[] = [
  { name: 'item', label: 'Item', kind: 'number' },
  ...ACCESS_COLUMNS,
  { name: 'givenBy', label: 'Given by' },
  { name: 'decision', label: 'Decision' },
  { name: 'reason', label: 'Reason' },
  { name: 'reviewer', label: 'Reviewer' },
  { name: 'decided', label: 'Decided', kind: 'time' },
  { name: 'endedIn', label: 'Ended in record', kind: 'number' },
]

/**
 * A review of access with every item and what was decided of it; once it is signed, its export.
 * @throws DomainError `not-found`
 */
export async function reviewReport(
  reads: Pick<ReadStores, 'history' | 'reviews'>,
  orgId: OrgId,
  id: ReviewId,
): Promise<Report> {
  const review = await reads.reviews.find(orgId, id)
  if (review === undefined) throw new DomainError('not-found', `There is no review ${id}`)
  const { name, created, seq, state, signed = null, digest = null } = review
  return {
    name: 'review',
    about: id,
    title: `Access review: ${name}`,
    facts: [
      { name: 'review', label: 'Review', value: id },
      { name: 'created', label: 'Begun', kind: 'time', value: created },
      { name: 'record', label: 'Snapshot after record', kind: 'number', value: seq },
      { name: 'state', label: 'State', value: state },
      { name: 'signed', label: 'Signed off', kind: 'time', value: signed },
      { name: 'digest', label: 'SHA-256 of the decisions', value: digest },
    ],
    columns: COLUMNS,
    async *rows() {
      const pages = pagesOf((after: ReviewItem | undefined, limit) =>
        reads.reviews.items(orgId, id, after?.n ?? 0, limit),
      )
      for await (const page of pages) yield await rowsOf(reads, orgId, page)
    },
  }
}

async function rowsOf(
  { history }: Pick<ReadStores, 'history'>,
  orgId: OrgId,
  page: readonly ReviewItem[],
): Promise<readonly ReportRow[]> {
  const ids = page.flatMap(({ user, target, value, given, decided }) => [
    ...[user, target, value, given?.id, decided?.by.id],
  ])
  const names = await Names.read(history, orgId, ids)
  const by = (one: Reviewer | undefined) =>
    one === undefined ? null : names.actor({ actorType: one.type, actorId: one.id })
  return page.map(({ n, user, kind, target, value, given, decided, endedSeq }) => [
    ...[n, user, names.of(user), kindText(kind), target, names.of(target), names.of(value), by(given)],
    ...[decided?.decision ?? null, decided?.reason ?? null, by(decided?.by), decided?.at ?? null, endedSeq ?? null],
  ])
}
