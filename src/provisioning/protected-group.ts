import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { Group } from '../domain/group.ts'
import type { MatchedGroup } from '../domain/rule-set.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { mayGrantAdmin } from './admin-guard.ts'

/** A group as rules look at it. */
export function matched({ id, displayName, externalId, owner }: Omit<Group, 'members'>): MatchedGroup {
  return { id, nameKey: fold(displayName), externalId, owner }
}

/**
 * Refuses a connection without the right to grant admin to make, change or delete a group whose people a rule makes org
 * admins, before or after the change, or that an administrator marked: by putting people into it, or by giving another
 * group its name, it could make admins.
 * @throws DomainError `forbidden`
 */
export async function checkGroupOpen(
  stores: Pick<WriteStores, 'rules'>,
  caller: Caller,
  ...states: readonly (Group | undefined)[]
): Promise<void> {
  if (mayGrantAdmin(caller)) return
  const groups = states.filter((state) => state !== undefined)
  const rules = await stores.rules.all(caller.orgId)
  const isProtected = groups.some((group) => group.markedProtected || rules.makingAdmins(matched(group)).length > 0)
  if (!isProtected) return
  throw new DomainError(
    'forbidden',
    'This group is protected: its members are admins of the organization, and this connection may make none; ask an ' +
      'administrator to let this connection grant admin, or to make the change',
    { reason: 'group.protected' },
  )
}
