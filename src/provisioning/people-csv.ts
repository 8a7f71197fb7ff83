import { setImmediate } from 'node:timers/promises'
import { stringify } from 'csv-stringify/sync'
import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { type ListedPerson, listPeople, type PeopleCursor, type PeopleQuery } from './list-people.ts'
import { shownPairs, shownPerson } from './shown-person.ts'

/** The columns of an export, in their order. */
export const PEOPLE_COLUMNS = [
  'user name',
  'name',
  'e-mail',
  'org role',
  'seats',
  'teams',
  'status',
  'last active',
  'active days',
  'runs',
  'reports',
] as const

const PAGE = 500

/**
 * The people of an org as CSV (RFC 4180), a page of rows a piece: nothing is held but the page, and no row is missing or
 * there twice, whatever is written meanwhile. A cell that a spreadsheet would take for a formula begins with `'`.
 */
export async function* peopleCsv(
  reads: Pick<ReadStores, 'users'>,
  orgId: OrgId,
  query: Omit<PeopleQuery, 'limit' | 'after'> = {},
): AsyncGenerator<string> {
  yield csvOf([PEOPLE_COLUMNS])
  let after: PeopleCursor | undefined
  do {
    const page = await listPeople(reads, orgId, { ...query, limit: PAGE, after })
    if (page.people.length > 0) yield csvOf(page.people.map(cellsOf))
    after = page.next
    // A fast reader would else keep the event loop to itself for the whole file.
    await setImmediate()
  } while (after !== undefined)
}

function cellsOf(person: ListedPerson): readonly string[] {
  const { userName, name, email, orgRole, seats, teams, status, lastActive, ...did } = shownPerson(person)
  return [
    ...[userName, name, email ?? '', orgRole ?? '', shownPairs(Object.entries(seats))],
    ...[shownPairs(teams.map((team) => [team.name, team.role])), status, lastActive ?? ''],
    ...[did.daysActive, did.runs, did.reports].map(String),
  ]
}

function csvOf(rows: readonly (readonly string[])[]): string {
  return stringify(rows as string[][], { record_delimiter: 'windows', escape_formulas: true })
}
