import { setImmediate } from 'node:timers/promises'
import type { HistoryReads } from '../domain/history-ports.ts'
import type { OrgId } from '../domain/ids.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { RecordReads, StoredRecord } from '../domain/ports.ts'
import type { PiiTriple } from './commitment.ts'
import { type LogRange, pagesOf } from './log-query.ts'
import type { ValueOpener } from './opened-values.ts'
import { factsOf, type RecordFacts, textIn } from './record-facts.ts'
import { Names } from './report-names.ts'

/*
 * The log in the shape of the audit logs of Weights & Biases: flat objects, one for each person and team that a record
 * is about. Acts that W&B has no word for have ours, behind `rollcall:`.
 */

/** A place in the log: of a record's entries, that many were given out. */
export interface AuditLogPlace {
  readonly seq: number
  readonly given: number
}

/** An entry as it is written, and the place behind it. */
export interface AuditLogEntry {
  readonly entry: JsonObject
  readonly next: AuditLogPlace
}

export interface AuditLogParts {
  readonly records: RecordReads
  readonly history: HistoryReads
  readonly values: ValueOpener
}

export interface AuditLogQuestion {
  readonly orgId: OrgId
  /** Absent: from the beginning of the range. */
  readonly after: AuditLogPlace | undefined
  readonly range: LogRange
  /** Leaves e-mail addresses and the names of teams out. */
  readonly anonymize: boolean
}

/** W&B's word for ours, where there is one. */
const ACTIONS: Readonly<Record<string, string>> = {
  'user.create': 'user:create',
  'user.delete': 'user:permanently_delete',
  'user.deactivate': 'user:deactivate',
  'user.reactivate': 'user:reactivate',
  'user.activate': 'user:reactivate',
  'user.restore': 'user:reactivate',
  'user.update': 'user:update',
  'sso.jit': 'user:create',
  'session.start': 'user:login',
  'session.end': 'user:logout',
  'key.create': 'user:create_api_key',
  'key.revoke': 'user:delete_api_key',
  'group.create': 'team:create',
  'team.create': 'team:create',
  'group.delete': 'team:delete',
  'team.archive': 'team:delete',
}

/** Records that say nothing in W&B's words beside what they led to. */
const ONLY_EFFECTS = new Set([
  ...['user.update', 'group.update', 'team.update', 'member.add', 'member.remove', 'member.update', 'access.apply'],
  ...['rule.apply', 'sso.groups', 'owner.change'],
])

/** Entries of the records of a range, a page of records at a time. */
export async function* auditLogEntries(
  { records, history, values }: AuditLogParts,
  { orgId, after, range, anonymize }: AuditLogQuestion,
): AsyncGenerator<readonly AuditLogEntry[]> {
  const start = after === undefined ? range.after : Math.max(range.after, after.seq - 1)
  for await (const page of pagesOf(records, orgId, { ...range, after: start })) {
    const opened = anonymize ? undefined : await values.open(orgId, page)
    const sparse = page.map((record) => [record, sparseEntries(record, opened?.get(record.seq) ?? [])] as const)
    const people = sparse.flatMap(([, list]) => list.flatMap(({ user, actor, team }) => [user, actor, team]))
    const names = anonymize ? undefined : await Names.read(history, orgId, people)
    const emails = anonymize ? undefined : await history.emails(orgId, idsIn(people))
    yield sparse.flatMap(([record, list]) => {
      const given = record.seq === after?.seq ? after.given : 0
      return list.slice(given).map((each, index) => ({
        entry: written(record, each, { names, emails }),
        next: { seq: record.seq, given: given + index + 1 },
      }))
    })
    // A fast reader would else keep the event loop to itself for the whole log.
    await setImmediate()
  }
}

function idsIn(ids: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(ids)].filter((id) => id !== undefined)
}

/** An entry by ids: names are read for a page at once. */
interface SparseEntry {
  readonly action: string
  readonly actor?: string | undefined
  readonly ip?: string | undefined
  readonly user?: string | undefined
  readonly team?: string | undefined
  readonly status: number
}

function sparseEntries(record: StoredRecord, pii: readonly PiiTriple[]): readonly SparseEntry[] {
  const facts = factsOf(record, pii)
  const common = {
    actor: isPerson(facts.actor) ? textIn(facts.actor['id']) : undefined,
    ip: plainIp(facts.client['ip']),
    status: facts.status ?? 200,
  }
  const effects = effectsOf(record.action, facts).map((each) => ({ ...common, ...each }))
  if (ONLY_EFFECTS.has(record.action) && effects.length > 0) return effects
  const first = { ...common, action: actionOf(record.action, facts), ...subjectOf(facts) }
  return [first, ...effects]
}

function isPerson({ type }: JsonObject): boolean {
  return type === 'user' || type === 'serviceAccount'
}

/** An address that nothing opened is a commitment: nobody can read it. */
function plainIp(value: Json | undefined): string | undefined {
  const text = textIn(value)
  return text?.startsWith('c1:') === true ? undefined : text
}

function actionOf(action: string, facts: RecordFacts): string {
  const isAccount = action === 'user.create' && (textIn(facts.changed('accountType')) ?? 'USER') !== 'USER'
  return isAccount ? 'team:create_service_account' : (ACTIONS[action] ?? `rollcall:${action}`)
}

function subjectOf(facts: RecordFacts): Pick<SparseEntry, 'user' | 'team'> {
  return {
    user: textIn(facts.target('user')?.['id']),
    team: textIn((facts.target('team') ?? facts.target('group'))?.['id']),
  }
}

/** What a record led to: people who came into teams or left them, and whose org role or seat became another. */
function effectsOf(action: string, { effects }: RecordFacts): readonly Pick<SparseEntry, 'action' | 'user' | 'team'>[] {
  const isFirst = action === 'user.create' || action === 'sso.jit'
  return effects.flatMap((effect) => {
    const word = effectWord(effect, isFirst)
    if (word === undefined) return []
    const team = effect['kind'] === 'team' ? textIn(effect['target']) : undefined
    return peopleOf(effect).map((user) => ({ action: word, user, team }))
  })
}

function effectWord({ kind, old, new: now }: JsonObject, isFirst: boolean): string | undefined {
  if (kind === 'team') {
    if (old === null) return 'team:invite_user'
    return now === null ? 'team:uninvite' : 'rollcall:team.role'
  }
  const isMembership = kind === 'org_role' || kind === 'seat'
  return isMembership && !isFirst ? 'organization:update_member' : undefined
}

function peopleOf({ people }: JsonObject): readonly string[] {
  return Array.isArray(people) ? people.filter((id: Json) => typeof id === 'string') : []
}

interface Shown {
  readonly names: Names | undefined
  readonly emails: ReadonlyMap<string, string> | undefined
}

/** Absent keys are left out, as W&B does. */
function written(record: StoredRecord, each: SparseEntry, { names, emails }: Shown): JsonObject {
  const { action, actor, ip, user, team, status } = each
  const emailOf = (id: string | undefined): string | undefined =>
    id === undefined ? undefined : (emails?.get(id) ?? addressIn(names?.of(id)))
  const [actorEmail, userEmail] = [emailOf(actor), emailOf(user)]
  return {
    timestamp: new Date(record.time).toISOString(),
    action,
    ...(actor === undefined ? {} : { actor_user_id: actor }),
    ...(actorEmail === undefined ? {} : { actor_email: actorEmail }),
    ...(ip === undefined ? {} : { actor_ip: ip }),
    ...(user === undefined ? {} : { user_asset: user }),
    ...(userEmail === undefined ? {} : { user_email: userEmail }),
    ...(team === undefined ? {} : { entity_asset: team }),
    ...(team === undefined || names === undefined ? {} : { entity_name: names.of(team) }),
    response_code: status,
  }
}

/** The userName of who has no e-mail address of their own is mostly one. */
function addressIn(name: string | undefined): string | undefined {
  return name?.includes('@') === true ? name : undefined
}
