import type { Caller } from '../domain/caller.ts'
import type { Json } from '../domain/json.ts'
import type { GroupId, UserId } from '../domain/ids.ts'
import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { Team, TeamSettings } from '../domain/team.ts'
import { type GroupRecord } from './group-record.ts'

/** A team and its group as a record names them. */
export function teamTargets({ id, name }: Pick<Team, 'id' | 'name'>): readonly RecordTarget[] {
  return [
    { type: 'team', id, display: name },
    { type: 'group', id, display: name },
  ]
}

/** What a record of a change to a team says beside its people. */
export function teamRecord(
  { orgId, actor, request }: Caller,
  action: string,
  team: Pick<Team, 'id' | 'name'>,
  changes: readonly RecordChange[],
): GroupRecord {
  return { orgId, action, actor, request, targets: teamTargets(team), changes }
}

type Shown = Pick<Team, 'name'> & TeamSettings

function valuesOf(team: Shown | undefined): readonly (readonly [string, Json | undefined])[] {
  return [
    ['name', team?.name],
    ['defaultRole', team?.defaultRole],
    ['hidden', team?.hidden],
    ['inviters', team?.inviters],
    ['joinable', team?.joinable],
    ['storageBucket', team?.storage === undefined ? undefined : { ...team.storage }],
  ]
}

/** What differs between two states of a team; undefined where there is none before. */
export function teamChanges(before: Shown | undefined, after: Shown): readonly RecordChange[] {
  const later = new Map(valuesOf(after))
  return valuesOf(before).flatMap(([path, old]) => {
    const now = later.get(path)
    if (JSON.stringify(old) === JSON.stringify(now)) return []
    return [{ path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) }]
  })
}

/** Members a change added and removed, as group records take them. */
export function peopleOf(
  people: Iterable<UserId>,
  { added = [], removed = [] }: { readonly added?: readonly string[]; readonly removed?: readonly string[] } = {},
): {
  readonly people: ReadonlySet<UserId>
  readonly added: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
} {
  return { people: new Set(people), added: new Set(added), removed: new Set(removed) }
}

/** The intent of a change to a team, for the record of its refusal. */
export function teamIntent(action: string, id: GroupId) {
  return { action, subject: id, targets: [{ type: 'team', id }] } as const
}
