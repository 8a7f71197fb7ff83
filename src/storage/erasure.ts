import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { ERASED_NAME, type ErasedRows, type Erasure } from '../domain/privacy.ts'
import type { OrgId, UserId } from '../domain/ids.ts'
import type { PayloadSealer } from '../domain/outbox.ts'
import { sealedAs } from './outbox.ts'

/** One person of one org, whose values go. */
interface Erasing extends Erasure {
  readonly db: Kysely<Database>
  /** Opens waiting mails; absent where no mail is sent. */
  readonly mails: PayloadSealer | undefined
  /** What the person is called in texts that are not their own. */
  readonly names: readonly string[]
}

/** Empties one table of a person. @returns how many rows held something */
type Step = (erasing: Erasing) => Promise<number>

/**
 * Every table, and what becomes of a person's values in it: a step that empties it, or why there is none. A table that
 * is missing here does not compile.
 */
export const ERASURE: Readonly<Record<keyof Database, Step | string>> = {
  user: eraseUser,
  user_email: rowsOf('user_email', 'user_id'),
  user_attr: rowsOf('user_attr', 'user_id'),
  group_member: rowsOf('group_member', 'user_id'),
  explicit_grant: rowsOf('explicit_grant', 'user_id'),
  removed_access: rowsOf('removed_access', 'user_id'),
  withheld_admin: rowsOf('withheld_admin', 'user_id'),
  link_request: rowsOf('link_request', 'subject_id'),
  identity: rowsOf('identity', 'user_id'),
  session: rowsOf('session', 'user_id'),
  local_password: rowsOf('local_password', 'user_id'),
  one_time_link: rowsOf('one_time_link', 'user_id'),
  // With the names that people give their keys.
  api_key: rowsOf('api_key', 'user_id'),
  activity_day: rowsOf('activity_day', 'user_id'),
  activity_mark: rowsOf('activity_mark', 'user_id'),
  user_activity: rowsOf('user_activity', 'user_id'),
  invite: eraseInvites,
  outbox: eraseMails,
  kept_answer: eraseAnswers,
  signin_flow: eraseFlows,
  access_review_item: eraseReasons,
  event_pii: rowsOf('event_pii', 'person_id'),
  person_key: eraseKey,
  team_membership: 'derived, and none is left of a deleted person',
  user_seat: 'derived, and none is left of a deleted person',
  access_period: 'ids, values and times: the history of access, under the id alone',
  reconcile_job_person: 'ids',
  breaker_event: 'ids and times',
  service_account: 'ids: of accounts that are no people, and of who answers for them',
  identity_tombstone: 'keyed hashes of whom the organisation deleted, without which they would come back by signing in',
  provisioning_event: 'ids and salted commitments, which nobody can open or guess without the salts erased beside them',
  event_target: 'ids',
  org_chain: 'hashes',
  checkpoint: 'hashes and signatures',
  erasure: 'the id and the time of the erasure itself',
  legal_hold: 'ids',
  log_purge: 'numbers of records',
  request_log: 'route templates, connections and times; no person is named',
  org: 'the organisation',
  org_policy: 'the organisation',
  org_attribute: 'the organisation',
  org_counter: 'numbers',
  seat_counter: 'numbers',
  active_count: 'numbers',
  connection: 'the organisation',
  connection_token: 'hashes',
  jwt_trust: 'the organisation',
  scim_group: 'groups; names of groups are no personal values here',
  group_child: 'groups',
  team: 'teams',
  custom_role: 'roles',
  custom_role_permission: 'roles',
  base_permission: 'roles',
  mapping_rule: 'rules',
  rule_grant: 'rules',
  reconcile_job: 'jobs',
  breaker_batch: 'numbers',
  signin_provider: 'the organisation',
  domain_claim: 'the organisation',
  access_review: 'the organisation',
  sink: 'the organisation; what went wrong is a code',
  sink_dead: 'places in the log; what went wrong is a code',
  log_reader: 'ids of keys',
  spent_token: 'hashes of tokens that came once',
  deployment: 'keys of the deployment',
  v_seat_use: 'a view of numbers',
}

/** Empties every table of a person, or only some. @returns which held something */
export async function eraseRows(
  db: Kysely<Database>,
  mails: PayloadSealer | undefined,
  erasure: Erasure,
  only?: readonly (keyof Database)[],
): Promise<readonly ErasedRows[]> {
  const { orgId, person, seq, at } = erasure
  const erasing = { ...erasure, db, mails, names: await namesOf(db, orgId, person) }
  const erased: ErasedRows[] = []
  for (const [table, step] of Object.entries(ERASURE)) {
    if (typeof step === 'string' || only?.includes(table as keyof Database) === false) continue
    const rows = await step(erasing)
    if (rows > 0) erased.push({ table, rows })
  }
  await db
    .insertInto('erasure')
    .values({ org_id: orgId, person_id: person, seq, time_ms: at, exported_ms: null })
    .execute()
  return erased
}

async function namesOf(db: Kysely<Database>, orgId: OrgId, person: UserId): Promise<readonly string[]> {
  const user = await db
    .selectFrom('user')
    .select(['username', 'display_name'])
    .where('org_id', '=', orgId)
    .where('id', '=', person)
    .executeTakeFirst()
  const emails = await db
    .selectFrom('user_email')
    .select('value')
    .where('org_id', '=', orgId)
    .where('user_id', '=', person)
    .execute()
  return [user?.username, user?.display_name, ...emails.map(({ value }) => value)].filter(
    (name) => typeof name === 'string',
  )
}

/** A table whose rows of a person go whole. */
function rowsOf(table: keyof Database, column: string): Step {
  return async ({ db, orgId, person }) => {
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where org_id = ${orgId} and ${sql.ref(column)} = ${person}`.execute(db)
    return Number(numAffectedRows)
  }
}

/** The row stays, since history and facts of others refer to its id; it is nobody's any more. */
async function eraseUser({ db, orgId, person, at }: Erasing): Promise<number> {
  const nothing = { display_name: null, display_name_key: null, external_id: null }
  const nowhere = { department: null, department_key: null, employee_number: null, employee_number_key: null }
  const { numUpdatedRows } = await db
    .updateTable('user')
    .set((eb) => ({
      ...{ ...nothing, ...nowhere, username: ERASED_NAME, username_key: ERASED_NAME, billing_admin: 0 },
      ...{ body: JSON.stringify({ userName: ERASED_NAME }), search: '{}', status: 'deactivated' },
      ...{ version: eb('version', '+', 1), updated: at, deleted_at: eb.fn.coalesce('deleted_at', eb.val(at)) },
    }))
    .where('org_id', '=', orgId)
    .where('id', '=', person)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

async function eraseInvites({ db, orgId, person }: Erasing): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('invite')
    .set({ email_key: '' })
    .where('org_id', '=', orgId)
    .where('user_id', '=', person)
    .where('email_key', '<>', '')
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Mails to the person, with what servers said of their address, and mails to others that name them and still wait. */
async function eraseMails({ db, orgId, person, mails, names }: Erasing): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('outbox')
    .where('org_id', '=', orgId)
    .where('person_id', '=', person)
    .executeTakeFirst()
  // Where no mail is sent any more, what waited once cannot be read here, and nobody else reads it.
  if (mails === undefined) return Number(numDeletedRows)
  const waiting = await db
    .selectFrom('outbox')
    .select(['id', 'payload'])
    .where('org_id', '=', orgId)
    .where('payload', '<>', '')
    .execute()
  const naming = waiting.filter(({ id, payload }) => {
    const text = mails.open(sealedAs(orgId, id), payload)
    return text.includes(person) || names.some((name) => text.includes(JSON.stringify(name).slice(1, -1)))
  })
  for (const { id } of naming) await db.deleteFrom('outbox').where('org_id', '=', orgId).where('id', '=', id).execute()
  return Number(numDeletedRows) + naming.length
}

/**
 * What requests of the last day were answered, also where it is about others: a message may name the person. That they
 * were done stays known, so that none is done twice.
 */
async function eraseAnswers({ db, orgId }: Erasing): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('kept_answer')
    .set({ status: null, body: null, headers: null })
    .where('org_id', '=', orgId)
    .where('body', 'is not', null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Sign-ins under way are begun anew. */
async function eraseFlows({ db, orgId, person }: Erasing): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('signin_flow')
    .where('org_id', '=', orgId)
    .where('purpose', 'like', `%${person}%`)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

async function eraseReasons({ db, orgId, person }: Erasing): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('access_review_item')
    .set({ reason: ERASED_NAME })
    .where('org_id', '=', orgId)
    .where('user_id', '=', person)
    .where('reason', 'is not', null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** The row stays: what is recorded of the person later is committed with salts that nobody keeps. */
async function eraseKey({ db, orgId, person, seq }: Erasing): Promise<number> {
  const gone = { kek_id: null, wrapped: null, erased_seq: seq }
  await db
    .insertInto('person_key')
    .values({ org_id: orgId, person_id: person, ...gone })
    .onConflict((conflict) => conflict.columns(['org_id', 'person_id']).doUpdateSet(gone))
    .execute()
  return 1
}
