import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import type { AdminPorts } from './ports.ts'

/**
 * The live person or service account of that id.
 * @throws DomainError `not-found`
 */
export async function getUser({ reads }: AdminPorts, orgId: OrgId, id: string): Promise<User> {
  const found = isId(id) ? await reads.users.find(orgId, id as UserId) : undefined
  if (found === undefined) throw new DomainError('not-found', `User ${id} not found`)
  return found
}
