import type { User } from '../domain/user.ts'
import { attributePaths, recordedValue } from '../domain/attribute-paths.ts'
import { equalJson, type Json } from '../domain/json.ts'
import { Personal, type RecordChange, type RecordTarget } from '../domain/record.ts'
import type { UserId } from '../domain/ids.ts'

/** A person as a record names it: the id in clear, the rest sealed. */
export function userTarget(user: User): RecordTarget {
  return {
    type: 'user',
    id: user.id,
    display: new Personal(user.id, user.attributes.userName),
    ...(user.externalId === undefined ? {} : { externalId: new Personal(user.id, user.externalId) }),
  }
}

/**
 * What differs between two states of a person, one entry an attribute (`emails`, `urn:…:User:department`). Every
 * attribute is personal but `active` and the owner.
 */
export function userChanges(before: User | undefined, after: User): readonly RecordChange[] {
  const old = before === undefined ? new Map<string, Json>() : attributePaths(before)
  const now = attributePaths(after)
  const changes: RecordChange[] = []
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const [from, to] = [old.get(path), now.get(path)]
    if (!equalJson(from, to)) changes.push({ path, ...sealed(after.id, from, to) })
  }
  const [wasActive, isActive] = [before && before.status !== 'deactivated', after.status !== 'deactivated']
  if (wasActive !== isActive) changes.push({ path: 'active', ...plain(wasActive, isActive) })
  if (before?.owner !== after.owner) changes.push({ path: 'owner', ...plain(before?.owner, after.owner) })
  return changes
}

/** Whether two states of a person are the same to every reader. */
export function isSameUser(a: User, b: User): boolean {
  return (
    a.status === b.status &&
    a.owner === b.owner &&
    a.externalId === b.externalId &&
    equalJson(a.attributes, b.attributes)
  )
}

/** A value of a person's attribute for a record, which holds no fractions: those stand there as text. */
export function personal(person: UserId, value: Json): Personal {
  return new Personal(person, recordedValue(value))
}

function sealed(person: UserId, old: Json | undefined, now: Json | undefined): Pick<RecordChange, 'old' | 'new'> {
  return {
    ...(old === undefined ? {} : { old: personal(person, old) }),
    ...(now === undefined ? {} : { new: personal(person, now) }),
  }
}

function plain(old: Json | undefined, now: Json | undefined): Pick<RecordChange, 'old' | 'new'> {
  return { ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) }
}
