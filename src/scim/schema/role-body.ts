import type { Json } from '../../domain/json.ts'
import { isJsonObject } from '../../domain/json.ts'
import { DomainError } from '../../domain/errors.ts'
import {
  checkRoleName,
  inCatalogueOrder,
  isInherited,
  isPermission,
  ROLE_BASES,
  type RoleBase,
  type RoleDraft,
  type RoleState,
} from '../../domain/role.ts'
import { sortBody } from './body-keys.ts'
import { invalidValue, kindOf, LIMITS, namesForRecord } from './guard.ts'
import { isUnassigned, readOne } from './validator.ts'
import { attributeNamed } from './view.ts'
import type { SchemaView } from './view.ts'

/** A permission as a client names it; one it read as inherited, and sends back, is nothing it asks to add. */
export interface PermissionInput {
  readonly name: string
  readonly inherited: boolean
}

/** What a body says of a role: an absent key was not said, `description: null` clears. */
export interface RoleBody {
  readonly name?: string
  readonly description?: string | null
  readonly base?: RoleBase
  readonly permissions?: readonly PermissionInput[]
  readonly ignored: readonly string[]
}

function readText(value: unknown, name: string, view: SchemaView): string | undefined {
  const definition = attributeNamed(view.core.attributes, name)
  if (definition === undefined) throw new TypeError(`the ${view.resourceType} schema has no ${name}`)
  const text = readOne(definition, value, name, new Set())
  return typeof text === 'string' ? text : undefined
}

/** Reads a role's name. @throws DomainError invalid-value */
export function readRoleName(value: unknown, view: SchemaView): string {
  const name = readText(value, 'name', view) ?? ''
  checkRoleName(name)
  return name
}

/** Reads a role's description; null where it is unassigned. @throws DomainError invalid-value */
export function readRoleDescription(value: unknown, view: SchemaView): string | null {
  return readText(value, 'description', view) ?? null
}

/** Reads `inheritedFrom`, in any case. @throws DomainError invalid-value */
export function readRoleBase(value: unknown, view: SchemaView): RoleBase {
  const text = readText(value, 'inheritedFrom', view)?.toLowerCase()
  const base = ROLE_BASES.find((each) => each === text)
  if (base === undefined) throw invalidValue('inheritedFrom', `must be ${ROLE_BASES.join(' or ')}`)
  return base
}

/** A member of an object in any case; the exact name wins. */
function memberOf(object: object, name: string): unknown {
  const entries: readonly [string, unknown][] = Object.entries(object)
  const exact = entries.find(([key]) => key === name)
  return (exact ?? entries.find(([key]) => key.toLowerCase() === name.toLowerCase()))?.[1]
}

/** The longest part of an unknown name that an error repeats. */
const MAX_SHOWN = 80

function readPermission(element: unknown): PermissionInput {
  if (!isJsonObject(element) && typeof element !== 'string') {
    throw invalidValue('permissions', `must be objects with a name, got ${kindOf(element)}`)
  }
  const name = typeof element === 'string' ? element : memberOf(element, 'name')
  if (typeof name !== 'string') throw invalidValue('permissions.name', 'is required: what is permitted, as text')
  if (!isPermission(name)) {
    const shown = JSON.stringify(name.slice(0, MAX_SHOWN))
    throw invalidValue('permissions.name', `is no known permission: ${shown}; /Schemas lists those there are`)
  }
  return { name, inherited: typeof element === 'object' && memberOf(element, 'isInherited') === true }
}

/**
 * Reads permissions as clients send them: a list or one, each an object with `name` or the bare name. null, "" and []
 * are none.
 * @throws DomainError invalid-value naming the first that does not exist
 */
export function readPermissions(value: unknown): readonly PermissionInput[] {
  if (isUnassigned(value)) return []
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length > LIMITS.values) throw invalidValue('permissions', `has more than ${LIMITS.values} values`)
  return list.map(readPermission)
}

/**
 * The permissions a role adds when it is to have exactly those of a list. What the client read as inherited, or what the
 * base gives anyway, is not added; what was added before stays so.
 */
export function permissionsSet(state: RoleState, listed: readonly PermissionInput[]): readonly string[] {
  const added = new Set(state.permissions)
  const wanted = listed.filter(
    ({ name, inherited }) => added.has(name) || (!inherited && !isInherited(state.base, name)),
  )
  return inCatalogueOrder(wanted.map(({ name }) => name))
}

/** W&B's own answers have `schemas: [""]`, and clients send such a body back. */
function withoutBlankSchemas(body: unknown): unknown {
  if (!isJsonObject(body)) return body
  const isBlank = ([key, value]: [string, Json | undefined]): boolean =>
    key.toLowerCase() === 'schemas' && Array.isArray(value) && value.every((urn) => urn === '')
  return Object.fromEntries(Object.entries(body).filter((entry) => !isBlank(entry)))
}

/**
 * Reads the body of POST /Roles or PUT /Roles/{id}: names in any case, unknown and readOnly attributes dropped,
 * `schemas` may be missing or blank.
 * @throws DomainError invalid-syntax (no object, wrong `schemas`) or invalid-value (a sentence naming the path)
 */
export function readRoleBody(body: unknown, view: SchemaView): RoleBody {
  const { core, ignored } = sortBody(withoutBlankSchemas(body), view)
  const named = new Map(Array.from(core, ([definition, value]) => [definition.name, value]))
  return {
    ...(named.has('name') ? { name: readRoleName(named.get('name'), view) } : {}),
    ...(named.has('description') ? { description: readRoleDescription(named.get('description'), view) } : {}),
    ...(named.has('inheritedFrom') ? { base: readRoleBase(named.get('inheritedFrom'), view) } : {}),
    ...(named.has('permissions') ? { permissions: readPermissions(named.get('permissions')) } : {}),
    ignored: namesForRecord(ignored),
  }
}

/** The role that a POST asks for. @throws DomainError invalid-value where `name` or `inheritedFrom` is missing */
export function toRoleDraft(body: RoleBody): RoleDraft {
  const { name, description, base, permissions = [], ignored } = body
  if (name === undefined) throw invalidValue('name', 'is required for a role')
  if (base === undefined) throw invalidValue('inheritedFrom', `is required: ${ROLE_BASES.join(' or ')}`)
  const state: RoleState = { name, description: description ?? undefined, base, permissions: [] }
  return { ...state, permissions: permissionsSet(state, permissions), ignored }
}

/**
 * A role after a PUT. Unlike RFC 7644 §3.5.1 the keys that are absent stay as they are: W&B's client sends only those
 * that it changes.
 */
export function replaceRoleState(current: RoleState, body: RoleBody): RoleState {
  const { name = current.name, description, base = current.base, permissions } = body
  const state: RoleState = {
    name,
    description: description === undefined ? current.description : (description ?? undefined),
    base,
    permissions: current.permissions,
  }
  return permissions === undefined ? state : { ...state, permissions: permissionsSet(state, permissions) }
}

/**
 * A role without some of what it permits; what it does not permit anyway is passed over.
 * @throws DomainError invalid-value for one that its base gives
 */
export function withoutPermissions(state: RoleState, names: readonly string[]): RoleState {
  const inherited = names.find((name) => isInherited(state.base, name))
  if (inherited !== undefined) {
    const sentence = `holds ${inherited} from inheritedFrom "${state.base}", where it cannot be removed; choose another inheritedFrom`
    throw new DomainError('invalid-value', `permissions ${sentence}.`, { params: { path: 'permissions' } })
  }
  const removed = new Set(names)
  return { ...state, permissions: state.permissions.filter((name) => !removed.has(name)) }
}
