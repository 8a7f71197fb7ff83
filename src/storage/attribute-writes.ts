import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../../db/dialect.ts'
import type { Database } from '../../db/schema.ts'
import { fold } from '../domain/fold.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgAttribute } from '../domain/org-attribute.ts'
import { CUSTOM_URN } from '../domain/schema-urns.ts'
import { searchDocument } from '../domain/search-document.ts'
import type { AttributeWrites, ClearedValue } from '../domain/write-ports.ts'
import { fromAttribute, selectAttributes, toAttribute } from './attribute-row.ts'
import { isAmong } from './id-list.ts'
import { preparedQuery } from './prepared-query.ts'

/** Declarations as a unit of work writes them, and the values people have of them. */
export function attributeWrites(db: Kysely<Database>, dialect: Dialect): AttributeWrites {
  return {
    async list(orgId) {
      return (await selectAttributes(db, { orgId })).map(toAttribute)
    },

    async save(orgId, attribute, at) {
      const columns = fromAttribute(attribute)
      await db
        .insertInto('org_attribute')
        .values({ ...columns, org_id: orgId, created: at, updated: at })
        .onConflict((conflict) => conflict.columns(['org_id', 'name_key']).doUpdateSet({ ...columns, updated: at }))
        .execute()
      await newVersion(db, orgId)
    },

    async hasValues(orgId, attribute) {
      return (await holders(db, orgId, attribute, 1)).length > 0
    },

    clear: (orgId, attribute, people, at) => clearValues({ db, dialect, orgId, at }, attribute, people),

    async remove(orgId, { name }) {
      await db.deleteFrom('org_attribute').where('org_id', '=', orgId).where('name_key', '=', fold(name)).execute()
      await newVersion(db, orgId)
    },
  }
}

async function newVersion(db: Kysely<Database>, orgId: OrgId): Promise<void> {
  await db
    .updateTable('org_policy')
    .set((eb) => ({ attributes_version: eb('attributes_version', '+', 1) }))
    .where('org_id', '=', orgId)
    .execute()
}

/** The next people who have a value, each once; of one with many values only some of the rows may be among them. */
async function holders(
  db: Kysely<Database>,
  orgId: OrgId,
  { name, type }: OrgAttribute,
  rows: number,
): Promise<readonly UserId[]> {
  const key = type === 'string' || type === 'reference' ? 'key_text' : 'key_num'
  const found = await db
    .selectFrom('user_attr')
    .select('user_id')
    .where('org_id', '=', orgId)
    .where('attr', '=', name)
    .where(key, 'is not', null)
    .limit(rows)
    .execute()
  return [...new Set(found.map((row) => row.user_id as UserId))]
}

interface Clearing {
  readonly db: Kysely<Database>
  readonly dialect: Dialect
  readonly orgId: OrgId
  readonly at: number
}

async function clearValues(
  { db, dialect, orgId, at }: Clearing,
  attribute: OrgAttribute,
  people: number,
): Promise<readonly ClearedValue[]> {
  const ids = await holders(db, orgId, attribute, people)
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('user')
    .select(['id', 'body'])
    .where('org_id', '=', orgId)
    .where(sql<boolean>`id ${isAmong(dialect, ids)}`)
    .execute()
  const cleared: ClearedValue[] = []
  for (const { id, body } of rows) {
    const { value, rest } = without(JSON.parse(body) as JsonObject, attribute.name)
    await updateBody(db, { orgId, id, body: JSON.stringify(rest), search: searchDocument(rest), at })
    if (value !== undefined) cleared.push({ user: id as UserId, value })
  }
  await db
    .deleteFrom('user_attr')
    .where('org_id', '=', orgId)
    .where('attr', '=', attribute.name)
    .where(sql<boolean>`user_id ${isAmong(dialect, ids)}`)
    .execute()
  return cleared
}

function without(
  attributes: JsonObject,
  name: string,
): { readonly value: Json | undefined; readonly rest: JsonObject } {
  const { [CUSTOM_URN]: custom, ...others } = attributes
  if (!isJsonObject(custom)) return { value: undefined, rest: attributes }
  const { [name]: value, ...left } = custom
  return { value, rest: Object.keys(left).length === 0 ? others : { ...others, [CUSTOM_URN]: left } }
}

interface ClearedBody {
  readonly orgId: OrgId
  readonly id: string
  readonly body: string
  readonly search: string
  readonly at: number
}

const updateBody = preparedQuery((db, { orgId, id, body, search, at }: ClearedBody) =>
  db
    .updateTable('user')
    .set((eb) => ({ body, search, updated: at, version: eb('version', '+', 1) }))
    .where('org_id', '=', orgId)
    .where('id', '=', id)
    .compile(),
)
