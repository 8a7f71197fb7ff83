import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { DomainError } from '../domain/errors.ts'
import type { AttributeRef, Filter, Literal } from '../domain/filter.ts'
import { fold } from '../domain/fold.ts'
import { type AttributeColumn, columnOf, type FilterScope, hasIndex } from './attribute-columns.ts'
import { jsonList, type Place, rowPlace } from './json-sql.ts'
import { emailCondition, relationOf } from './relation-sql.ts'
import { orderCondition, type SqlComparison, textCondition } from './text-condition.ts'

type Condition = RawBuilder<SqlBool>

/** What is asked of the value at a reference: a comparison, or presence. */
type Test = { readonly op: SqlComparison; readonly value: Literal } | { readonly op: 'pr' }

/** How the leaves of a (part of a) tree become conditions. */
interface Compiling {
  leaf(at: AttributeRef, test: Test): Condition
  some(at: AttributeRef, where: Filter): Condition
}

const NEVER = sql<SqlBool>`1 = 0`
const ALWAYS = sql<SqlBool>`1 = 1`

/** Two-valued logic: an unknown leaf is false. */
function decided(condition: Condition): Condition {
  return sql<SqlBool>`coalesce(${condition}, false)`
}

function joined(kind: 'and' | 'or', terms: readonly Condition[]): Condition {
  if (terms.length === 0) return kind === 'and' ? ALWAYS : NEVER
  return sql<SqlBool>`(${sql.join(terms, kind === 'and' ? sql` and ` : sql` or `)})`
}

/**
 * Compiles a tree.
 * @param negated within a `not`, where unknown and false differ. Elsewhere they select the same rows, and a leaf left
 * bare is one an index can serve.
 */
function compile(filter: Filter, to: Compiling, negated: boolean): Condition {
  const leaf = (condition: Condition): Condition => (negated ? decided(condition) : condition)
  switch (filter.kind) {
    case 'constant':
      return filter.value ? ALWAYS : NEVER
    case 'not':
      return sql<SqlBool>`not (${compile(filter.term, to, true)})`
    case 'and':
    case 'or':
      return joined(
        filter.kind,
        filter.terms.map((term) => compile(term, to, negated)),
      )
    case 'present':
      return leaf(to.leaf(filter.at, { op: 'pr' }))
    case 'some':
      return leaf(to.some(filter.at, filter.where))
    case 'compare': {
      const { at, op, value } = filter
      if (op !== 'ne') return leaf(to.leaf(at, { op, value }))
      return sql<SqlBool>`not (${decided(to.leaf(at, { op: 'eq', value }))})`
    }
  }
}

/** Times in JSON are 24 characters in UTC, so their order as text is their order in time. */
function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().toLowerCase()
}

/** A test of the value by that name in a place of JSON, or of the rows of a relation. */
function placeCondition(scope: FilterScope, place: Place, at: AttributeRef, test: Test): Condition {
  const { path, type, caseExact } = at
  if (test.op === 'pr') return sql<SqlBool>`${place.text(path, false)} is not null`
  const { op, value } = test
  if (typeof value === 'boolean') return sql<SqlBool>`${place.flag(path)} = ${value ? 1 : 0}`
  if (typeof value === 'string') {
    return textCondition(scope.dialect, place.text(path, caseExact), op, caseExact ? value : fold(value))
  }
  if (type === 'dateTime') return textCondition(scope.dialect, place.text(path, false), op, timeText(value))
  const literal = scope.dialect === 'sqlite' ? sql`${value}` : sql`${value}::numeric`
  return orderCondition(place.number(path), op, literal)
}

function valueCondition(scope: FilterScope, { kind, value }: AttributeColumn, test: Test): Condition {
  if (test.op === 'pr') return sql<SqlBool>`${value} is not null`
  const literal = test.value
  if (typeof literal !== 'string') return orderCondition(value, test.op, sql`${Number(literal)}`)
  return textCondition(scope.dialect, value, test.op, kind === 'key' ? fold(literal) : literal)
}

function columnCondition(scope: FilterScope, at: AttributeRef, test: Test): Condition | undefined {
  const column = columnOf(scope, at.path)
  if (column === undefined) return undefined
  if (column.kind === 'flag' && test.op === 'eq') return statusCondition(test.value === true)
  const condition = valueCondition(scope, column, test)
  return column.only === undefined ? condition : sql<SqlBool>`(${column.only} and ${condition})`
}

/** `active`, asked of the column that has an index. */
function statusCondition(active: boolean): Condition {
  return active ? sql<SqlBool>`"user".status in ('active', 'pending')` : sql<SqlBool>`"user".status = 'deactivated'`
}

/** Inside an element: its references begin at it, and no list stands in a list. */
function elementCompiling(scope: FilterScope, element: Place): Compiling {
  return {
    leaf: (at, test) => placeCondition(scope, element, at, test),
    some: () => NEVER,
  }
}

/** That one value of a list satisfies a condition. */
function existsIn(scope: FilterScope, path: readonly string[], condition: (element: Place) => Condition): Condition {
  const list = relationOf(scope, path) ?? (scope.table === 'user' ? jsonList(scope.dialect, path) : undefined)
  if (list === undefined) return NEVER
  const { from, element } = list
  return sql<SqlBool>`exists (select 1 from ${from} where ${condition(element)})`
}

/** The names up to the list, and from its element on: the attribute comes first, behind the URN of an extension. */
function splitPath(path: readonly string[]): { readonly list: readonly string[]; readonly inner: readonly string[] } {
  const cut = path[0]?.includes(':') === true ? 2 : 1
  return { list: path.slice(0, cut), inner: path.slice(cut) }
}

/** A test of a multi-valued attribute: one of its values must satisfy it. */
function listCondition(scope: FilterScope, at: AttributeRef, test: Test): Condition {
  const { list, inner } = splitPath(at.path)
  const path = inner.length === 0 ? ['value'] : inner
  const indexed = test.op === 'pr' ? undefined : indexedCondition(scope, [...list, ...path], test.op, test.value)
  if (indexed !== undefined) return indexed
  const element = { ...at, path, multiValued: false }
  if (test.op === 'pr' && inner.length === 0) return existsIn(scope, list, () => ALWAYS)
  return existsIn(scope, list, (place) => placeCondition(scope, place, element, test))
}

/** What the tables beside the row answer without looking into the row's JSON. */
function indexedCondition(
  scope: FilterScope,
  path: readonly string[],
  op: SqlComparison,
  value: Literal,
): Condition | undefined {
  const [name = '', sub] = path
  if (path.length !== 2 || sub !== 'value' || typeof value !== 'string') return undefined
  if (scope.table === 'user' && name === 'emails') return emailCondition(scope, op, fold(value))
  return op === 'eq' ? relationOf(scope, [name])?.hasId(fold(value)) : undefined
}

/** The ids or addresses an element must have for a value path to hold: comparisons every one of its matches satisfies. */
function requiredTerms(where: Filter): readonly (Filter & { readonly kind: 'compare' })[] {
  if (where.kind === 'and') return where.terms.flatMap(requiredTerms)
  return where.kind === 'compare' && where.op === 'eq' && where.at.path[0] === 'value' ? [where] : []
}

function someCondition(scope: FilterScope, at: AttributeRef, where: Filter): Condition {
  const required = requiredTerms(where)
    .map(({ value }) => indexedCondition(scope, [...at.path, 'value'], 'eq', value))
    .filter((condition) => condition !== undefined)
  const [only] = required
  if (where.kind === 'compare' && only !== undefined) return only
  const exists = existsIn(scope, at.path, (place) => compile(where, elementCompiling(scope, place), false))
  // What an index can find comes beside what only the elements can tell.
  return required.length === 0 ? exists : sql<SqlBool>`(${sql.join([...required, exists], sql` and `)})`
}

function rowCondition(scope: FilterScope, at: AttributeRef, test: Test): Condition {
  if (at.multiValued) return listCondition(scope, at, test)
  const condition = columnCondition(scope, at, test)
  if (condition !== undefined) return condition
  // `meta` itself, and any attribute a group has no column for.
  if (at.path[0] === 'meta') return test.op === 'pr' ? ALWAYS : NEVER
  return scope.table === 'user' ? placeCondition(scope, rowPlace(scope.dialect), at, test) : NEVER
}

/** Each place opens tables of its own for every row, and SQLite's cost of that grows with the square of their number. */
const MAX_RELATION_TERMS = 20

/** How many terms look into tables of memberships for every row. */
function relationTerms(filter: Filter, scope: FilterScope): number {
  switch (filter.kind) {
    case 'constant':
      return 0
    case 'and':
    case 'or':
      return filter.terms.reduce((sum, term) => sum + relationTerms(term, scope), 0)
    case 'not':
      return relationTerms(filter.term, scope)
    default:
      return relationOf(scope, filter.at.path) === undefined || isIndexed(filter) ? 0 : 1
  }
}

/**
 * Compiles a filter to a condition on `scope.table` under its own name, two-valued like the evaluator in the domain.
 * Every value is bound; attribute names are the schema's. The caller restricts org and deletion itself.
 * @throws DomainError invalid-filter for more terms on memberships than a store can bear
 */
export function filterToSql(filter: Filter, scope: FilterScope): RawBuilder<SqlBool> {
  if (relationTerms(filter, scope) > MAX_RELATION_TERMS) {
    const name = scope.table === 'user' ? 'groups' : 'members'
    const message = `The filter has more than ${MAX_RELATION_TERMS} terms on ${name}; ask for ${name} by value.`
    throw new DomainError('invalid-filter', message)
  }
  const row: Compiling = {
    leaf: (at, test) => rowCondition(scope, at, test),
    some: (at, where) => someCondition(scope, at, where),
  }
  return compile(filter, row, false)
}

/**
 * Whether an index finds the rows of a filter: one of the terms that must all hold is an equality or range that has
 * one. Other filters look at every row of the org.
 */
export function isIndexed(filter: Filter): boolean {
  switch (filter.kind) {
    case 'constant':
      return !filter.value
    case 'and':
      return filter.terms.some(isIndexed)
    case 'compare':
      return hasIndex(filter.at.path, filter.op)
    case 'some':
      return requiredTerms(filter.where).length > 0 && hasIndex([...filter.at.path, 'value'], 'eq')
    case 'or':
    case 'not':
    case 'present':
      return false
  }
}
