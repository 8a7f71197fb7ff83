import type { Access, AccessWish } from '../domain/access.ts'
import { DomainError } from '../domain/errors.ts'
import { fold } from '../domain/fold.ts'
import { equalJson, isJsonObject, type Json, type JsonObject } from '../domain/json.ts'
import { isBuiltInRole } from '../domain/reconcile.ts'
import { type Mount, traitsOf } from './location.ts'
import { invalidValue } from './schema/guard.ts'

/** Attributes that stand for the seat of a product. */
const SEATS: Readonly<Record<string, string>> = { modelsSeat: 'models', weaveRole: 'weave' }
const SEAT_ENTRIES = Object.entries(SEATS)

/** Attributes that a PATCH states as a body does. */
const BESIDE_ROLES: ReadonlySet<string> = new Set(['registryRoles', 'teams', 'defaultTeam', 'accountType'])

/** Access by attribute name; in what a client says, undefined is unassigned (null, "" or an empty list). */
export type AccessValues = ReadonlyMap<string, Json | undefined>

/**
 * What a person may do, as the extension's attributes show it. W&B's clients know no viewer of an organization: to them
 * it is a member whose seats and roles are those of a viewer.
 */
export function accessResource(access: Access, mount: Mount): JsonObject {
  const { organizationRole, seats, teamRoles, registryRoles, accountType } = access
  const role = organizationRole === 'viewer' && traitsOf(mount).topLevelNames ? 'member' : organizationRole
  // Line by line: this runs for each person of a page, and spreading parts together takes several times as long.
  const resource: Record<string, Json> = {}
  if (role !== undefined) resource['organizationRole'] = role
  for (const [name, product] of SEAT_ENTRIES) {
    const seat = seats.get(product)
    if (seat !== undefined) resource[name] = seat
  }
  if (teamRoles.length > 0) resource['teamRoles'] = teamRoles.map((each) => ({ ...each }))
  if (registryRoles.length > 0) resource['registryRoles'] = registryRoles.map((each) => ({ ...each }))
  resource['accountType'] = accountType
  return resource
}

/**
 * What a body asks for beside what the person has: absent says nothing, a value equal to the one shown says nothing,
 * null clears. Roles in teams it does not name stay; registry roles are a list of their own, which it replaces.
 * @param shown what the client would read; empty for a person who is just made
 * @throws DomainError `invalid-value`
 */
export function wishesOfBody(said: readonly AccessValues[], shown: JsonObject): readonly AccessWish[] {
  return said.flatMap((values) => [...values].flatMap(([name, value]) => wishesOfValue(name, value, shown)))
}

function wishesOfValue(name: string, value: Json | undefined, shown: JsonObject): readonly AccessWish[] {
  switch (name) {
    case 'teamRoles':
      return value === undefined ? clearedTeams(shown[name], undefined) : changedTeams(value, shown[name])
    case 'registryRoles':
      return registryWishes(shown[name], value)
    case 'teams':
      return elementsOf(value).map((team) => ({ kind: 'join', teamName: textOf(team, 'teams') }))
    case 'defaultTeam':
      return value === undefined ? [] : [{ kind: 'default_team', teamName: textOf(value, name) }]
    case 'accountType':
      return value === undefined ? [] : [{ kind: 'account_type', value: textOf(value, name) }]
    default:
      return isSameText(value, shown[name]) ? [] : scalarWish(name, value)
  }
}

/**
 * What a PATCH asks for, from the attributes before and after its operations. An operation whose path names an attribute
 * states it, also where it is what is shown already (RFC 7644 §3.5.2); a value of `teamRoles` that is not the very
 * object it was before was named.
 * @throws DomainError `invalid-value`, `mutability`
 */
export function wishesOfPatch(
  before: JsonObject,
  after: JsonObject,
  named: ReadonlySet<string>,
): readonly AccessWish[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after), ...named])
  return [...names].flatMap((name): readonly AccessWish[] => {
    const [was, is] = [before[name], after[name]]
    if (name === 'accountType' && is === undefined) {
      throw new DomainError('mutability', 'accountType is immutable and cannot be removed.', { params: { path: name } })
    }
    if (name === 'teamRoles') return [...clearedTeams(was, is), ...statedTeams(was, is)]
    if (BESIDE_ROLES.has(name)) return wishesOfValue(name, is, before)
    return named.has(name) || !isSameText(is, was) ? scalarWish(name, is) : []
  })
}

/**
 * Puts roles into a list, one for each team or registry it names, and leaves the others (the public client of W&B sends
 * one team with `replace` and expects the rest to stay).
 * @param key the sub-attribute that names the team or registry
 * @param states whether a value that is there already is stated anew
 */
export function upsertBy(key: string, added: readonly Json[], states: boolean): (now: Json | undefined) => Json {
  return (now) => {
    const list = [...elementsOf(now)]
    for (const element of added) {
      const at = list.findIndex((each) => isSameText(memberOf(each, key), memberOf(element, key)))
      const present = list[at]
      if (present === undefined) list.push(element)
      else if (states || !equalJson(present, element)) list[at] = element
    }
    return list
  }
}

function scalarWish(name: string, value: Json | undefined): readonly AccessWish[] {
  const text = value === undefined ? undefined : textOf(value, name)
  if (name === 'organizationRole') return [{ kind: 'org_role', value: text }]
  const product = Object.hasOwn(SEATS, name) ? SEATS[name] : undefined
  return product === undefined ? [] : [{ kind: 'seat', product, value: text }]
}

function teamName(element: Json): string {
  return textOf(memberOf(element, 'teamName'), 'teamRoles.teamName')
}

function teamWish(element: Json): AccessWish {
  const value = textOf(memberOf(element, 'roleName'), 'teamRoles.roleName')
  return { kind: 'team_role', teamName: teamName(element), value }
}

function findTeam(list: Json | undefined, element: Json): Json | undefined {
  const wanted = teamName(element)
  return elementsOf(list).find((each) => isSameText(memberOf(each, 'teamName'), wanted))
}

function clearedTeams(was: Json | undefined, is: Json | undefined): readonly AccessWish[] {
  const gone = elementsOf(was).filter((element) => findTeam(is, element) === undefined)
  return gone.map((element) => ({ kind: 'team_role', teamName: teamName(element), value: undefined }))
}

function changedTeams(value: Json, shown: Json | undefined): readonly AccessWish[] {
  const changed = elementsOf(value).filter((element) => {
    const present = findTeam(shown, element)
    return present === undefined || !isSameRole(memberOf(present, 'roleName'), memberOf(element, 'roleName'))
  })
  return changed.map(teamWish)
}

function statedTeams(was: Json | undefined, is: Json | undefined): readonly AccessWish[] {
  const before = new Set(elementsOf(was))
  return elementsOf(is)
    .filter((element) => !before.has(element))
    .map(teamWish)
}

function registryWishes(was: Json | undefined, is: Json | undefined): readonly AccessWish[] {
  const roles = (list: Json | undefined) =>
    new Map(
      elementsOf(list).map((element) => [
        textOf(memberOf(element, 'registryName'), 'registryRoles.registryName'),
        textOf(memberOf(element, 'roleName'), 'registryRoles.roleName'),
      ]),
    )
  const [before, after] = [roles(was), roles(is)]
  const names = [...new Set([...before.keys(), ...after.keys()])]
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((registryName) => ({ kind: 'registry_role', registryName, value: after.get(registryName) }))
}

function elementsOf(value: Json | undefined): readonly Json[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly Json[]) : [value]
}

function memberOf(element: Json, name: string): Json | undefined {
  return isJsonObject(element) ? element[name] : undefined
}

function textOf(value: Json | undefined, path: string): string {
  if (typeof value !== 'string' || value.trim() === '') throw invalidValue(path, 'is required and must be a string')
  return value
}

/** Names of built-in roles compare in any case, those of custom ones exactly. */
function isSameRole(left: Json | undefined, right: Json | undefined): boolean {
  return left === right || (typeof left === 'string' && isBuiltInRole(fold(left)) && isSameText(left, right))
}

function isSameText(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left !== 'string' || typeof right !== 'string') return left === right
  return fold(left) === fold(right)
}
