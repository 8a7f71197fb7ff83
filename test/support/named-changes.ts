import { type Kysely, sql } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { disclosed, type ValueOpener } from '../../src/audit/opened-values.ts'
import type { OrgId } from '../../src/domain/ids.ts'
import type { RecordReads } from '../../src/domain/ports.ts'

/** Tables of what people and programs have, and the column that names whose or which each row is. */
const OBJECTS: readonly (readonly [table: string, id: string])[] = [
  ...(['org', 'connection', 'connection_token', 'jwt_trust', 'api_key', 'session', 'invite'] as const).map(byId),
  ...(['user', 'scim_group', 'custom_role', 'mapping_rule', 'signin_provider', 'access_review', 'team'] as const).map(
    byId,
  ),
  ...(['explicit_grant', 'team_membership', 'user_seat', 'group_member', 'local_password'] as const).map(byUser),
  ...(['service_account', 'identity', 'access_period', 'removed_access', 'withheld_admin'] as const).map(byUser),
  ...[['org_policy', 'org_id'] as const, ['link_request', 'subject_id'] as const],
  ...[['breaker_batch', 'id'] as const, ['one_time_link', 'user_id'] as const],
  ...[['access_review_item', 'review_id'] as const, ['custom_role_permission', 'role_id'] as const],
  ...[['rule_grant', 'rule_id'] as const, ['domain_claim', 'domain_key'] as const, ['legal_hold', 'id'] as const],
  ...[['sink', 'id'] as const, ['sink_dead', 'sink_id'] as const, ['org_attribute', 'name'] as const],
]

function byId(table: string): readonly [string, string] {
  return [table, 'id']
}

function byUser(table: string): readonly [string, string] {
  return [table, 'user_id']
}

/**
 * Columns that are no state of the thing: when it was used, what is counted elsewhere, which of its reasons an access
 * that stays as it was is now given for, and words that are blanked with the person they are of.
 */
const PASSING = new Set([
  ...['last_used', 'last_seen', 'updated', 'version', 'member_count', 'rules_version', 'attributes_version'],
  ...['source', 'source_kind', 'source_id'],
  ...['invite.email_key', 'access_review_item.reason'],
])

/** Every row of people's and programs' things, and where every log ends, at one moment. */
export interface Moment {
  /** The id of each row, by its table and state as text. */
  readonly rows: ReadonlyMap<string, string>
  readonly seqs: ReadonlyMap<string, number>
}

type Db = Kysely<Database>

export async function momentOf(db: Db): Promise<Moment> {
  return { rows: await objects(db), seqs: await lastSeqs(db) }
}

/** Ids of what is other than it was. */
export async function changedSince(db: Db, { rows: before }: Moment): Promise<readonly string[]> {
  const after = await objects(db)
  const made = [...after].filter(([row]) => !before.has(row))
  const gone = [...before].filter(([row]) => !after.has(row))
  return [...new Set([...made, ...gone].map(([, id]) => id))]
}

async function objects(db: Db): Promise<ReadonlyMap<string, string>> {
  const rows = new Map<string, string>()
  for (const [table, id] of OBJECTS) {
    const found = await sql<Record<string, unknown>>`select * from ${sql.id(table)}`.execute(db)
    for (const row of found.rows) {
      // What was revoked is over: that its row goes with a person's is no change.
      if ((row['revoked'] ?? null) !== null) continue
      const state = Object.entries(row).filter(([column]) => !PASSING.has(column) && !PASSING.has(`${table}.${column}`))
      const text = JSON.stringify(state, (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      )
      rows.set(`${table}|${text}`, String(row[id] ?? row['org_id']))
    }
  }
  return rows
}

async function lastSeqs(db: Db): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ org_id: string; seq: number | string }>`select org_id, seq from org_chain`.execute(db)
  return new Map(rows.map(({ org_id, seq }) => [org_id, Number(seq)]))
}

/** The actions of the records since a moment that name each id. */
export async function namedSince(db: Db, { seqs }: Moment): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql<{ org_id: string; seq: number | string; target_id: string; action: string }>`
    select t.org_id, t.seq, t.target_id, e.action from event_target t
    join provisioning_event e on e.org_id = t.org_id and e.seq = t.seq`.execute(db)
  const named = new Map<string, readonly string[]>()
  for (const { org_id, seq, target_id, action } of rows) {
    if (Number(seq) > (seqs.get(org_id) ?? 0)) named.set(target_id, [...(named.get(target_id) ?? []), action])
  }
  return named
}

/** One act may do several things to one object, such as invite whom it makes; never one thing twice. */
export function isNamedOnce(actions: readonly string[] = []): boolean {
  return actions.length > 0 && new Set(actions).size === actions.length
}

/**
 * What is wrong with the records of what was done since a moment: each changed thing that is in none, or in two.
 *
 * @param nameOf what to call an id
 * @returns '' where nothing is wrong
 */
export async function unnamedSince(db: Db, moment: Moment, nameOf: (id: string) => string): Promise<string> {
  const [changed, named] = [await changedSince(db, moment), await namedSince(db, moment)]
  if (changed.length === 0) return 'nothing was changed'
  const wrong = changed.filter((id) => !isNamedOnce(named.get(id)))
  return wrong.map((id) => `${nameOf(id)} in [${(named.get(id) ?? []).join(', ')}]`).join('; ')
}

interface SaidBody {
  readonly action: string
  readonly changes?: readonly {
    readonly path: string
    readonly old?: unknown
    readonly new?: unknown
    readonly added?: readonly string[]
    readonly removed?: readonly string[]
  }[]
  readonly effects?: readonly { kind: string; target: string; old: unknown; new: unknown; people: readonly string[] }[]
}

/**
 * What the records since a moment say was changed, personal values opened: `user.update displayName: "Ann" -> "Bea"`,
 * `group.update members: +[id] -[]`, and of effects `user.create active : null -> "active" for [id]`.
 */
export async function saidSince(
  { records, values }: { readonly records: RecordReads; readonly values: ValueOpener },
  { seqs }: Moment,
  orgId: OrgId,
): Promise<readonly string[]> {
  const page = await records.page(orgId, seqs.get(orgId) ?? 0, Number.MAX_SAFE_INTEGER, 1_000)
  const opened = await values.open(orgId, page)
  return page.flatMap(({ seq, body }) => {
    const { action, changes = [], effects = [] } = disclosed(body, opened.get(seq) ?? []) as unknown as SaidBody
    const said = changes.map(({ path, old, new: now, added, removed }) =>
      added === undefined && removed === undefined
        ? `${action} ${path}: ${text(old)} -> ${text(now)}`
        : `${action} ${path}: +${text(added ?? [])} -${text(removed ?? [])}`,
    )
    const done = effects.map(
      ({ kind, target, old, new: now, people }) =>
        `${action} ${kind} ${target}: ${text(old)} -> ${text(now)} for ${text(people)}`,
    )
    return said.length + done.length === 0 ? [action] : [...said, ...done]
  })
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
