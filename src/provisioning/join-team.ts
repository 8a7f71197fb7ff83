import type { Caller } from '../domain/caller.ts'
import { DomainError } from '../domain/errors.ts'
import type { User } from '../domain/user.ts'
import type { NamedTeam, WriteStores } from '../domain/write-ports.ts'

/**
 * Makes a person a direct member of a team that no identity provider manages, unless they are in it already, directly or
 * through a rule.
 * @returns whether they joined
 * @throws DomainError `invalid-value` naming the group that manages the team
 */
export async function joinTeam(stores: WriteStores, caller: Caller, user: User, team: NamedTeam): Promise<boolean> {
  const { orgId } = caller
  const { people } = await stores.access.facts(orgId, [user.id])
  const isDirect = people[0]?.members.some(({ groupId, origin }) => groupId === team.id && origin !== 'service')
  if (isDirect === true) return false
  const held = await stores.access.held(orgId, [user.id])
  if (held.get(user.id)?.memberships.has(team.id) === true) return false
  return joinAsNew(stores, caller, user, team)
}

/** The same for a person who is known not to be in the team. */
export async function joinAsNew(stores: WriteStores, caller: Caller, user: User, team: NamedTeam): Promise<boolean> {
  const { orgId, connection } = caller
  const group = await stores.groups.find(orgId, team.id)
  if (group === undefined) return false
  if (group.owner !== undefined && !(await mayAddToManaged(stores, caller))) {
    const message =
      `The team "${team.name}" is managed by the group ${group.id} of an identity provider; ` +
      'add the person to that group instead.'
    throw new DomainError('invalid-value', message, { reason: 'team.managed', params: { group: group.id } })
  }
  const byHand = user.status === 'pending' ? 'invite' : 'manual'
  const origin = connection?.kind === 'idp' ? 'scim' : byHand
  const { listed } = await stores.members.add(orgId, group.id, [user.id], {
    origin,
    setBy: connection?.id,
    at: stores.now,
  })
  await stores.groups.update(orgId, {
    ...group,
    version: group.version + 1,
    updated: stores.now,
    memberCount: group.memberCount + listed,
  })
  return true
}

/** Scripts may, where the org says so: the people they add stay when the identity provider replaces the members. */
async function mayAddToManaged(stores: WriteStores, { orgId, connection }: Caller): Promise<boolean> {
  if (connection?.kind === 'idp') return false
  return (await stores.orgs.policy(orgId)).settings.scriptMayAddToIdpTeams
}
