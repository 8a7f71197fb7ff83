import type { OrgRole } from '../domain/access.ts'
import type { AttributeRef, Comparison, Filter, Literal } from '../domain/filter.ts'
import { fold } from '../domain/fold.ts'
import type { ConnectionId, GroupId, OrgId } from '../domain/ids.ts'
import type { PageKey, PageQuery, ReadStores, Standing } from '../domain/ports.ts'
import { OWNER_PATH, ROLLCALL_URN, STATUS_PATH } from '../domain/schema-urns.ts'
import type { User, UserStatus } from '../domain/user.ts'

/** By what people are listed. */
export const PEOPLE_SORTS = ['userName', 'displayName', 'created', 'lastModified'] as const

export type PeopleSort = (typeof PEOPLE_SORTS)[number]

/** Which people an admin wants to see, and in what order; without one, by when they came. */
export interface PeopleQuery {
  /** Found within name, userName or an e-mail address, in any case. */
  readonly search?: string | undefined
  readonly status?: UserStatus | undefined
  readonly orgRole?: OrgRole | undefined
  /** Direct members of this team's group. */
  readonly team?: GroupId | undefined
  /** The connection that owns them; `none` for people nobody owns. */
  readonly owner?: ConnectionId | 'none' | undefined
  readonly sort?: { readonly by: PeopleSort; readonly descending: boolean } | undefined
  readonly limit: number
  readonly after?: PeopleCursor | undefined
}

/** Where a walk stands: the last row given, and the total it began with. */
export interface PeopleCursor {
  readonly key: PageKey
  readonly total: number
}

/** A person as an admin sees them in a list. */
export interface ListedPerson {
  readonly user: User
  readonly standing: Standing
}

export interface PeoplePage {
  readonly people: readonly ListedPerson[]
  readonly total: number
  readonly next: PeopleCursor | undefined
}

type PeopleReads = Pick<ReadStores, 'users'>

/** A page of the people of an org, each with what they hold, in a constant number of queries. */
export async function listPeople(reads: PeopleReads, orgId: OrgId, query: PeopleQuery): Promise<PeoplePage> {
  const page = await reads.users.page(orgId, pageQuery(query))
  const people = await withStanding(reads, orgId, page.rows)
  return { people, total: page.total, next: page.next && { key: page.next, total: page.total } }
}

/** The same for people that are at hand. */
export async function withStanding(
  reads: PeopleReads,
  orgId: OrgId,
  users: readonly User[],
): Promise<readonly ListedPerson[]> {
  if (users.length === 0) return []
  const standings = await reads.users.standingOf(orgId, users)
  return users.map((user) => ({ user, standing: standings.get(user.id)! }))
}

/** Admins are no client of their own: they see every person, and no connection's externalId. */
const VIEWER = { connectionId: undefined, kind: 'script' } as const

function pageQuery(query: PeopleQuery): PageQuery {
  const { sort, limit, after } = query
  return {
    filter: filterOf(query),
    sort: sort && { by: SORTS[sort.by], descending: sort.descending },
    startIndex: 1,
    count: limit,
    viewer: VIEWER,
    ...(after === undefined ? {} : { after: after.key, knownTotal: after.total }),
  }
}

function attribute(type: AttributeRef['type'], ...path: readonly string[]): AttributeRef {
  return { path, type, caseExact: false, multiValued: false }
}

const SORTS: Readonly<Record<PeopleSort, AttributeRef>> = {
  userName: attribute('string', 'userName'),
  displayName: attribute('string', 'displayName'),
  created: attribute('dateTime', 'meta', 'created'),
  lastModified: attribute('dateTime', 'meta', 'lastModified'),
}

const SEARCHED: readonly AttributeRef[] = [
  SORTS.userName,
  SORTS.displayName,
  attribute('string', 'name', 'givenName'),
  attribute('string', 'name', 'familyName'),
  attribute('string', 'name', 'formatted'),
  { ...attribute('string', 'emails', 'value'), multiValued: true },
]

const ORG_ROLE = attribute('string', ROLLCALL_URN, 'organizationRole')
const STATUS = { ...attribute('string', STATUS_PATH), caseExact: true }
const OWNER = { ...attribute('string', OWNER_PATH), caseExact: true }
const GROUP = { ...attribute('string', 'groups', 'value'), multiValued: true, caseExact: true }

function filterOf({ search, status, orgRole, team, owner }: PeopleQuery): Filter | undefined {
  const terms: Filter[] = []
  if (status !== undefined) terms.push(compare(STATUS, 'eq', status))
  if (orgRole !== undefined) terms.push(compare(ORG_ROLE, 'eq', orgRole))
  if (owner !== undefined) terms.push(compare(OWNER, 'eq', owner === 'none' ? '' : owner))
  if (team !== undefined) terms.push(compare(GROUP, 'eq', team))
  if (search !== undefined) {
    terms.push({ kind: 'or', terms: SEARCHED.map((at) => compare(at, 'co', fold(search))) })
  }
  const [only, ...more] = terms
  return more.length === 0 ? only : { kind: 'and', terms }
}

function compare(at: AttributeRef, op: Comparison, value: Literal): Filter {
  return { kind: 'compare', at, op, value }
}
