import { z } from 'zod'
import { ORG_ROLES } from '../domain/access.ts'
import type { ListedPerson } from '../provisioning/list-people.ts'
import { shownPerson } from '../provisioning/shown-person.ts'
import { time } from './route.ts'

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
  lastActive: time.nullable().meta({ description: 'When they last did anything, here or in the product' }),
  daysActive: z.number().int().meta({ description: 'On how many days, of UTC' }),
  ...{ runs: z.number().int(), reports: z.number().int() },
  origin: z.enum(['idp', 'manual']),
  owner: z.uuid().nullable().meta({ description: 'The connection that manages them' }),
  ...{ created: time, updated: time, version: z.number().int() },
})

export type ShownUser = z.input<typeof user>

/** A person as {@link user} says. */
export function shownUser(person: ListedPerson): ShownUser {
  return shownPerson(person) as ShownUser
}
