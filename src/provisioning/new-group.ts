import type { Group } from '../domain/group.ts'
import type { ConnectionId, GroupId, OrgId } from '../domain/ids.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** What a new group is known by. */
export interface GroupIdentity {
  readonly id: GroupId
  readonly displayName: string
  readonly owner: ConnectionId | undefined
  readonly externalId: string | undefined
}

/** The row of a new group, counted. */
export async function insertGroup(stores: WriteStores, orgId: OrgId, identity: GroupIdentity): Promise<Group> {
  const group: Group = {
    ...identity,
    ord: await stores.next(orgId, 'ord.group'),
    version: 1,
    created: stores.now,
    updated: stores.now,
    markedProtected: false,
    memberCount: 0,
  }
  await stores.count(orgId, 'group', 1)
  await stores.groups.insert(orgId, group)
  return group
}
