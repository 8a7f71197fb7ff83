import type { RecordChange, RecordTarget } from '../domain/record.ts'
import type { CustomRole, RoleState } from '../domain/role.ts'

/** A custom role as a record names it; its name is nobody's personal value. */
export function roleTarget({ id, name }: Pick<CustomRole, 'id' | 'name'>): RecordTarget {
  return { type: 'role', id, display: name }
}

function valuesOf(state: RoleState | undefined): readonly (readonly [string, RecordChange['new']])[] {
  return [
    ['name', state?.name],
    ['description', state?.description],
    ['inheritedFrom', state?.base],
    ['permissions', state?.permissions],
  ]
}

/** What differs between two states of a role; undefined where there is none before, or none after. */
export function roleChanges(before: RoleState | undefined, after: RoleState | undefined): readonly RecordChange[] {
  const later = new Map(valuesOf(after))
  const changes: RecordChange[] = []
  for (const [path, old] of valuesOf(before)) {
    const now = later.get(path)
    if (JSON.stringify(old) === JSON.stringify(now)) continue
    changes.push({ path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) })
  }
  return changes
}
