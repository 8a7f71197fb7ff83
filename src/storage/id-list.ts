import { sql, type RawBuilder } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'

/**
 * A list of ids as one bound JSON parameter: the statement's text does not depend on how many there are, so it stays
 * prepared, and no limit on parameters is met. Use as `column IN ${idList(…)}`.
 */
export function idList(dialect: Dialect, ids: readonly string[]): RawBuilder<unknown> {
  const json = JSON.stringify(ids)
  return dialect === 'sqlite'
    ? sql`(select value from json_each(${json}))`
    : sql`(select jsonb_array_elements_text(${json}::text::jsonb))`
}

/** The same list as a source of rows with one column `id`. */
export function idRows(dialect: Dialect, ids: readonly string[]): RawBuilder<{ id: string }> {
  const json = JSON.stringify(ids)
  return dialect === 'sqlite'
    ? sql`(select value as id from json_each(${json}))`
    : sql`(select jsonb_array_elements_text(${json}::text::jsonb) collate "C" as id)`
}
