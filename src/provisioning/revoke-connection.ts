import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, OrgId, UserId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { WriteStores } from '../domain/write-ports.ts'
import { wakingJobs } from './create-group.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'
import { recordWithPeople } from './touch-people.ts'

/**
 * Ends a connection: its credentials stop at once, and what it owned has no owner from now on. Rules are for groups of an
 * identity provider only, so its groups' people lose what rules gave them by those.
 * @throws DomainError `not-found`, `last-admin`
 */
export function revokeConnection(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  id: ConnectionId,
): Submitted<void> {
  return wakingJobs(provisioning, orgId, (started) =>
    provisioning.work.submit(orgId, async (stores) => {
      const connection = await stores.orgs.connection(orgId, id)
      if (connection === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
      if (connection.status === 'revoked') return
      const people = await peopleOfOwned(stores, orgId, id)
      await stores.orgs.revokeConnection(orgId, id)
      const record = {
        action: 'connection.revoke',
        actor: operation.actor,
        request: operation.request,
        outcome: { result: 'success' },
        targets: [{ type: 'connection', id, display: connection.name }],
        changes: [{ path: 'status', old: 'active', new: 'revoked' }],
      } as const
      if (await recordWithPeople(stores, orgId, record, people)) started()
    }),
  )
}

/** Everybody to whom a rule gives something through a group that the connection owns. */
async function peopleOfOwned(stores: WriteStores, orgId: OrgId, id: ConnectionId): Promise<readonly UserId[]> {
  const rules = await stores.rules.all(orgId)
  if (rules.rules.length === 0) return []
  const groups = await stores.rules.groups(orgId, undefined)
  const ruled = groups.filter((group) => group.owner === id && rules.of(group).length > 0)
  return stores.rules.feeding(
    orgId,
    ruled.map((group) => group.id),
  )
}
