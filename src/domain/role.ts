import { DomainError } from './errors.ts'
import { fold } from './fold.ts'
import type { OrgId, RoleId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** The built-in team role that a custom role starts from. */
export type RoleBase = 'member' | 'viewer'

export const ROLE_BASES: readonly RoleBase[] = ['member', 'viewer']

/** What a client states of a custom role. */
export interface RoleState {
  readonly name: string
  readonly description: string | undefined
  readonly base: RoleBase
  /** What was added to the base, in the order of {@link PERMISSIONS}; what the base has by now may be among them. */
  readonly permissions: readonly string[]
}

/** A team role that an org made: a built-in role and permissions beyond it. */
export interface CustomRole extends RoleState {
  readonly id: RoleId
  readonly ord: number
  readonly version: number
  readonly created: number
  readonly updated: number
}

/** A custom role to be made. */
export interface RoleDraft extends RoleState {
  /** Names of unknown keys that were dropped, for the record. */
  readonly ignored?: readonly string[]
}

/** Object → operations, and which of these viewers and members have without any custom role. */
interface Permitted {
  readonly all: readonly string[]
  readonly viewer: readonly string[]
  readonly member: readonly string[]
}

const CATALOGUE: Readonly<Record<string, Permitted>> = {
  project: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['create', 'read'] },
  run: {
    all: ['create', 'read', 'update', 'stop', 'delete'],
    viewer: ['read'],
    member: ['create', 'read', 'update', 'stop'],
  },
  report: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['create', 'read', 'update'] },
  artifact: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['create', 'read', 'update'] },
  sweep: {
    all: ['create', 'read', 'update', 'stop', 'delete'],
    viewer: ['read'],
    member: ['create', 'read', 'update', 'stop'],
  },
  launchagent: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['create', 'read'] },
  launchqueue: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['read'] },
  registry: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['read'] },
  team: { all: ['read', 'update'], viewer: ['read'], member: ['read'] },
  teammember: { all: ['create', 'read', 'update', 'delete'], viewer: ['read'], member: ['read'] },
}

function namesOf(part: keyof Permitted): readonly string[] {
  return Object.entries(CATALOGUE).flatMap(([object, permitted]) => permitted[part].map((each) => `${object}:${each}`))
}

/** Every permission there is, as `object:operation`, in the order in which roles list them. */
export const PERMISSIONS: readonly string[] = namesOf('all')

const KNOWN: ReadonlySet<string> = new Set(PERMISSIONS)

const INHERITED: Readonly<Record<RoleBase, ReadonlySet<string>>> = {
  member: new Set(namesOf('member')),
  viewer: new Set(namesOf('viewer')),
}

/** Whether that is the name of a permission; names compare exactly. */
export function isPermission(name: string): boolean {
  return KNOWN.has(name)
}

/** Whether a role has a permission from its base alone. */
export function isInherited(base: RoleBase, permission: string): boolean {
  return INHERITED[base].has(permission)
}

/** The given permissions in the order of the catalogue, each once; others are left out. */
export function inCatalogueOrder(permissions: Iterable<string>): readonly string[] {
  const wanted = new Set(permissions)
  return PERMISSIONS.filter((permission) => wanted.has(permission))
}

/**
 * What a role adds to its base when it is to permit what is named: in the order of the catalogue, without what the base
 * gives anyway.
 * @throws DomainError `invalid-value` naming the first that is no permission
 */
export function addedPermissions(base: RoleBase, names: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !isPermission(name))
  if (unknown !== undefined) {
    const shown = JSON.stringify(unknown.slice(0, 80))
    const operations = CATALOGUE[unknown.split(':')[0] ?? '']?.all.join(', ')
    const known =
      operations === undefined
        ? `Objects are ${Object.keys(CATALOGUE).join(', ')}`
        : `Operations there are ${operations}`
    throw new DomainError('invalid-value', `permissions: there is no ${shown}. ${known}.`, {
      params: { path: 'permissions' },
    })
  }
  return inCatalogueOrder(names.filter((name) => !isInherited(base, name)))
}

/** One permission that a role has, and whether its base gives it. */
export interface EffectivePermission {
  readonly name: string
  readonly isInherited: boolean
}

/** All that holders of a role may do, in the order of the catalogue. */
export function effectivePermissions({ base, permissions }: RoleState): readonly EffectivePermission[] {
  const added = new Set(permissions)
  return PERMISSIONS.filter((name) => isInherited(base, name) || added.has(name)).map((name) => ({
    name,
    isInherited: isInherited(base, name),
  }))
}

/** UTF-16 units of a name: it is shown in one line, and a key of an index. */
const MAX_NAME = 256

const BUILT_IN: ReadonlySet<string> = new Set(['admin', 'member', 'viewer'])

/**
 * Refuses a name that is blank, too long, holds control characters, or reads like a built-in role.
 * @throws DomainError `invalid-value`
 */
export function checkRoleName(name: string): void {
  const refuse = (sentence: string): DomainError =>
    new DomainError('invalid-value', `name ${sentence}.`, { reason: 'role.name', params: { path: 'name' } })
  if (name.trim() === '') throw refuse('is required for a role and must not be empty')
  if (name.length > MAX_NAME) throw refuse(`is longer than ${MAX_NAME} characters`)
  if (/\p{Cc}/u.test(name)) throw refuse('must not hold control characters')
  if (BUILT_IN.has(fold(name).trim())) throw refuse('must not be that of a built-in role: admin, member or viewer')
}

/** Whether two states say the same. */
export function isSameRole(a: RoleState, b: RoleState): boolean {
  return (
    a.name === b.name &&
    a.description === b.description &&
    a.base === b.base &&
    a.permissions.length === b.permissions.length &&
    a.permissions.every((permission, index) => permission === b.permissions[index])
  )
}

/** What a role is to its clients, `schemas` and `meta` aside: what answers show and filters compare. */
export function roleAttributes(role: CustomRole, orgId: OrgId): JsonObject {
  return {
    id: role.id,
    name: role.name,
    ...(role.description === undefined ? {} : { description: role.description }),
    inheritedFrom: role.base,
    organizationID: orgId,
    permissions: effectivePermissions(role).map(({ name, isInherited }) => ({ name, isInherited })),
  }
}
