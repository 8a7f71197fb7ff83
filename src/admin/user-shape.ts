import { z } from 'zod'
import { ORG_ROLES } from '../domain/access.ts'
import { primaryEmail } from '../domain/user.ts'
import type { ListedPerson } from '../provisioning/list-people.ts'
import { shownName } from '../provisioning/people-csv.ts'
import { maybeTime, shownTime, time } from './route.ts'

/** Seats by product. */
export const seats = z.record(z.string(), z.enum(['full', 'viewer', 'none']))

/** A person or service account as the admin API shows it. */
export const user = z.object({
  ...{ id: z.uuid(), userName: z.string(), name: z.string(), email: z.string().nullable() },
  status: z.enum(['pending', 'active', 'deactivated']),
  accountType: z.enum(['USER', 'SERVICE', 'ORG_SERVICE']),
  orgRole: z.enum(ORG_ROLES).nullable().meta({ description: 'What they have now; null while they have no access' }),
  seats,
  teams: z.array(z.object({ name: z.string(), role: z.string() })),
  lastActive: time.nullable().meta({ description: 'When they last used the gateway with a key of their own' }),
  origin: z.enum(['idp', 'manual']),
  owner: z.uuid().nullable().meta({ description: 'The connection that manages them' }),
  ...{ created: time, updated: time, version: z.number().int() },
})

export type ShownUser = z.input<typeof user>

/** A person as {@link user} says. */
export function shownUser({ user: of, standing, lastActive }: ListedPerson): ShownUser {
  const { id, attributes, status, accountType, orgRole, owner, created, updated, version } = of
  const { access } = standing
  return {
    ...{ id, userName: attributes.userName, name: shownName(of), email: primaryEmail(attributes) ?? null },
    ...{ status, accountType, orgRole: orgRole === 'none' ? null : orgRole },
    seats: Object.fromEntries(access.seats) as z.input<typeof seats>,
    teams: access.teamRoles.map(({ teamName, roleName }) => ({ name: teamName, role: roleName })),
    lastActive: maybeTime(lastActive),
    ...{ origin: owner === undefined ? 'manual' : 'idp', owner: owner ?? null },
    ...{ created: shownTime(created), updated: shownTime(updated), version },
  }
}
