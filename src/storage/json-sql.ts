import { type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'

/**
 * Where values are looked up by name: the row itself, or one element of a list. `exact` asks for the text as it was
 * sent, otherwise it is folded; what is no text is the same in both. Absent is null.
 */
export interface Place {
  text(names: readonly string[], exact: boolean): RawBuilder<unknown>
  /** 1 or 0, or null. */
  flag(names: readonly string[]): RawBuilder<unknown>
  number(names: readonly string[]): RawBuilder<unknown>
  /** Epoch milliseconds; absent where times are text. */
  time?(names: readonly string[]): RawBuilder<unknown>
}

/** A SQLite JSON path; names come from schemas, and are bound, but must not end their own quotes. */
function jsonPath(names: readonly string[]): string {
  const bad = names.find((name) => /["\\]/.test(name))
  if (bad !== undefined) throw new Error(`an attribute name may not hold quotes or backslashes: ${bad}`)
  return `$${names.map((name) => `."${name}"`).join('')}`
}

const BODY = sql.ref('user.body')
const SEARCH = sql.ref('user.search')

/** The attributes of a person's row: `body` as sent, `search` folded. */
export function rowPlace(dialect: Dialect): Place {
  const document = (exact: boolean): RawBuilder<unknown> => (exact ? BODY : SEARCH)
  if (dialect === 'sqlite') {
    const extract = (names: readonly string[], exact: boolean): RawBuilder<unknown> =>
      sql`json_extract(${document(exact)}, ${jsonPath(names)})`
    return { text: extract, flag: (names) => extract(names, false), number: (names) => extract(names, false) }
  }
  const text = (names: readonly string[], exact: boolean): RawBuilder<unknown> =>
    sql`(${document(exact)}::jsonb #>> ${names}::text[])`
  return postgresPlace(text, (names) => sql`(${SEARCH}::jsonb #> ${names}::text[])`)
}

function postgresPlace(text: Place['text'], json: (names: readonly string[]) => RawBuilder<unknown>): Place {
  return {
    text,
    flag: (names) => sql`(case ${text(names, false)} when 'true' then 1 when 'false' then 0 end)`,
    // A cast of what is no number would fail the whole query.
    number: (names) => sql`(case jsonb_typeof(${json(names)}) when 'number' then (${text(names, false)})::numeric end)`,
  }
}

/** A list within the row as a source of rows called `element`, with the place of one of them and their order. */
export interface JsonList {
  readonly from: RawBuilder<unknown>
  readonly element: Place
  readonly position: RawBuilder<unknown>
}

/**
 * The values of a multi-valued attribute; a plain value's only name is `value`.
 * @param path names from the resource
 */
export function jsonList(dialect: Dialect, path: readonly string[]): JsonList {
  return dialect === 'sqlite' ? sqliteList(path) : postgresList(path)
}

function sqliteList(path: readonly string[]): JsonList {
  const isObject = sql`element.type = 'object'`
  const folded = (names: readonly string[]): RawBuilder<unknown> =>
    isPlain(names)
      ? sql`(case when ${isObject} then json_extract(element.value, '$.value') else element.value end)`
      : sql`(case when ${isObject} then json_extract(element.value, ${jsonPath(names)}) end)`
  const exact = (names: readonly string[]): RawBuilder<unknown> => {
    const head = `${jsonPath(path)}[`
    const value = sql`json_extract(${BODY}, ${head} || element.key || ${`]${jsonPath(names).slice(1)}`})`
    return isPlain(names)
      ? sql`(case when ${isObject} then ${value} else json_extract(${BODY}, ${head} || element.key || ']') end)`
      : value
  }
  const text = (names: readonly string[], asSent: boolean): RawBuilder<unknown> =>
    asSent ? exact(names) : folded(names)
  return {
    from: sql`json_each(${SEARCH}, ${jsonPath(path)}) as element`,
    element: { text, flag: folded, number: folded },
    position: sql`element.key`,
  }
}

function isPlain(names: readonly string[]): boolean {
  return names.length === 1 && names[0] === 'value'
}

function postgresList(path: readonly string[]): JsonList {
  const list = sql`(${SEARCH}::jsonb #> ${path}::text[])`
  const element = sql`element.value`
  const sent = sql`(${BODY}::jsonb #> ${path}::text[] -> (element.position - 1)::integer)`
  const text = (names: readonly string[], exact: boolean): RawBuilder<unknown> => {
    const value = exact ? sent : element
    const inner = sql`(${value} #>> ${names}::text[])`
    if (!isPlain(names)) return inner
    return sql`(case jsonb_typeof(${value}) when 'object' then ${inner} else ${value} #>> '{}' end)`
  }
  const json = (names: readonly string[]): RawBuilder<unknown> =>
    isPlain(names)
      ? sql`(case jsonb_typeof(${element}) when 'object' then ${element} #> ${names}::text[] else ${element} end)`
      : sql`(${element} #> ${names}::text[])`
  // jsonb_array_elements fails on anything but an array.
  const guarded = sql`case jsonb_typeof(${list}) when 'array' then ${list} else '[]'::jsonb end`
  return {
    from: sql`jsonb_array_elements(${guarded}) with ordinality as element (value, position)`,
    element: postgresPlace(text, json),
    position: sql`element.position`,
  }
}
