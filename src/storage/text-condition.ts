import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Comparison } from '../domain/filter.ts'

/** `ne` is the opposite of `eq` over all values, so no single value is ever tested for it. */
export type SqlComparison = Exclude<Comparison, 'ne'>

const LAST_BEFORE_SURROGATES = 0xd7ff
const LAST_CODE_POINT = 0x10ffff

/**
 * The least text that comes after every text beginning with `prefix`, in code point order; undefined when there is none.
 */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0)
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  points.push(last === LAST_BEFORE_SURROGATES ? 0xe000 : last + 1)
  return String.fromCodePoint(...points)
}

/** By bytes on both dialects; what comes out of JSON has the database's own collation on PostgreSQL. */
function byBytes(dialect: Dialect, text: RawBuilder<unknown>): RawBuilder<unknown> {
  return dialect === 'sqlite' ? text : sql`${text} collate "C"`
}

/** A range, where LIKE could use no index (SQLite's ignores case) and would have to be escaped. */
function beginsWith(dialect: Dialect, text: RawBuilder<unknown>, prefix: string): RawBuilder<SqlBool> {
  const ordered = byBytes(dialect, text)
  const end = afterPrefix(prefix)
  return end === undefined
    ? sql<SqlBool>`${ordered} >= ${prefix}`
    : sql<SqlBool>`(${ordered} >= ${prefix} and ${ordered} < ${end})`
}

/** `%` and `_` have no meaning here, since no LIKE is used. */
function contains(dialect: Dialect, text: RawBuilder<unknown>, part: string): RawBuilder<SqlBool> {
  return dialect === 'sqlite' ? sql<SqlBool>`instr(${text}, ${part}) > 0` : sql<SqlBool>`strpos(${text}, ${part}) > 0`
}

function endsWith(dialect: Dialect, text: RawBuilder<unknown>, end: string): RawBuilder<SqlBool> {
  const characters = Array.from(end).length
  return dialect === 'sqlite'
    ? sql<SqlBool>`substr(${text}, ${-characters}) = ${end}`
    : sql<SqlBool>`right(${text}, ${characters}::integer) = ${end}`
}

/** Compares a time or a number; null where there is none. */
export function orderCondition(
  value: RawBuilder<unknown>,
  op: SqlComparison,
  literal: RawBuilder<unknown>,
): RawBuilder<SqlBool> {
  switch (op) {
    case 'gt':
      return sql<SqlBool>`${value} > ${literal}`
    case 'ge':
      return sql<SqlBool>`${value} >= ${literal}`
    case 'lt':
      return sql<SqlBool>`${value} < ${literal}`
    case 'le':
      return sql<SqlBool>`${value} <= ${literal}`
    default:
      return sql<SqlBool>`${value} = ${literal}`
  }
}

/**
 * Compares a text column or expression with a literal, which is bound; null where the column is. Both are folded
 * already, if at all.
 */
export function textCondition(
  dialect: Dialect,
  text: RawBuilder<unknown>,
  op: SqlComparison,
  literal: string,
): RawBuilder<SqlBool> {
  if (op === 'eq') return sql<SqlBool>`${text} = ${literal}`
  if (op !== 'co' && op !== 'sw' && op !== 'ew') return orderCondition(byBytes(dialect, text), op, sql`${literal}`)
  if (literal === '') return sql<SqlBool>`${text} is not null`
  if (op === 'sw') return beginsWith(dialect, text, literal)
  return op === 'co' ? contains(dialect, text, literal) : endsWith(dialect, text, literal)
}
