import { compareText, evaluate, valuesAt } from './evaluate.ts'
import type { AttributeRef } from './filter.ts'
import { fold } from './fold.ts'
import type { OrgId } from './ids.ts'
import type { Json, JsonObject } from './json.ts'
import type { Page, PageKey, PageQuery } from './ports.ts'
import { type CustomRole, roleAttributes } from './role.ts'

/** A role as filters and sorts see it: dates as on the wire, the version as its entity tag. */
function documentOf(role: CustomRole, orgId: OrgId): JsonObject {
  return {
    ...roleAttributes(role, orgId),
    meta: {
      created: new Date(role.created).toISOString(),
      lastModified: new Date(role.updated).toISOString(),
      version: `W/"${role.version}"`,
    },
  }
}

function keyOf(value: Json | undefined, at: AttributeRef): string | number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  return at.caseExact ? value : fold(value)
}

type Key = string | number | undefined

/** Unassigned values come last (RFC 7644 §3.4.2.3), which in descending order is first. */
function compareKeys(left: Key, right: Key): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined)
  if (typeof left === 'string' && typeof right === 'string') return compareText(left, right)
  return Number(left) - Number(right)
}

/**
 * One page of an org's roles. An org has few, and most of `permissions` follows from the base and stands in no table,
 * so they are filtered and sorted here; of equals the older one comes first, descending last.
 * @param roles all roles of the org, in the order they were made
 */
export function pageOfRoles(roles: readonly CustomRole[], orgId: OrgId, query: PageQuery): Page<CustomRole> {
  const { filter, sort, after, startIndex, count } = query
  const rows = roles.map((role) => ({ role, document: documentOf(role, orgId) }))
  const found = (filter === undefined ? rows : rows.filter(({ document }) => evaluate(filter, document))).map(
    ({ role, document }): Placed => ({
      role,
      key: sort === undefined ? undefined : keyOf(valuesAt(document, sort.by.path)[0], sort.by),
    }),
  )
  const order = (a: Place, b: Place): number =>
    (compareKeys(a.key, b.key) || a.role.ord - b.role.ord) * (sort?.descending === true ? -1 : 1)
  found.sort(order)
  const from = after === undefined ? startIndex - 1 : behind(found, after, order)
  const page = found.slice(from, from + count)
  const last = page.at(-1)
  return {
    total: found.length,
    rows: page.map(({ role }) => role),
    next:
      last === undefined || from + count >= found.length ? undefined : { sort: last.key ?? null, ord: last.role.ord },
  }
}

interface Place {
  readonly key: Key
  readonly role: Pick<CustomRole, 'ord'>
}

interface Placed extends Place {
  readonly role: CustomRole
}

/** Where the rows behind a key begin, whether or not the row it was taken from is still there. */
function behind(rows: readonly Placed[], { sort, ord }: PageKey, order: (a: Place, b: Place) => number): number {
  const key = { key: sort ?? undefined, role: { ord } }
  const index = rows.findIndex((row) => order(row, key) > 0)
  return index < 0 ? rows.length : index
}
