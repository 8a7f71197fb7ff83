import { DomainError } from '../../domain/errors.ts'
import { MAX_MEMBERS_PER_REQUEST } from '../../domain/group.ts'
import type { GroupDraft, GroupPlan, MemberInput } from '../../domain/group.ts'
import { isJsonObject } from '../../domain/json.ts'
import type { JsonObject } from '../../domain/json.ts'
import { sortBody } from './body-keys.ts'
import { invalidValue, kindOf, namesForRecord } from './guard.ts'
import { isUnassigned, readOne } from './validator.ts'
import { attributeNamed } from './view.ts'
import type { AttributeDefinition, SchemaView } from './view.ts'

/** Refuses a request that names more members than one may. @throws DomainError too-large */
export function refuseTooManyMembers(count: number): void {
  if (count <= MAX_MEMBERS_PER_REQUEST) return
  const message = `One request may name at most ${MAX_MEMBERS_PER_REQUEST} members; send the rest in further ones.`
  throw new DomainError('too-large', message, { reason: 'group.too-many-members' })
}

/** A definition the base view always has. */
function coreAttribute(view: SchemaView, name: string): AttributeDefinition {
  const definition = attributeNamed(view.core.attributes, name) ?? attributeNamed(view.common, name)
  if (definition === undefined) throw new TypeError(`the ${view.resourceType} schema has no ${name}`)
  return definition
}

/**
 * Reads a group's name.
 * @throws DomainError invalid-value when it is unassigned, blank, too long or holds control characters
 */
export function readDisplayName(value: unknown, view: SchemaView): string {
  const text = readOne(coreAttribute(view, 'displayName'), value, 'displayName', new Set())
  if (typeof text === 'string' && text.trim() !== '') return text
  throw invalidValue('displayName', 'is required for a group and must not be empty')
}

/** Reads a group's externalId; null where it is unassigned. @throws DomainError invalid-value */
export function readExternalId(value: unknown, view: SchemaView): string | null {
  const text = readOne(coreAttribute(view, 'externalId'), value, 'externalId', new Set())
  return typeof text === 'string' ? text : null
}

/** `value` of a member object in any case; the exact name wins. */
function valueKey(member: JsonObject): unknown {
  if (Object.hasOwn(member, 'value')) return member['value']
  return Object.entries(member).find(([key]) => key.toLowerCase() === 'value')?.[1]
}

/**
 * Reads members as clients send them: a list or one, each an object with `value` or the bare id. `$ref`, `display` and
 * `type` are worked out by the server. Duplicates go, order stays; null, "" and [] are no members.
 * @throws DomainError invalid-value for a member without `value`, too-large
 */
export function readMembers(value: unknown, view: SchemaView): readonly MemberInput[] {
  if (isUnassigned(value)) return []
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  refuseTooManyMembers(list.length)
  const members = coreAttribute(view, 'members')
  const definition = attributeNamed(members.subAttributes ?? [], 'value')
  if (definition === undefined) throw new TypeError('the Group schema has no members.value')
  const distinct = new Set<string>()
  for (const member of list) {
    if (!isJsonObject(member) && typeof member !== 'string') {
      throw invalidValue('members', `must be objects with a value, got ${kindOf(member)}`)
    }
    const id = readOne(definition, typeof member === 'string' ? member : valueKey(member), 'members.value', new Set())
    if (typeof id !== 'string') throw invalidValue('members.value', 'is required: the id of the member')
    distinct.add(id)
  }
  return Array.from(distinct, (id) => ({ value: id }))
}

interface GroupBody {
  readonly displayName: string
  readonly externalId: string | null | undefined
  readonly members: readonly MemberInput[] | undefined
  readonly ignored: readonly string[]
}

function readBody(body: unknown, view: SchemaView): GroupBody {
  const { core, ignored } = sortBody(body, view)
  const named = new Map(Array.from(core, ([definition, value]) => [definition.name, value]))
  return {
    displayName: readDisplayName(named.get('displayName'), view),
    externalId: named.has('externalId') ? readExternalId(named.get('externalId'), view) : undefined,
    members: named.has('members') ? readMembers(named.get('members'), view) : undefined,
    ignored: namesForRecord(ignored),
  }
}

/**
 * Reads the body of POST /Groups (RFC 7644 §3.3).
 * @throws DomainError invalid-syntax, invalid-value, or too-large above 20,000 members
 */
export function readGroupBody(body: unknown, view: SchemaView): GroupDraft {
  const { displayName, externalId, members, ignored } = readBody(body, view)
  return { displayName, externalId: externalId ?? undefined, members: members ?? [], ignored }
}

/**
 * Reads the body of PUT /Groups/{id} (RFC 7644 §3.5.1) as a plan: absent `members` and `externalId` stay as they are, []
 * or null clears.
 * @throws DomainError as readGroupBody
 */
export function readGroupReplacement(body: unknown, view: SchemaView): GroupPlan {
  const { displayName, externalId, members, ignored } = readBody(body, view)
  return {
    displayName,
    ...(externalId === undefined ? {} : { externalId }),
    steps: members === undefined ? [] : [{ do: 'set', members }],
    ignored,
  }
}
