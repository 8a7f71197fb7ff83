import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { ReadStores } from '../domain/ports.ts'
import type { User } from '../domain/user.ts'

const USER_NAME = { path: ['userName'], type: 'string', caseExact: false, multiValued: false } as const

/**
 * The live person or service account that a text names: by id, else by userName, else by primary e-mail address.
 * @throws DomainError `invalid-value` where several people have the address
 */
export async function findPerson(
  reads: Pick<ReadStores, 'users'>,
  orgId: OrgId,
  text: string,
): Promise<User | undefined> {
  if (isId(text)) return reads.users.find(orgId, text as UserId)
  const named = await findUserNamed(reads, orgId, text)
  if (named !== undefined) return named
  const [id, second] = await reads.users.idsByPrimaryEmail(orgId, text)
  if (second !== undefined) {
    throw new DomainError('invalid-value', 'Several people have this address; use the id of the one you mean')
  }
  return id === undefined ? undefined : reads.users.find(orgId, id)
}

/** The live person or service account of that userName, in any case. */
export async function findUserNamed(
  reads: Pick<ReadStores, 'users'>,
  orgId: OrgId,
  userName: string,
): Promise<User | undefined> {
  const { rows } = await reads.users.page(orgId, {
    filter: { kind: 'compare', at: USER_NAME, op: 'eq', value: userName },
    ...{ sort: undefined, startIndex: 1, count: 1, viewer: { connectionId: undefined, kind: 'script' } },
  })
  return rows[0]
}
