import type { Connection } from '../domain/connection.ts'
import type { Submitted } from '../domain/ports.ts'
import { type ConnectionDraft, writeConnection } from './create-connection.ts'
import { type Operation, recordOrg, seedOf } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/**
 * Makes an org with its first connection and that one's first token, all in one transaction: of several instances that
 * start on an empty store one makes everything, and a start that is cut off leaves nothing.
 * @throws DomainError `uniqueness` when the name is taken
 */
export function foundFirstOrg(
  provisioning: Provisioning,
  operation: Operation,
  name: string,
  draft: ConnectionDraft,
): Submitted<Connection> {
  const seed = seedOf(operation, name)
  return provisioning.work.found(seed, async (stores) => {
    await recordOrg(stores, operation, seed)
    return writeConnection(stores, operation, seed.id, draft)
  })
}
