import type { Request } from 'express'
import type { Account } from '../domain/api-key.ts'
import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { Actor } from '../domain/record.ts'

/** Names the person of the same org a service account acts for: kept with every record of the call. */
export const ON_BEHALF_OF = 'Rollcall-On-Behalf-Of'

/**
 * Who acts, as records name them.
 * @throws DomainError `invalid-value` where the call is said to be for nobody of this org, `forbidden` where the key is
 * no service account's
 */
export async function actorOf(
  req: Request,
  orgId: OrgId,
  { keyId, user, isService }: Account,
  reads: ReadStores,
): Promise<Actor> {
  const person = req.get(ON_BEHALF_OF)
  const known = user === undefined ? ({ type: 'script', id: keyId } as const) : { type: typeOf(isService), id: user }
  const actor = { ...known, tokenId: keyId }
  if (person === undefined) return actor
  if (!isService) throw new DomainError('forbidden', `${ON_BEHALF_OF} is for service accounts`, { reason: 'right.key' })
  const found = isId(person) ? await reads.users.find(orgId, person as UserId) : undefined
  if (found?.status !== 'active' || found.accountType !== 'USER') {
    throw new DomainError('invalid-value', `${ON_BEHALF_OF} names no active person of this organisation`)
  }
  return { ...actor, onBehalfOf: found.id }
}

function typeOf(isService: boolean): 'user' | 'serviceAccount' {
  return isService ? 'serviceAccount' : 'user'
}
