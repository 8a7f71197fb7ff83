import type { Group } from '../domain/group.ts'
import type { ConnectionId, OrgId, RecordId, UserId } from '../domain/ids.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Actor, RecordChange, RecordDraft, RecordEffect, RecordTarget, RequestFacts } from '../domain/record.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { guardGroupLosses, type Remover } from './guard-removals.ts'
import type { MemberChanges } from './member-changes.ts'
import { INLINE_PEOPLE, PEOPLE_PER_RECORD, reconcilePeople } from './reconcile-people.ts'
import { startReconcileJob } from './reconcile-job.ts'
import { adminsAmong } from './touch-people.ts'

/** A group and its team, if it has one, as a record names them; names of groups and teams are not personal. */
export function groupTargets(group: Group, hasTeam = true): readonly RecordTarget[] {
  const external = group.externalId === undefined ? {} : { externalId: group.externalId }
  const target = { type: 'group', id: group.id, display: group.displayName, ...external } as const
  return hasTeam ? [target, { type: 'team', id: group.id, display: group.displayName }] : [target]
}

/** What a record of a group's change says beside its members. */
export interface GroupRecord {
  readonly orgId: OrgId
  readonly action: string
  readonly actor: Actor
  readonly request: RequestFacts
  readonly targets: readonly RecordTarget[]
  readonly changes: readonly RecordChange[]
  readonly steps?: readonly JsonObject[]
}

/**
 * Reconciles the people a group's change touched and appends its records: one for each 500 people, their ids and the
 * effects on them together. Above 1,000 people the facts are recorded now and a job applies the effects, but for those on
 * org admins, of whom the last must stay.
 * @returns whether a job was started
 * @throws DomainError `last-admin`
 */
export async function recordGroupChange(
  stores: WriteStores,
  record: GroupRecord,
  members: Pick<MemberChanges, 'added' | 'removed' | 'people'>,
): Promise<boolean> {
  const { orgId } = record
  const touched = [...members.people].sort()
  const inline = touched.length <= INLINE_PEOPLE
  const chunks = chunksOf(touched, members)
  let first: { readonly id: RecordId; readonly seq: number } | undefined
  for (const chunk of chunks) {
    const now = inline ? chunk.people : first === undefined ? await adminsAmong(stores, orgId, touched) : []
    const effects = await reconcilePeople(stores, orgId, now)
    const appended = await stores.journal.append(orgId, draftOf(record, chunk, effects, first?.id))
    await guardGroupLosses(stores, groupRemover(orgId, record), effects)
    first ??= appended
  }
  if (inline || first === undefined) return false
  await startReconcileJob(stores, orgId, { reason: record.action, cause: first, people: touched })
  return true
}

function groupRemover(orgId: OrgId, { actor, request }: GroupRecord): Remover | undefined {
  const { connectionId } = actor
  return connectionId === undefined ? undefined : { orgId, connection: connectionId as ConnectionId, actor, request }
}

interface Chunk {
  readonly people: readonly UserId[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** People with nested groups beside them in the first chunk; at least one chunk, for a change without members. */
function chunksOf(touched: readonly UserId[], members: Pick<MemberChanges, 'added' | 'removed' | 'people'>): Chunk[] {
  const isPerson = members.people as ReadonlySet<string>
  const nested = {
    added: [...members.added].filter((id) => !isPerson.has(id)),
    removed: [...members.removed].filter((id) => !isPerson.has(id)),
  }
  const chunks: Chunk[] = []
  for (let start = 0; start === 0 || start < touched.length; start += PEOPLE_PER_RECORD) {
    const people = touched.slice(start, start + PEOPLE_PER_RECORD)
    chunks.push({
      people,
      added: [...(start === 0 ? nested.added : []), ...people.filter((id) => members.added.has(id))],
      removed: [...(start === 0 ? nested.removed : []), ...people.filter((id) => members.removed.has(id))],
    })
  }
  return chunks
}

function draftOf(
  record: GroupRecord,
  chunk: Chunk,
  effects: readonly RecordEffect[],
  cause: RecordId | undefined,
): RecordDraft {
  const delta: RecordChange = {
    path: 'members',
    ...(chunk.added.length > 0 ? { added: chunk.added } : {}),
    ...(chunk.removed.length > 0 ? { removed: chunk.removed } : {}),
  }
  const memberChange = chunk.added.length + chunk.removed.length > 0 ? [delta] : []
  return {
    action: record.action,
    actor: record.actor,
    request: record.request,
    outcome: { result: 'success' },
    ...(cause === undefined ? {} : { cause }),
    targets: record.targets,
    changes: cause === undefined ? [...record.changes, ...memberChange] : memberChange,
    effects,
    ...(record.steps === undefined || cause !== undefined ? {} : { steps: record.steps }),
  }
}

/** Members that were passed over because they are deleted, for the record. */
export function skippedMembers(skipped: readonly string[]): readonly JsonObject[] {
  return skipped.length === 0 ? [] : [{ name: 'match', skipped: skipped.slice(0, PEOPLE_PER_RECORD) }]
}
