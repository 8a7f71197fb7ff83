import { DomainError } from '../domain/errors.ts'
import { isId, type OrgId, type UserId } from '../domain/ids.ts'
import type { User } from '../domain/user.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/**
 * The live person that an id, a userName or a primary e-mail address names, in this order; the latter two in any case.
 * @throws DomainError `invalid-value` for nobody, for several people of one address, and for a service account
 */
export async function getPersonNamed(stores: WriteStores, orgId: OrgId, said: string): Promise<User> {
  const id = await idNamed(stores, orgId, said)
  const user = id === undefined ? undefined : await stores.users.find(orgId, id)
  if (user === undefined) {
    throw refused(
      `${shown(said)} is nobody in this organization; invite them to the organization first, then add them to the team.`,
      'member.not-in-org',
    )
  }
  if (user.accountType === 'USER') return user
  throw refused('A service account is in the teams that were named when it was made.', 'member.service-account')
}

async function idNamed(stores: WriteStores, orgId: OrgId, said: string): Promise<UserId | undefined> {
  if (isId(said)) return said as UserId
  const named = (await stores.users.nameHolder(orgId, said))?.id
  if (named !== undefined || !said.includes('@')) return named
  const [first, second] = await stores.users.byPrimaryEmail(orgId, said)
  if (second === undefined) return first
  throw refused(`Several people have the address ${shown(said)}; use the id.`, 'member.ambiguous')
}

function shown(said: string): string {
  return JSON.stringify(said.length > 80 ? `${said.slice(0, 80)}…` : said)
}

function refused(sentence: string, reason: string): DomainError {
  return new DomainError('invalid-value', sentence, { reason, params: { path: 'person' } })
}
