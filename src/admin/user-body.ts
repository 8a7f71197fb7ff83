import { z } from 'zod'
import { ORG_ROLES } from '../domain/access.ts'
import { keyTextOf, textOf } from './route.ts'

const SEAT_TYPES = ['full', 'viewer', 'none'] as const

const person = {
  displayName: keyTextOf(1024).nullable().optional(),
  givenName: textOf(256).nullable().optional(),
  familyName: textOf(256).nullable().optional(),
  email: keyTextOf(320).nullable().optional().meta({ description: 'The primary address' }),
  orgRole: z.enum(ORG_ROLES).nullable().optional().meta({ description: 'Null: as rules and default say' }),
  seats: z.record(z.string().min(1).max(64), z.enum(SEAT_TYPES).nullable()).optional(),
}

/** What a new person is made of. */
export const newUser = z
  .strictObject({ userName: keyTextOf(1024), active: z.boolean().default(true), ...person })
  .meta({ examples: [{ userName: 'ann@example.com', email: 'ann@example.com', orgRole: 'member' }] })

/** What of a person may be changed; what is left out stays, null clears. */
export const userPatch = z
  .strictObject({ userName: keyTextOf(1024).optional(), active: z.boolean().optional(), ...person })
  .meta({ examples: [{ displayName: 'Ann Lee' }] })
