import { z } from 'zod'
import { type AccessWish, ORG_ROLES } from '../domain/access.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { emailsOf, type UserAttributes, type UserState } from '../domain/user.ts'
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

type Said = Omit<z.output<typeof userPatch>, 'userName' | 'active'>

/** The state of a person who is made. */
export function newState(body: z.output<typeof newUser>): UserState {
  const { userName, active, ...said } = body
  return { active, externalId: undefined, attributes: attributesOf({ userName }, said), wishes: wishesOf(said) }
}

/** The state of a person who is changed. */
export function changedState(current: UserState, body: z.output<typeof userPatch>): UserState {
  const { userName, active, ...said } = body
  const attributes = userName === undefined ? current.attributes : { ...current.attributes, userName }
  return {
    ...current,
    active: active ?? current.active,
    attributes: attributesOf(attributes, said),
    wishes: wishesOf(said),
  }
}

function attributesOf(attributes: UserAttributes, said: Said): UserAttributes {
  const { displayName, givenName, familyName, email } = said
  let next = assigned(attributes, { displayName })
  if (givenName !== undefined || familyName !== undefined) {
    const { formatted: _stale, ...name } = (attributes['name'] ?? {}) as JsonObject
    const parts = assigned(name, { givenName, familyName })
    next = assigned(next, { name: Object.keys(parts).length === 0 ? null : parts })
  }
  if (email !== undefined) next = assigned(next, { emails: emailsWith(attributes, email) })
  return next as UserAttributes
}

/** The values that are given; null takes one away, undefined leaves it. */
function assigned(object: JsonObject, values: Readonly<Record<string, Json | undefined>>): JsonObject {
  const next: Record<string, Json | undefined> = { ...object }
  for (const [name, value] of Object.entries(values)) {
    if (value === null) delete next[name]
    else if (value !== undefined) next[name] = value
  }
  return next
}

/** Another primary address takes the place of the one before; further ones stay. */
function emailsWith(attributes: UserAttributes, email: string | null): Json {
  const before = emailsOf(attributes)
  const others = before.filter(({ primary, value }) => primary !== true && value !== email)
  const type = before.find(({ primary }) => primary === true)?.type ?? 'work'
  const emails = email === null ? others : [{ value: email, type, primary: true }, ...others]
  return emails.length === 0 ? null : emails
}

function wishesOf({ orgRole, seats = {} }: Said): readonly AccessWish[] {
  const wishes: AccessWish[] = Object.entries(seats).map(([product, value]) => ({
    ...{ kind: 'seat', product, value: value ?? undefined },
  }))
  if (orgRole !== undefined) wishes.push({ kind: 'org_role', value: orgRole ?? undefined })
  return wishes
}
