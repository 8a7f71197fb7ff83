import type { KeyId } from '../domain/ids.ts'
import type { OrgSummary, Submitted } from '../domain/ports.ts'
import { writeKey } from './api-keys.ts'
import { type Operation, recordOrg, seedOf } from './found-org.ts'
import type { Provisioning } from './provisioning.ts'

/**
 * Makes an org with its first admin key, in one transaction: whoever makes it for somebody else hands them the key.
 * @throws DomainError `uniqueness` when the name is taken
 */
export function foundKeyedOrg(
  provisioning: Provisioning,
  operation: Operation,
  name: string,
  key: { readonly id: KeyId; readonly secretHash: Uint8Array },
): Submitted<OrgSummary> {
  const seed = seedOf(operation, name)
  return provisioning.work.found(seed, async (stores) => {
    await recordOrg(stores, operation, seed)
    await writeKey(stores, operation, seed.id, {
      ...{ ...key, scope: 'admin', user: undefined, name: 'first', origin: 'minted', expires: undefined },
    })
    return { id: seed.id, name, created: seed.created }
  })
}
