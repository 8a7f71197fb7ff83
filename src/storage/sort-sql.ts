import { type RawBuilder, sql } from 'kysely'
import type { AttributeRef } from '../domain/filter.ts'
import { columnOf, type FilterScope } from './attribute-columns.ts'
import { jsonList, type Place, rowPlace } from './json-sql.ts'
import { relationOf } from './relation-sql.ts'

/** PostgreSQL takes a bare null for a column's number in ORDER BY, and refuses it. */
const NOTHING = sql`cast(null as text)`

/** The key of a value by its type; text by bytes, as the evaluator in the domain orders it. */
function keyIn({ dialect }: FilterScope, place: Place, { path, type, caseExact }: AttributeRef): RawBuilder<unknown> {
  if (type === 'boolean') return place.flag(path)
  if (type === 'integer' || type === 'decimal') return place.number(path)
  const text = place.text(path, caseExact)
  return dialect === 'sqlite' ? text : sql`(${text} collate "C")`
}

/** The primary value, else the first (RFC 7644 §3.4.2.3). */
function listKey(scope: FilterScope, at: AttributeRef): RawBuilder<unknown> {
  const cut = at.path[0]?.includes(':') === true ? 2 : 1
  const inner = at.path.slice(cut)
  const ref = { ...at, path: inner.length === 0 ? ['value'] : inner }
  const relation = relationOf(scope, at.path)
  if (relation !== undefined) {
    return sql`(select ${keyIn(scope, relation.element, ref)} from ${relation.from} order by ${relation.position} limit 1)`
  }
  if (scope.table !== 'user') return NOTHING
  const { from, element, position } = jsonList(scope.dialect, at.path.slice(0, cut))
  return sql`(select ${keyIn(scope, element, ref)} from ${from}
    order by coalesce(${element.flag(['primary'])}, 0) desc, ${position} limit 1)`
}

/**
 * What a list sorted by an attribute is ordered by (RFC 7644 §3.4.2.3), the same on both dialects; null where the
 * attribute is unassigned or not the viewer's to see, and the caller says where nulls go.
 */
export function sortExpression(at: AttributeRef, scope: FilterScope): RawBuilder<unknown> {
  if (at.multiValued) return listKey(scope, at)
  const column = columnOf(scope, at.path)
  if (column?.only !== undefined) return sql`(case when ${column.only} then ${column.value} end)`
  if (column !== undefined) return column.value
  return scope.table === 'user' && at.path[0] !== 'meta' ? keyIn(scope, rowPlace(scope.dialect), at) : NOTHING
}
