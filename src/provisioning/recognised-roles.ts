import { ORG_ROLES } from '../domain/access.ts'
import { fold } from '../domain/fold.ts'
import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgRole } from '../domain/access.ts'
import type { UserAttributes } from '../domain/user.ts'

/** Standard attributes whose values may name a role in the org (RFC 7643 §4.1.2). */
const ROLE_ATTRIBUTES = ['roles', 'entitlements'] as const

function recognised(value: Json | undefined): OrgRole | undefined {
  if (typeof value !== 'string') return undefined
  const folded = fold(value)
  return ORG_ROLES.find((role) => role === folded)
}

function roleOf(element: Json): OrgRole | undefined {
  return isJsonObject(element) ? (recognised(element['value']) ?? recognised(element['display'])) : recognised(element)
}

/** The org roles that `roles` and `entitlements` name, by `value` then `display` in any case; the highest first. */
export function recognisedRoles(attributes: JsonObject): readonly OrgRole[] {
  const found = new Set(
    ROLE_ATTRIBUTES.flatMap((name) => {
      const values = attributes[name]
      return Array.isArray(values) ? (values as readonly Json[]).map(roleOf) : []
    }),
  )
  return ORG_ROLES.filter((role) => found.has(role))
}

/** What a change of roles and entitlements asks of the explicit org role. */
export interface RoleDemand {
  /** Set this one. */
  readonly set?: OrgRole
  /** End the explicit role if it is one of these: an earlier value of the attributes gave it. */
  readonly end?: readonly OrgRole[]
  /** An admin that was asked for by a connection that may not grant it: kept as a fact, without effect. */
  readonly withheld: boolean
}

/** @param before undefined for a person who is just made */
export function roleDemand(
  before: UserAttributes | undefined,
  after: UserAttributes,
  mayGrantAdmin: boolean,
): RoleDemand {
  const was = before === undefined ? [] : recognisedRoles(before)
  const is = recognisedRoles(after)
  if (equalJson([...was], [...is])) return { withheld: false }
  const set = is.find((role) => role !== 'admin' || mayGrantAdmin)
  const withheld = is.includes('admin') && !mayGrantAdmin
  return set === undefined ? { end: was.filter((role) => !is.includes(role)), withheld } : { set, withheld }
}
