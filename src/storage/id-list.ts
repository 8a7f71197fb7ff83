import { sql, type RawBuilder } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'

/**
 * That a column holds one of some ids, which are one bound JSON parameter: the statement's text does not depend on how
 * many there are, so it stays prepared, and no limit on parameters is met. Use as `column ${isAmong(…)}`.
 *
 * PostgreSQL looks each value of an array up by an index; a set of rows it takes for a hundred, and would rather compare
 * them with all members of a group or all people of an org.
 */
export function isAmong(dialect: Dialect, ids: readonly string[]): RawBuilder<unknown> {
  return isAmongJson(dialect, JSON.stringify(ids))
}

/** The same for a list that is JSON text already. */
export function isAmongJson(dialect: Dialect, json: string): RawBuilder<unknown> {
  return dialect === 'sqlite'
    ? sql`in (select value from json_each(${json}))`
    : sql`= any (array (select jsonb_array_elements_text(${json}::text::jsonb)))`
}

/** That a column holds none of some ids, of which there may be thousands. Use as `column ${isNoneOf(…)}`. */
export function isNoneOf(dialect: Dialect, ids: readonly string[]): RawBuilder<unknown> {
  const json = JSON.stringify(ids)
  return dialect === 'sqlite'
    ? sql`not in (select value from json_each(${json}))`
    : sql`not in (select jsonb_array_elements_text(${json}::text::jsonb))`
}

/** That a column holds one of some whole numbers. */
export function isNumberAmong(dialect: Dialect, numbers: readonly number[]): RawBuilder<unknown> {
  const json = JSON.stringify(numbers)
  return dialect === 'sqlite'
    ? sql`in (select value from json_each(${json}))`
    : sql`= any (array (select value::bigint from jsonb_array_elements_text(${json}::text::jsonb)))`
}

/**
 * Hint beside `(user_id, …) in ${jsonRows(…)}`: that `user_id` is the first value of one of the rows, by which PostgreSQL
 * finds them. SQLite finds them as it is.
 */
export function userOfRows(dialect: Dialect, json: string): RawBuilder<unknown> {
  return dialect === 'sqlite'
    ? sql``
    : sql`and user_id = any (array (select value ->> 0 from jsonb_array_elements(${json}::text::jsonb)))`
}

/** The list of ids as a source of rows with one column `id`. */
export function idRows(dialect: Dialect, ids: readonly string[]): RawBuilder<{ id: string }> {
  return jsonIdRows(dialect, JSON.stringify(ids))
}

/** The same for a list that is JSON text already. */
export function jsonIdRows(dialect: Dialect, json: string): RawBuilder<{ id: string }> {
  return dialect === 'sqlite'
    ? sql`(select value as id from json_each(${json}))`
    : sql`(select jsonb_array_elements_text(${json}::text::jsonb) collate "C" as id)`
}

/** The same with the place of each id in the list as column `n`, from 0. */
export function numberedIds(dialect: Dialect, json: string): RawBuilder<{ id: string; n: number }> {
  return dialect === 'sqlite'
    ? sql`(select key as n, value as id from json_each(${json}))`
    : sql`(select (at - 1)::int as n, each collate "C" as id
        from jsonb_array_elements_text(${json}::text::jsonb) with ordinality as list (each, at))`
}

const TYPES = { text: sql`text`, bigint: sql`bigint`, numeric: sql`numeric` } as const

/**
 * Rows as one bound JSON parameter, a list of lists, whose values are named and typed in their order: a source of rows,
 * as `insert … select` wants it.
 */
export function jsonRows(
  dialect: Dialect,
  json: string,
  columns: Readonly<Record<string, keyof typeof TYPES>>,
): RawBuilder<unknown> {
  const picked = Object.entries(columns).map(([name, type], at) =>
    dialect === 'sqlite'
      ? sql`json_extract(value, ${sql.lit(`$[${at}]`)}) as ${sql.id(name)}`
      : sql`(value ->> ${sql.lit(at)})::${TYPES[type]} as ${sql.id(name)}`,
  )
  const list = dialect === 'sqlite' ? sql`json_each(${json})` : sql`jsonb_array_elements(${json}::text::jsonb)`
  return sql`(select ${sql.join(picked)} from ${list})`
}

/**
 * Hint after `group_member` where its rows are found by person: without statistics SQLite would rather read all rows of
 * the org in the primary key, which covers the query. PostgreSQL knows better by itself.
 */
export function memberIndex(dialect: Dialect): RawBuilder<unknown> {
  return dialect === 'sqlite' ? sql`indexed by group_member_user` : sql``
}
