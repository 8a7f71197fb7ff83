import type { AttributeRef } from '../../domain/filter.ts'
import { aliasNamed, attributeNamed, schemaUrns, topLevelNamed } from '../schema/view.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from '../schema/view.ts'
import { FilterFault } from './lex.ts'

/** What a name stands for; `attribute` is undefined where it is an extension's URN alone. */
export interface Resolved {
  readonly extension: SchemaDefinition | undefined
  readonly attribute: AttributeDefinition | undefined
  readonly sub: AttributeDefinition | undefined
}

const MAX_SHOWN = 80

/** A client's text as it is put into a message. */
export function shown(text: string): string {
  return text.length > MAX_SHOWN ? `"${text.slice(0, MAX_SHOWN)}…"` : `"${text}"`
}

/** What is left of `name` after the URN and its colon, '' for the URN alone; undefined for another beginning. */
function afterUrn(name: string, urn: string): string | undefined {
  if (name.slice(0, urn.length).toLowerCase() !== urn.toLowerCase()) return undefined
  if (name.length === urn.length) return ''
  return name.charAt(urn.length) === ':' ? name.slice(urn.length + 1) : undefined
}

interface Qualified {
  readonly extension: SchemaDefinition | undefined
  readonly rest: string
}

/** Takes the URN off a name (RFC 7644 §3.10). One URN may begin like another, so the longest counts. */
function takeUrn(view: SchemaView, name: string, at: number): Qualified {
  if (!/^urn:/i.test(name)) return { extension: undefined, rest: name }
  let found: (Qualified & { readonly length: number }) | undefined
  for (const { urn, schema } of schemaUrns(view)) {
    const rest = afterUrn(name, urn)
    if (rest === undefined || (found !== undefined && found.length > urn.length)) continue
    found = { extension: schema, rest, length: urn.length }
  }
  if (found === undefined) throw new FilterFault(at, `${shown(name)} begins with no schema of ${view.resourceType}.`)
  return found
}

/** The sub-attribute of that name. @throws FilterFault */
export function resolveSub(parent: AttributeDefinition, name: string, at: number): AttributeDefinition {
  const sub = attributeNamed(parent.subAttributes ?? [], name)
  if (sub !== undefined) return sub
  const known = parent.subAttributes?.map((each) => each.name).join(', ') ?? ''
  const hint = known === '' ? 'it has none' : `it has ${known}`
  throw new FilterFault(at, `"${parent.name}" has no sub-attribute ${shown(name)}; ${hint}.`)
}

/** The attribute of a name without its URN; an unqualified one may stand for an extension's. */
function attributeOf(view: SchemaView, extension: SchemaDefinition | undefined, name: string): Omit<Resolved, 'sub'> {
  if (extension !== undefined) return { extension, attribute: attributeNamed(extension.attributes, name) }
  const attribute = topLevelNamed(view, name)
  const alias = attribute === undefined ? aliasNamed(view, name) : undefined
  return alias ?? { extension, attribute }
}

/**
 * Resolves an attribute name as RFC 7644 §3.10 writes it, in any case: `userName`, `name.givenName`,
 * `urn:…:User:manager.value`, or an extension's URN alone.
 * @param at where the name begins, for the message
 * @throws FilterFault for a name the schemas do not have
 */
export function resolveName(view: SchemaView, name: string, at: number): Resolved {
  const { extension: qualified, rest } = takeUrn(view, name, at)
  const start = at + name.length - rest.length
  if (rest === '' && qualified !== undefined) return { extension: qualified, attribute: undefined, sub: undefined }
  const [first = '', second, ...more] = rest.split('.')
  const { extension, attribute } = attributeOf(view, qualified, first)
  if (attribute === undefined) {
    const owner = extension?.id ?? view.resourceType
    throw new FilterFault(start, `there is no attribute ${shown(first)} in ${owner}.`)
  }
  if (more.length > 0) throw new FilterFault(start, `${shown(rest)} has more than one sub-attribute.`)
  const sub = second === undefined ? undefined : resolveSub(attribute, second, start + first.length + 1)
  return { extension, attribute, sub }
}

/**
 * The definition whose values are compared: a complex attribute without a sub-attribute stands for its `value`.
 * @throws FilterFault where there is no such sub-attribute
 */
export function comparedSub({ attribute, sub }: Resolved, at: number): AttributeDefinition | undefined {
  if (sub !== undefined || attribute?.type !== 'complex') return sub
  const value = attributeNamed(attribute.subAttributes ?? [], 'value')
  if (value !== undefined) return value
  const known = attribute.subAttributes?.map((each) => `${attribute.name}.${each.name}`).join(', ') ?? ''
  throw new FilterFault(at, `"${attribute.name}" is complex; name one of its sub-attributes: ${known}.`)
}

/** The domain's reference to what was resolved, from the resource. */
export function referenceTo({ extension, attribute, sub }: Resolved): AttributeRef {
  const last = sub ?? attribute
  const names = [extension?.id, attribute?.name, sub?.name]
  return {
    path: names.filter((name) => name !== undefined),
    type: last?.type ?? 'complex',
    caseExact: last?.caseExact ?? false,
    multiValued: attribute?.multiValued === true || sub?.multiValued === true,
  }
}

/** Addresses are made of the URL a request came by, so nothing stored can be compared with them. */
function isAddress({ attribute, sub }: Resolved): boolean {
  return sub?.name === '$ref' || (attribute?.name === 'meta' && sub?.name === 'location')
}

/**
 * Refuses what no filter or sort may look at: attributes that are never returned (a filter would reveal them), and
 * addresses.
 * @throws FilterFault
 */
export function refuseHidden(resolved: Resolved, at: number): void {
  const { attribute, sub } = resolved
  const name = [attribute?.name, sub?.name].filter((each) => each !== undefined).join('.')
  const last = sub ?? attribute
  if (last?.returned === 'never' || last?.mutability === 'writeOnly') {
    throw new FilterFault(at, `"${name}" is never returned, so it cannot be compared or sorted by.`)
  }
  if (isAddress(resolved)) {
    throw new FilterFault(at, `"${name}" is worked out from the server's address; use the id instead.`)
  }
}
