import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { AttributeRef, Literal } from '../domain/filter.ts'
import { fold } from '../domain/fold.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import type { FilterScope } from './attribute-columns.ts'
import type { Place } from './json-sql.ts'
import { orderCondition, type SqlComparison, textCondition } from './text-condition.ts'

/** What is asked of an attribute: a comparison, or presence. */
export type AttributeTest = { readonly op: SqlComparison; readonly value: Literal } | { readonly op: 'pr' }

/** Whether a path names an attribute that the org declared. */
export function isCustom([urn, name]: readonly string[]): boolean {
  return urn === CUSTOM_URN && name !== undefined
}

function keyCondition({ dialect }: FilterScope, { caseExact }: AttributeRef, test: AttributeTest): RawBuilder<SqlBool> {
  if (test.op === 'pr') return sql<SqlBool>`1 = 1`
  const { op, value } = test
  if (typeof value !== 'string') return orderCondition(sql.ref('a.key_num'), op, sql`${Number(value)}`)
  return textCondition(dialect, sql.ref('a.key_text'), op, caseExact ? value : fold(value))
}

/** The people who have a value that satisfies a comparison, by its index. */
export function customHolders(scope: FilterScope, at: AttributeRef, test: AttributeTest): RawBuilder<unknown> {
  return sql`select a.user_id from user_attr as a
    where a.org_id = ${scope.orgId} and a.attr = ${at.path[1]} and ${keyCondition(scope, at, test)}`
}

/** SQLite has no statistics, and takes the index that a person's few values stand in only if told. */
function ofPerson({ dialect }: FilterScope): RawBuilder<unknown> {
  return dialect === 'sqlite' ? sql`indexed by sqlite_autoindex_user_attr_1` : sql``
}

/** That the person at hand has such a value. */
export function customCondition(scope: FilterScope, at: AttributeRef, test: AttributeTest): RawBuilder<SqlBool> {
  return sql<SqlBool>`exists (select 1 from user_attr as a ${ofPerson(scope)}
    where a.org_id = "user".org_id and a.user_id = "user".id and a.attr = ${at.path[1]}
    and ${keyCondition(scope, at, test)})`
}

/** The values of a multi-valued attribute as rows called `element`, with the place of one of them. */
export function customList(
  scope: FilterScope,
  { path, type }: AttributeRef,
): { readonly from: RawBuilder<unknown>; readonly element: Place } {
  const isText = type === 'string' || type === 'reference'
  const number = (): RawBuilder<unknown> => sql.ref('element.key_num')
  return {
    from: sql`(select a.key_text, a.key_num from user_attr as a ${ofPerson(scope)}
      where a.org_id = "user".org_id and a.user_id = "user".id and a.attr = ${path[1]}) as element`,
    element: { text: isText ? () => sql.ref('element.key_text') : number, flag: number, number, time: number },
  }
}
