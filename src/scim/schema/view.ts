import type { AttributeType } from '../../domain/filter.ts'

/** One attribute with its characteristics (RFC 7643 §2.2, §7). */
export interface AttributeDefinition {
  readonly name: string
  readonly type: AttributeType
  readonly multiValued: boolean
  readonly description: string
  readonly required: boolean
  readonly caseExact: boolean
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly'
  readonly returned: 'always' | 'never' | 'default' | 'request'
  readonly uniqueness: 'none' | 'server' | 'global'
  readonly canonicalValues?: readonly string[]
  readonly referenceTypes?: readonly string[]
  readonly subAttributes?: readonly AttributeDefinition[]
}

export interface SchemaDefinition {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly attributes: readonly AttributeDefinition[]
}

/**
 * The schemas of one resource type as one org sees them. Parser, PATCH, validator, projection and /Schemas all take it
 * as an argument, so nothing per org is ever declared in a process-wide place.
 */
export interface SchemaView {
  readonly resourceType: 'User' | 'Group' | 'Role'
  readonly core: SchemaDefinition
  /** Common attributes of RFC 7643 §3.1 (`id`, `externalId`, `meta`) and `schemas`. */
  readonly common: readonly AttributeDefinition[]
  readonly extensions: readonly SchemaDefinition[]
  /** Other names that clients use for what an extension holds. */
  readonly aliases?: SchemaAliases
}

/** An extension whose attributes are also taken at the top level, and under further URNs. */
export interface SchemaAliases {
  readonly extension: SchemaDefinition
  readonly urns: readonly string[]
}

const nameIndexes = new WeakMap<readonly AttributeDefinition[], ReadonlyMap<string, AttributeDefinition>>()

/**
 * The attribute of that name in any case (RFC 7643 §2.1). Looked up in a map, never by indexing an object, so
 * `__proto__` and `constructor` are simply unknown.
 */
export function attributeNamed(list: readonly AttributeDefinition[], name: string): AttributeDefinition | undefined {
  let index = nameIndexes.get(list)
  if (index === undefined) {
    const spellings = (name: string) => [name, name.toLowerCase()]
    index = new Map(list.flatMap((each) => spellings(each.name).map((name) => [name, each] as const)))
    nameIndexes.set(list, index)
  }
  return index.get(name) ?? index.get(name.toLowerCase())
}

/** The core or common attribute of that name in any case: what an unqualified name in a body or a path means. */
export function topLevelNamed(view: SchemaView, name: string): AttributeDefinition | undefined {
  return attributeNamed(view.core.attributes, name) ?? attributeNamed(view.common, name)
}

/** The extension with that URN in any case (URNs compare without case, RFC 8141 §3.1). */
export function extensionNamed(view: SchemaView, urn: string): SchemaDefinition | undefined {
  const wanted = urn.toLowerCase()
  const found = view.extensions.find((extension) => extension.id.toLowerCase() === wanted)
  return (
    found ?? (view.aliases?.urns.some((each) => each.toLowerCase() === wanted) ? view.aliases.extension : undefined)
  )
}

/** Every schema of the view under each URN that stands for it; `schema` undefined is the resource itself. */
export function schemaUrns(
  view: SchemaView,
): readonly { readonly urn: string; readonly schema: SchemaDefinition | undefined }[] {
  const { aliases } = view
  return [
    { urn: view.core.id, schema: undefined },
    ...view.extensions.map((schema) => ({ urn: schema.id, schema })),
    ...(aliases?.urns.map((urn) => ({ urn, schema: aliases.extension })) ?? []),
  ]
}

/** The extension's attribute that an unqualified name stands for where no core or common one has it. */
export function aliasNamed(
  view: SchemaView,
  name: string,
): { readonly extension: SchemaDefinition; readonly attribute: AttributeDefinition } | undefined {
  const extension = view.aliases?.extension
  const attribute = extension && attributeNamed(extension.attributes, name)
  return attribute && extension && { extension, attribute }
}
