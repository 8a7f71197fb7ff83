import { type Kysely, sql } from 'kysely'
import type { Database, UserAttrTable } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgAttribute } from '../domain/org-attribute.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import type { User } from '../domain/user.ts'
import { selectAttributes, toAttribute } from './attribute-row.ts'
import { jsonRows } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** A row of `user_attr` but for whose it is. */
export type AttributeKey = Omit<UserAttrTable, 'org_id' | 'user_id'>

/** What filters compare of a person's values of the org's own attributes; values under no declaration have no key. */
export function attributeKeys(attributes: JsonObject, declared: readonly OrgAttribute[]): readonly AttributeKey[] {
  const custom = attributes[CUSTOM_URN]
  if (!isJsonObject(custom)) return []
  return declared.flatMap((attribute) => {
    const value = custom[attribute.name]
    if (value === undefined) return []
    const values: readonly Json[] = Array.isArray(value) ? value : [value]
    return values.map((each, ordinal) => ({ attr: attribute.name, ordinal, ...keyOf(attribute, each) }))
  })
}

function keyOf({ type, caseExact }: OrgAttribute, value: Json): Pick<AttributeKey, 'key_text' | 'key_num'> {
  if (typeof value !== 'string') return { key_text: null, key_num: Number(value) }
  if (type === 'dateTime') return { key_text: null, key_num: Date.parse(value) }
  return { key_text: caseExact ? value : fold(value), key_num: null }
}

interface OfPerson {
  readonly orgId: OrgId
  readonly id: UserId
}

const deleteKeys = preparedQuery((db, { orgId, id }: OfPerson) =>
  db.deleteFrom('user_attr').where('org_id', '=', orgId).where('user_id', '=', id).compile(),
)

const COLUMNS = { attr: 'text', ordinal: 'bigint', key_text: 'text', key_num: 'numeric' } as const

/** Rows: attribute, ordinal, text, number. */
const insertKeys = preparedQuery((db, { orgId, id, json }: OfPerson & { readonly json: string }, dialect) =>
  sql`insert into user_attr (org_id, user_id, attr, ordinal, key_text, key_num)
    select cast(${orgId} as text), cast(${id} as text), attr, ordinal, key_text, key_num
    from ${jsonRows(dialect, json, COLUMNS)} as r where true`.compile(db),
)

/** Brings the keys of a person in line with its attributes; who has no value of an org's own attribute costs nothing. */
export async function writeAttributeKeys(
  db: Kysely<Database>,
  orgId: OrgId,
  before: User | undefined,
  after: User,
): Promise<void> {
  const [was, is] = [before?.attributes[CUSTOM_URN], after.attributes[CUSTOM_URN]]
  if ((was === undefined && is === undefined) || equalJson(was, is)) return
  if (was !== undefined) await deleteKeys(db, { orgId, id: after.id })
  if (is === undefined) return
  const declared = (await selectAttributes(db, { orgId })).map(toAttribute)
  const keys = attributeKeys(after.attributes, declared)
  if (keys.length === 0) return
  const rows = keys.map((key) => [key.attr, key.ordinal, key.key_text, key.key_num])
  await insertKeys(db, { orgId, id: after.id, json: JSON.stringify(rows) })
}
