import { DomainError } from '../domain/errors.ts'
import type { Group } from '../domain/group.ts'
import type { GroupId, OrgId } from '../domain/ids.ts'
import type { Team } from '../domain/team.ts'
import type { WriteStores } from '../domain/write-ports.ts'

/** The refusal for an id that names no team of the org. */
export function noSuchTeam(id: string): DomainError {
  return new DomainError('not-found', `Team ${id} not found`)
}

/**
 * A team that lives and is not archived.
 * @throws DomainError `not-found`; `forbidden` while it is archived
 */
export async function getActiveTeam(stores: WriteStores, orgId: OrgId, id: GroupId): Promise<Team> {
  const team = await stores.teams.find(orgId, id)
  if (team === undefined) throw noSuchTeam(id)
  if (team.archivedAt === undefined) return team
  throw new DomainError('forbidden', `The team "${team.name}" is archived; restore it first`, {
    reason: 'team.archived',
    params: { team: id },
  })
}

/** The live group of a team. @throws DomainError `not-found` */
export async function getGroup(stores: WriteStores, orgId: OrgId, id: GroupId): Promise<Group> {
  const group = await stores.groups.find(orgId, id)
  if (group === undefined) throw noSuchTeam(id)
  return group
}

/**
 * The refusal to do by hand what the group of an identity provider decides.
 * @param instead what to do there, as the end of the sentence
 */
export async function managedTeam(
  stores: WriteStores,
  orgId: OrgId,
  { id, name, owner }: Pick<Team, 'id' | 'name' | 'owner'>,
  instead: string,
): Promise<DomainError> {
  const connection = owner === undefined ? undefined : await stores.orgs.connection(orgId, owner)
  const by = connection === undefined ? 'an identity provider' : `"${connection.name}"`
  return new DomainError(
    'invalid-value',
    `The team "${name}" is managed by the group "${name}" (${id}) of ${by}; ${instead}.`,
    { reason: 'team.managed', params: { group: id } },
  )
}
