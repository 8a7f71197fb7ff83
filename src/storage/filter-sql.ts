import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { DomainError } from '../domain/errors.ts'
import type { AttributeRef, Filter, Literal } from '../domain/filter.ts'
import { fold } from '../domain/fold.ts'
import { type AttributeColumn, columnOf, type FilterScope, hasIndex } from './attribute-columns.ts'
import { type AttributeTest, customCondition, customHolders, customList, isCustom } from './custom-sql.ts'
import { gathers, isIndexed, leadsToRows, requiredTerms } from './filter-index.ts'
import { jsonList, type JsonList, type Place, rowPlace } from './json-sql.ts'
import { emailCondition, emailHolders, relationOf } from './relation-sql.ts'
import { orderCondition, type SqlComparison, textCondition } from './text-condition.ts'

type Condition = RawBuilder<SqlBool>

/** How the leaves of a (part of a) tree become conditions. */
interface Compiling {
  leaf(at: AttributeRef, test: AttributeTest): Condition
  some(at: AttributeRef, where: Filter): Condition
  /** An `or` as a whole, where indexes serve all its branches. */
  anyOf?(terms: readonly Filter[]): Condition | undefined
  /** How terms that lead nowhere are compiled: those of a `not`, and those beside one that leads to rows. */
  readonly beside?: Compiling
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
      return sql<SqlBool>`not (${compile(filter.term, to.beside ?? to, true)})`
    case 'and':
      return allOf(filter.terms, to, negated)
    case 'or':
      return anyOf(filter.terms, to, negated)
    case 'present':
      return leaf(to.leaf(filter.at, { op: 'pr' }))
    case 'some':
      return leaf(to.some(filter.at, filter.where))
    case 'compare': {
      const { at, op, value } = filter
      if (op !== 'ne') return leaf(to.leaf(at, { op, value }))
      return sql<SqlBool>`not (${decided((to.beside ?? to).leaf(at, { op: 'eq', value }))})`
    }
  }
}

function anyOf(terms: readonly Filter[], to: Compiling, negated: boolean): Condition {
  const whole = negated ? undefined : to.anyOf?.(terms)
  if (whole !== undefined) return whole
  return joined(
    'or',
    terms.map((term) => compile(term, to, negated)),
  )
}

/** Where an index leads to the rows, what would gather ids is asked of each row instead. */
function allOf(terms: readonly Filter[], to: Compiling, negated: boolean): Condition {
  const beside = terms.some(leadsToRows) ? (to.beside ?? to) : to
  return joined(
    'and',
    terms.map((term) => compile(term, gathers(term) ? beside : to, negated)),
  )
}

/** Times in JSON are 24 characters in UTC, so their order as text is their order in time. */
function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().toLowerCase()
}

/** A test of the value by that name in a place of JSON, or of the rows of a relation. */
function placeCondition(scope: FilterScope, place: Place, at: AttributeRef, test: AttributeTest): Condition {
  const { path, type, caseExact } = at
  if (test.op === 'pr') return sql<SqlBool>`${place.text(path, false)} is not null`
  const { op, value } = test
  if (typeof value === 'boolean') return sql<SqlBool>`${place.flag(path)} = ${value ? 1 : 0}`
  if (typeof value === 'string') {
    return textCondition(scope.dialect, place.text(path, caseExact), op, caseExact ? value : fold(value))
  }
  if (type === 'dateTime' && place.time !== undefined) return orderCondition(place.time(path), op, sql`${value}`)
  if (type === 'dateTime') return textCondition(scope.dialect, place.text(path, false), op, timeText(value))
  const literal = scope.dialect === 'sqlite' ? sql`${value}` : sql`${value}::numeric`
  return orderCondition(place.number(path), op, literal)
}

function valueCondition(scope: FilterScope, { kind, value }: AttributeColumn, test: AttributeTest): Condition {
  if (test.op === 'pr') return sql<SqlBool>`${value} is not null`
  const literal = test.value
  if (typeof literal !== 'string') return orderCondition(value, test.op, sql`${Number(literal)}`)
  return textCondition(scope.dialect, value, test.op, kind === 'key' ? fold(literal) : literal)
}

function columnCondition(scope: FilterScope, at: AttributeRef, test: AttributeTest): Condition | undefined {
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
function existsIn(scope: FilterScope, at: AttributeRef, condition: (element: Place) => Condition): Condition {
  const list = listAt(scope, at)
  if (list === undefined) return NEVER
  const { from, element } = list
  return sql<SqlBool>`exists (select 1 from ${from} where ${condition(element)})`
}

function listAt(scope: FilterScope, at: AttributeRef): Pick<JsonList, 'from' | 'element'> | undefined {
  const relation = relationOf(scope, at.path)
  if (relation !== undefined || scope.table !== 'user') return relation
  return isCustom(at.path) ? customList(scope, at) : jsonList(scope.dialect, at.path)
}

/** The names up to the list, and from its element on: the attribute comes first, behind the URN of an extension. */
function splitPath(path: readonly string[]): { readonly list: readonly string[]; readonly inner: readonly string[] } {
  const cut = path[0]?.includes(':') === true ? 2 : 1
  return { list: path.slice(0, cut), inner: path.slice(cut) }
}

/** A test of a multi-valued attribute: one of its values must satisfy it. */
function listCondition(scope: FilterScope, at: AttributeRef, test: AttributeTest): Condition {
  const { list, inner } = splitPath(at.path)
  const path = inner.length === 0 ? ['value'] : inner
  const indexed = test.op === 'pr' ? undefined : indexedCondition(scope, [...list, ...path], test.op, test.value)
  if (indexed !== undefined) return indexed
  const element = { ...at, path, multiValued: false }
  const within = { ...at, path: list }
  if (test.op === 'pr' && inner.length === 0) return existsIn(scope, within, () => ALWAYS)
  return existsIn(scope, within, (place) => placeCondition(scope, place, element, test))
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

function someCondition(scope: FilterScope, at: AttributeRef, where: Filter): Condition {
  const required = requiredTerms(where)
    .map(({ value }) =>
      isCustom(at.path)
        ? rowCondition(scope, at, { op: 'eq', value })
        : indexedCondition(scope, [...at.path, 'value'], 'eq', value),
    )
    .filter((condition) => condition !== undefined)
  const [only] = required
  if (where.kind === 'compare' && only !== undefined) return only
  const exists = existsIn(scope, at, (place) => compile(where, elementCompiling(scope, place), false))
  // What an index can find comes beside what only the elements can tell.
  return required.length === 0 ? exists : sql<SqlBool>`(${sql.join([...required, exists], sql` and `)})`
}

function ownCondition(scope: FilterScope, at: AttributeRef, test: AttributeTest): Condition {
  const leads = scope.rowsLead !== true && test.op !== 'pr' && hasIndex(at.path, test.op)
  return leads ? sql<SqlBool>`"user".id in (${customHolders(scope, at, test)})` : customCondition(scope, at, test)
}

function rowCondition(scope: FilterScope, at: AttributeRef, test: AttributeTest): Condition {
  if (scope.table === 'user' && isCustom(at.path)) return ownCondition(scope, at, test)
  if (at.multiValued) return listCondition(scope, at, test)
  const condition = columnCondition(scope, at, test)
  if (condition !== undefined) return condition
  // `meta` itself, and any attribute a group has no column for.
  if (at.path[0] === 'meta') return test.op === 'pr' ? ALWAYS : NEVER
  return scope.table === 'user' ? placeCondition(scope, rowPlace(scope.dialect), at, test) : NEVER
}

function rowCompiling(scope: FilterScope): Compiling {
  const leafs = (within: FilterScope): Compiling => ({
    leaf: (at, test) => rowCondition(within, at, test),
    some: (at, where) => someCondition(within, at, where),
  })
  if (scope.rowsLead === true) return leafs(scope)
  const row: Compiling = {
    ...leafs(scope),
    anyOf: (terms) => (isIndexed({ kind: 'or', terms }) ? idIn(scope, idsOfAny(terms, scope, row)) : undefined),
    beside: leafs({ ...scope, rowsLead: true }),
  }
  return row
}

function idIn({ table }: FilterScope, ids: RawBuilder<unknown>): Condition {
  return sql<SqlBool>`${sql.ref(`${table}.id`)} in (${ids})`
}

/** The ids of the rows that satisfy one of several terms, each found by its own index. */
function idsOfAny(terms: readonly Filter[], { table, orgId }: FilterScope, to: Compiling): RawBuilder<unknown> {
  const column = (name: string): RawBuilder<unknown> => sql.ref(`${table}.${name}`)
  const branches = terms.map(
    (term) => sql`select ${column('id')} from ${sql.table(table)}
      where ${column('org_id')} = ${orgId} and ${column('deleted_at')} is null and ${compile(term, to, false)}`,
  )
  return sql.join(branches, sql` union all `)
}

/**
 * What a filter gathers ids with before a row is read: one query each, what a later one needs first. Where one of them
 * finds many, looking at the rows is better.
 */
export function gatheringOf(filter: Filter, scope: FilterScope): readonly RawBuilder<unknown>[] {
  if (!gathers(filter)) return []
  switch (filter.kind) {
    case 'and':
      return filter.terms.flatMap((term) => gatheringOf(term, scope))
    case 'or':
      return [
        ...filter.terms.flatMap((term) => gatheringOf(term, scope)),
        idsOfAny(filter.terms, scope, rowCompiling(scope)),
      ]
    case 'compare':
      return filter.op === 'ne' ? [] : [holdersOf(scope, filter.at, { op: filter.op, value: filter.value })]
    case 'some':
      return requiredTerms(filter.where).map(({ value }) => holdersOf(scope, filter.at, { op: 'eq', value }))
    default:
      return []
  }
}

function holdersOf(scope: FilterScope, at: AttributeRef, test: AttributeTest & { op: SqlComparison }) {
  return isCustom(at.path) ? customHolders(scope, at, test) : emailHolders(scope, test.op, fold(String(test.value)))
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
  return compile(filter, rowCompiling(scope), false)
}
