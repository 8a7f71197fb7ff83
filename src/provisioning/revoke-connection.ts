import { DomainError } from '../domain/errors.ts'
import type { ConnectionId, OrgId } from '../domain/ids.ts'
import type { Submitted } from '../domain/ports.ts'
import type { Operation } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/**
 * Ends a connection: its credentials stop at once, and what it owned has no owner from now on.
 * @throws DomainError `not-found`
 */
export function revokeConnection(
  provisioning: Provisioning,
  operation: Operation,
  orgId: OrgId,
  id: ConnectionId,
): Submitted<void> {
  return provisioning.work.submit(orgId, async (stores) => {
    const connection = await stores.orgs.connection(orgId, id)
    if (connection === undefined) throw new DomainError('not-found', `Connection ${id} not found`)
    if (connection.status === 'revoked') return
    await stores.orgs.revokeConnection(orgId, id)
    await stores.journal.append(orgId, {
      action: 'connection.revoke',
      actor: operation.actor,
      request: operation.request,
      outcome: { result: 'success' },
      targets: [{ type: 'connection', id, display: connection.name }],
      changes: [{ path: 'status', old: 'active', new: 'revoked' }],
    })
  })
}
