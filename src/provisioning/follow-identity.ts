import { fold } from '../domain/fold.ts'
import type { OrgId } from '../domain/ids.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { endInvites } from './invite-mail.ts'

/**
 * What a change of a person means for mail: an open invitation dies when they arrive or have another address, and the
 * address they had is told that it is theirs no more. Asks the store in those cases alone.
 */
export async function followIdentity(stores: WriteStores, orgId: OrgId, before: User, after: User): Promise<void> {
  const [old, now] = [primaryEmail(before.attributes), primaryEmail(after.attributes)]
  const moved = old !== now && fold(old ?? '') !== fold(now ?? '')
  if (before.status === 'pending' && (moved || after.status !== 'pending')) await endInvites(stores, orgId, after.id)
  if (!moved || old === undefined) return
  await stores.outbox.add(orgId, {
    to: old,
    person: after.id,
    content: { kind: 'address-changed', org: await stores.orgs.name(orgId), userName: before.attributes.userName },
  })
}
