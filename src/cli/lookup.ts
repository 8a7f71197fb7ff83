import type { Connection } from '../domain/connection.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import type { OrgSummary } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'
import { findPerson } from '../provisioning/find-person.ts'
import type { Operator } from './ports.ts'

/**
 * The org a command names by id or name, in any case.
 * @throws DomainError `not-found`
 */
export async function getOrg({ reads }: Operator, name: string): Promise<OrgSummary> {
  const org = await reads.orgs.find(name)
  if (org !== undefined) return org
  throw new DomainError('not-found', `There is no organisation "${name}"; see: rollcall org list`)
}

/**
 * The connection of an org a command names by id, or an active one by its name in any case.
 * @throws DomainError `not-found`
 */
export async function getConnection({ reads }: Operator, org: OrgSummary, name: string): Promise<Connection> {
  const connections = await reads.orgs.connections(org.id)
  const key = fold(name)
  const found =
    connections.find(({ id }) => id === name) ??
    connections.find((connection) => fold(connection.name) === key && connection.status === 'active')
  if (found !== undefined) return found
  throw new DomainError(
    'not-found',
    `The organisation "${org.name}" has no active connection "${name}"; see: rollcall connection list --org ${org.id}`,
  )
}

/**
 * The live person or service account a command names by id, userName or primary e-mail address.
 * @throws DomainError `not-found`, `invalid-value` where several people have the address
 */
export async function getUser({ reads }: Operator, org: OrgSummary, name: string): Promise<User> {
  const found = await findPerson(reads, org.id, name)
  if (found !== undefined) return found
  throw new DomainError('not-found', `There is no user "${name}" in "${org.name}"; see: rollcall user list --search`)
}
