import type { JsonObject } from '../domain/json.ts'
import { primaryEmail, type User } from '../domain/user.ts'
import type { ListedPerson } from './list-people.ts'

/** A person as lists, the admin API and the command line show them. Times are RFC 3339 in UTC. */
export function shownPerson({ user, standing }: ListedPerson) {
  const { id, attributes, status, accountType, orgRole, owner, created, updated, version } = user
  const { seats, teamRoles } = standing.access
  const did = standing.activity
  return {
    ...{ id, userName: attributes.userName, name: shownName(user), email: primaryEmail(attributes) ?? null },
    ...{ status, accountType, orgRole: orgRole === 'none' ? null : orgRole, seats: Object.fromEntries(seats) },
    teams: teamRoles.map(({ teamName, roleName }) => ({ name: teamName, role: roleName })),
    lastActive: did === undefined ? null : new Date(did.lastActive).toISOString(),
    ...{ daysActive: did?.daysActive ?? 0, runs: did?.runs ?? 0, reports: did?.reports ?? 0 },
    ...{ origin: owner === undefined ? ('manual' as const) : ('idp' as const), owner: owner ?? null },
    ...{ created: new Date(created).toISOString(), updated: new Date(updated).toISOString(), version },
  }
}

/** The name a person is shown by; '' where they have none but their userName. */
export function shownName({ attributes }: User): string {
  const name = attributes['name'] as JsonObject | undefined
  const parts = [name?.['givenName'], name?.['familyName']].filter((part) => typeof part === 'string')
  const whole = [attributes['displayName'], name?.['formatted']].find((text) => typeof text === 'string')
  return whole ?? parts.join(' ')
}

/** Seats, or teams with roles, on one line. */
export function shownPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  return pairs.map(([name, value]) => `${name}: ${value}`).join('; ')
}
