import { ORG_ROLES } from '../domain/access.ts'
import { fold } from '../domain/fold.ts'
import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import type { OrgRole } from '../domain/access.ts'
import type { OrgSettings } from '../domain/org-settings.ts'
import type { UserAttributes } from '../domain/user.ts'

/** Standard attributes whose values may name a role in the org (RFC 7643 §4.1.2). */
const ROLE_ATTRIBUTES = ['roles', 'entitlements'] as const

/** Which values name which role, folded. */
export type RoleNames = OrgSettings['recognisedRoles']

function recognised(value: Json | undefined, names: RoleNames): OrgRole | undefined {
  if (typeof value !== 'string') return undefined
  const folded = fold(value)
  return ORG_ROLES.find((role) => names[role].includes(folded))
}

function roleOf(element: Json, names: RoleNames): OrgRole | undefined {
  if (!isJsonObject(element)) return recognised(element, names)
  return recognised(element['value'], names) ?? recognised(element['display'], names)
}

function rolesIn(attributes: JsonObject, name: string, names: RoleNames): readonly (OrgRole | undefined)[] {
  const values = attributes[name]
  return Array.isArray(values) ? (values as readonly Json[]).map((value) => roleOf(value, names)) : []
}

/** Whether attributes say anything that could name a role. */
export function saysRoles(attributes: JsonObject | undefined): boolean {
  return attributes !== undefined && ROLE_ATTRIBUTES.some((name) => Array.isArray(attributes[name]))
}

/** The org roles that `roles` and `entitlements` name, by `value` then `display` in any case; the highest first. */
export function recognisedRoles(attributes: JsonObject, names: RoleNames): readonly OrgRole[] {
  const found = new Set(ROLE_ATTRIBUTES.flatMap((name) => rolesIn(attributes, name, names)))
  return ORG_ROLES.filter((role) => found.has(role))
}

/** What a statement of roles and entitlements asks of the explicit org role. */
export interface RoleDemand {
  /** Set this one. */
  readonly set?: OrgRole
  /** End the explicit role if it is one of these: an earlier value of the attributes gave it. */
  readonly end?: readonly OrgRole[]
  /** The attribute that asked for an admin, through a connection that may grant none: kept as a fact, without effect. */
  readonly withheld?: string
  /** Whether an admin was asked for before, and is no longer. */
  readonly gone: boolean
}

/** How roles and entitlements come to be stated. */
export interface RoleStatement {
  /** undefined for a person who is just made. */
  readonly before: UserAttributes | undefined
  readonly after: UserAttributes
  /** Whether the client named them, which states them also where they are what they were (RFC 7644 §3.5.2). */
  readonly restated: boolean
  readonly names: RoleNames
}

/** What is asked for, or undefined where nothing is: the same roles are named as before. */
export function roleDemand(
  { before, after, restated, names }: RoleStatement,
  mayGrantAdmin: boolean,
): RoleDemand | undefined {
  const was = before === undefined ? [] : recognisedRoles(before, names)
  const is = recognisedRoles(after, names)
  if (!restated && equalJson([...was], [...is])) return undefined
  const gone = was.includes('admin') && !is.includes('admin')
  const attribute = ROLE_ATTRIBUTES.find((name) => rolesIn(after, name, names).includes('admin'))
  const withheld = attribute === undefined || mayGrantAdmin ? {} : { withheld: attribute }
  const set = is.find((role) => role !== 'admin' || mayGrantAdmin)
  return set === undefined
    ? { end: was.filter((role) => !is.includes(role)), gone, ...withheld }
    : { set, gone, ...withheld }
}
