import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'

/** Tables that hold something of a person, and the column that says whose a row is. */
export const PERSON_TABLES: readonly (readonly [table: keyof Database, column: string])[] = [
  ['user', 'id'],
  ['user_email', 'user_id'],
  ['user_attr', 'user_id'],
  ['group_member', 'user_id'],
  ['explicit_grant', 'user_id'],
  ['team_membership', 'user_id'],
  ['user_seat', 'user_id'],
  ['removed_access', 'user_id'],
  ['withheld_admin', 'user_id'],
  ['link_request', 'subject_id'],
  ['identity', 'user_id'],
  ['session', 'user_id'],
  ['local_password', 'user_id'],
  ['one_time_link', 'user_id'],
  ['api_key', 'user_id'],
  ['activity_day', 'user_id'],
  ['user_activity', 'user_id'],
  ['invite', 'user_id'],
  ['outbox', 'person_id'],
  ['access_review_item', 'user_id'],
  ['access_period', 'user_id'],
  ['erasure', 'person_id'],
  ['legal_hold', 'person_id'],
]

/** What is a secret, or the same value again in a form for searching. */
const LEFT_OUT = /^(org_id|ord|search|hash|secret_hash|id_token|payload)$|_key$/

/** What the rows of one person hold, by table: text of JSON as what it says, secrets and keys for searching left out. */
export async function personRows(
  db: Kysely<Database>,
  orgId: OrgId,
  person: UserId,
): Promise<Readonly<Record<string, readonly JsonObject[]>>> {
  const held: Record<string, readonly JsonObject[]> = {}
  for (const [table, column] of PERSON_TABLES) {
    const { rows } = await sql<Readonly<Record<string, unknown>>>`
      select * from ${sql.table(table)} where org_id = ${orgId} and ${sql.ref(column)} = ${person}`.execute(db)
    if (rows.length > 0) held[table] = rows.map(shown)
  }
  return held
}

function shown(row: Readonly<Record<string, unknown>>): JsonObject {
  const facts = Object.entries(row).filter(
    ([name, value]) => value !== null && !LEFT_OUT.test(name) && !(value instanceof Uint8Array),
  )
  return Object.fromEntries(facts.map(([name, value]) => [name, name === 'body' ? parsed(value) : (value as Json)]))
}

function parsed(value: unknown): Json {
  return JSON.parse(String(value)) as Json
}
