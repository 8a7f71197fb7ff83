import { DomainError } from '../../domain/errors.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import { equalJson, isJsonObject } from '../../domain/json.ts'
import type { UserAttributes, UserState } from '../../domain/user.ts'
import { ROLLCALL_URN, TEAMS_URN } from '../../domain/schema-urns.ts'
import { accessResource, type AccessValues, wishesOfBody } from '../access-shape.ts'
import type { Mount } from '../location.ts'
import { sortBody } from './body-keys.ts'
import { invalidValue, namesForRecord } from './guard.ts'
import { objectOf, readAttribute, readParts } from './validator.ts'
import type { Parts } from './validator.ts'
import { topLevelNamed } from './view.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './view.ts'

/** The body of a POST or PUT in canonical form, with what the client said and did not say told apart. */
export interface UserBody {
  readonly attributes: UserAttributes
  /** undefined: not said. */
  readonly active: boolean | undefined
  /** undefined: not said; null: cleared. */
  readonly externalId: string | null | undefined
  /** Core attributes and extension URNs (canonical spelling) that the body names, also with null or []. */
  readonly present: ReadonlySet<string>
  /** Extension URNs listed in `schemas`. */
  readonly listed: ReadonlySet<string>
  /** What is said of the person's access: by extensions, then by names at the top level. */
  readonly access: readonly AccessValues[]
  /** Names of unknown attributes, which were dropped; `name.foo` for sub-attributes. */
  readonly ignored: readonly string[]
}

/** Kept by PUT when the body does not name them: clients that PUT core attributes only would strip them. */
const OUTSIDE_PUT: ReadonlySet<string> = new Set(['roles', 'entitlements'])

/** Extensions that say what a person may do, which is no part of `UserAttributes` either. */
export const ACCESS_URNS: ReadonlySet<string> = new Set([ROLLCALL_URN, TEAMS_URN])

function valuesByName(parts: Parts): AccessValues {
  return new Map([...parts].map(([{ name }, value]) => [name, value]))
}

/** State of their own, no part of `UserAttributes`. */
const APART: ReadonlySet<string> = new Set(['active', 'externalId'])

function readAll(raw: ReadonlyMap<AttributeDefinition, unknown>, prefix: string, ignored: Set<string>): Parts {
  const parts: Parts = new Map()
  for (const [definition, value] of raw) {
    if (definition.mutability === 'readOnly' || definition.mutability === 'writeOnly') continue
    parts.set(definition, readAttribute(definition, value, prefix + definition.name, ignored))
  }
  return parts
}

/** In the order of the schema, so that the same state is always the same text. */
function inOrder(definitions: readonly AttributeDefinition[], parts: Parts): Parts {
  return new Map(definitions.filter((each) => parts.has(each)).map((each) => [each, parts.get(each)]))
}

function requireUserName(attributes: JsonObject | undefined): UserAttributes {
  const userName = attributes?.['userName']
  if (attributes === undefined || typeof userName !== 'string' || userName.trim() === '') {
    throw invalidValue('userName', 'is required and must not be empty')
  }
  return { ...attributes, userName }
}

function partNamed(parts: Parts, name: string): Json | undefined {
  return [...parts].find(([definition]) => definition.name === name)?.[1]
}

function externalIdOf(parts: Parts): string | null | undefined {
  const definition = [...parts.keys()].find(({ name }) => name === 'externalId')
  if (definition === undefined) return undefined
  const value = parts.get(definition)
  return typeof value === 'string' ? value : null
}

/** The attributes that make up `UserAttributes`: all but those kept apart. */
function attributesOf(core: Parts, extensions: ReadonlyMap<SchemaDefinition, Parts>, view: SchemaView): UserAttributes {
  const own = view.core.attributes.filter(({ name }) => !APART.has(name))
  const attributes: Record<string, Json> = { ...(objectOf(inOrder(own, core)) as Record<string, Json> | undefined) }
  for (const extension of view.extensions) {
    if (ACCESS_URNS.has(extension.id)) continue
    const parts = extensions.get(extension)
    const value = parts === undefined ? undefined : objectOf(inOrder(extension.attributes, parts))
    if (value !== undefined) attributes[extension.id] = value
  }
  return requireUserName(attributes)
}

/**
 * Reads the body of POST /Users or PUT /Users/{id} (RFC 7644 §3.3, §3.5.1): names in any case, unknown and readOnly
 * attributes dropped, `password` accepted and dropped, null, "", [] and {} unassigned, values checked by the schema.
 * @throws DomainError invalid-syntax (no object, wrong `schemas`) or invalid-value (a sentence naming the path)
 */
export function readUserBody(body: unknown, view: SchemaView): UserBody {
  const sorted = sortBody(body, view)
  const core = readAll(sorted.core, '', sorted.ignored)
  const extensions = new Map(
    [...sorted.extensions].map(([schema, raw]) => [schema, readAll(raw, `${schema.id}:`, sorted.ignored)]),
  )
  const active = partNamed(core, 'active')
  const said = [...extensions].filter(([{ id }]) => ACCESS_URNS.has(id)).map(([, parts]) => parts)
  const aliased = readAll(sorted.aliased, '', sorted.ignored)
  return {
    attributes: attributesOf(core, extensions, view),
    active: typeof active === 'boolean' ? active : undefined,
    externalId: externalIdOf(core),
    present: new Set([...core.keys()].map(({ name }) => name).concat([...extensions.keys()].map(({ id }) => id))),
    listed: sorted.listed,
    access: [...said, aliased].filter((parts) => parts.size > 0).map(valuesByName),
    ignored: namesForRecord(sorted.ignored),
  }
}

/** The state a new user starts with: active unless the body says otherwise. @throws DomainError invalid-value */
export function toNewUser(body: UserBody): UserState & { readonly ignored: readonly string[] } {
  return {
    attributes: body.attributes,
    active: body.active ?? true,
    externalId: body.externalId ?? undefined,
    ...(body.access.length === 0 ? {} : { wishes: wishesOfBody(body.access, {}) }),
    ignored: body.ignored,
  }
}

function refuseChanged(definitions: readonly AttributeDefinition[], prefix: string, was: JsonObject, is: JsonObject) {
  for (const { name, mutability } of definitions) {
    if (mutability !== 'immutable' || was[name] === undefined || equalJson(was[name], is[name])) continue
    const message = `${prefix}${name} is immutable: it cannot be changed or removed once it has a value.`
    throw new DomainError('mutability', message, { params: { path: prefix + name } })
  }
}

/**
 * Refuses a change of an immutable attribute that has a value (RFC 7643 §2.2, RFC 7644 §3.5.1).
 * @throws DomainError mutability
 */
export function refuseImmutableChange(current: UserAttributes, next: UserAttributes, view: SchemaView): void {
  refuseChanged(view.core.attributes, '', current, next)
  for (const { id, attributes } of view.extensions) {
    const was = current[id]
    if (!isJsonObject(was)) continue
    const is = next[id]
    refuseChanged(attributes, `${id}:`, was, isJsonObject(is) ? is : {})
  }
}

/** An extension that the body holds, with the immutable attributes it leaves out: those can only stay. */
function withImmutable({ attributes }: SchemaDefinition, was: JsonObject, is: JsonObject): JsonObject {
  const left = attributes.filter(({ name, mutability }) => mutability === 'immutable' && is[name] === undefined)
  const kept = left.filter(({ name }) => was[name] !== undefined)
  return { ...is, ...Object.fromEntries(kept.map(({ name }) => [name, was[name]])) }
}

/** Whether PUT leaves the stored attribute or extension alone. */
function staysOnPut(key: string, body: UserBody, view: SchemaView): boolean {
  if (body.present.has(key)) return false
  const core = topLevelNamed(view, key)
  if (core !== undefined) return OUTSIDE_PUT.has(core.name) || core.mutability === 'immutable'
  return !body.listed.has(key)
}

/**
 * What PUT makes of a person (RFC 7644 §3.5.1): core attributes are replaced; `active`, `externalId`, `roles`,
 * `entitlements` and extensions that the body neither holds nor lists in `schemas` stay, because clients PUT what they
 * know and absence is no wish; [] and null clear.
 * @param mount which shapes what the client read, and so what an unchanged value is
 * @throws DomainError mutability
 */
export function replaceUserState(
  current: UserState,
  body: UserBody,
  view: SchemaView,
  mount: Mount = '/scim/v2',
): UserState {
  const kept = Object.entries(current.attributes).filter(([key]) => staysOnPut(key, body, view))
  const extensions = view.extensions.flatMap((extension) => {
    const was = current.attributes[extension.id]
    const is = body.attributes[extension.id]
    return isJsonObject(was) && isJsonObject(is) ? [[extension.id, withImmutable(extension, was, is)] as const] : []
  })
  const attributes: UserAttributes = {
    ...body.attributes,
    ...Object.fromEntries(extensions),
    ...Object.fromEntries(kept),
  }
  refuseImmutableChange(current.attributes, attributes, view)
  return {
    attributes,
    active: body.active ?? current.active,
    externalId: body.externalId === undefined ? current.externalId : (body.externalId ?? undefined),
    ...(current.access === undefined
      ? {}
      : { wishes: wishesOfBody(body.access, accessResource(current.access, mount)) }),
  }
}

/**
 * Reads a state once more by the same rules, after changes: emptied values go, one primary stays, limits hold. What the
 * view does not know is carried along untouched.
 * @throws DomainError invalid-value
 */
export function settleAttributes(attributes: JsonObject, view: SchemaView): UserAttributes {
  const ignored = new Set<string>()
  const known = new Set(view.core.attributes.map(({ name }) => name).concat(view.extensions.map(({ id }) => id)))
  const core = readParts(view.core.attributes, attributes, '', ignored)
  const extensions = new Map<SchemaDefinition, Parts>()
  for (const extension of view.extensions) {
    const value = attributes[extension.id]
    if (isJsonObject(value)) {
      extensions.set(extension, readParts(extension.attributes, value, `${extension.id}:`, ignored))
    }
  }
  const rest = Object.entries(attributes).filter(([key]) => !known.has(key))
  return { ...attributesOf(core, extensions, view), ...Object.fromEntries(rest) }
}
