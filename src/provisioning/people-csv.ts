import { setImmediate } from 'node:timers/promises'
import { stringify } from 'csv-stringify/sync'
import type { JsonObject } from '../domain/json.ts'
import type { OrgId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import { type ListedPerson, listPeople, type PeopleCursor, type PeopleQuery } from './list-people.ts'

const COLUMNS = ['user name', 'name', 'e-mail', 'org role', 'seats', 'teams', 'status', 'last active'] as const

const PAGE = 500

/**
 * The people of an org as CSV (RFC 4180), a page of rows a piece: nothing is held but the page, and no row is missing or
 * there twice, whatever is written meanwhile. A cell that a spreadsheet would take for a formula begins with `'`.
 */
export async function* peopleCsv(
  reads: Pick<ReadStores, 'users' | 'keys'>,
  orgId: OrgId,
  query: Omit<PeopleQuery, 'limit' | 'after'> = {},
): AsyncGenerator<string> {
  yield csvOf([COLUMNS])
  let after: PeopleCursor | undefined
  do {
    const page = await listPeople(reads, orgId, { ...query, limit: PAGE, after })
    if (page.people.length > 0) yield csvOf(page.people.map(cellsOf))
    after = page.next
    // A fast reader would else keep the event loop to itself for the whole file.
    await setImmediate()
  } while (after !== undefined)
}

/** The name a person is shown by; '' where they have none but their userName. */
export function shownName({ attributes }: User): string {
  const name = attributes['name'] as JsonObject | undefined
  const parts = [name?.['givenName'], name?.['familyName']].filter((part) => typeof part === 'string')
  const whole = [attributes['displayName'], name?.['formatted']].find((text) => typeof text === 'string')
  return whole ?? parts.join(' ')
}

function cellsOf({ user, standing, lastActive }: ListedPerson): readonly string[] {
  const { seats, teamRoles } = standing.access
  return [
    ...[user.attributes.userName, shownName(user), primaryEmail(user.attributes) ?? ''],
    user.orgRole === 'none' ? '' : user.orgRole,
    [...seats].map(([product, type]) => `${product}: ${type}`).join('; '),
    teamRoles.map(({ teamName, roleName }) => `${teamName}: ${roleName}`).join('; '),
    user.status,
    lastActive === undefined ? '' : new Date(lastActive).toISOString(),
  ]
}

function csvOf(rows: readonly (readonly string[])[]): string {
  return stringify(rows as string[][], { record_delimiter: 'windows', escape_formulas: true })
}
