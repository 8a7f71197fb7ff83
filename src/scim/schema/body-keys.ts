import { DomainError } from '../../domain/errors.ts'
import { isJsonObject } from '../../domain/json.ts'
import { guardJson, invalidValue, kindOf } from './guard.ts'
import { isUnassigned, takeKey } from './validator.ts'
import { aliasNamed, extensionNamed, schemaUrns, topLevelNamed } from './view.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './view.ts'

/** A body's keys, resolved: what to read, not yet read. */
export interface SortedBody {
  readonly core: ReadonlyMap<AttributeDefinition, unknown>
  readonly extensions: ReadonlyMap<SchemaDefinition, ReadonlyMap<AttributeDefinition, unknown>>
  /** Attributes of the aliased extension that stood at the top level: they may say other than the extension does. */
  readonly aliased: ReadonlyMap<AttributeDefinition, unknown>
  readonly listed: ReadonlySet<string>
  readonly ignored: Set<string>
}

/**
 * What is left of `key` after `<urn>:`, in any case; undefined when it does not begin so. `urn:…:User:department` is
 * how Entra ID names an extension's attribute.
 */
export function afterUrn(key: string, urn: string): string | undefined {
  const prefix = `${urn}:`
  return key.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase() ? key.slice(prefix.length) : undefined
}

/**
 * Checks `schemas` of a body: missing is taken as right, other URNs are ignored, but the type's own must be there.
 * @returns the extensions it lists, in canonical spelling
 * @throws DomainError invalid-syntax
 */
function readSchemas(value: unknown, view: SchemaView): ReadonlySet<string> {
  if (isUnassigned(value)) return new Set()
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const urns = list.filter((urn) => typeof urn === 'string')
  if (!urns.some((urn) => urn.toLowerCase() === view.core.id.toLowerCase())) {
    throw new DomainError('invalid-syntax', `schemas must list ${view.core.id} for a ${view.resourceType}.`)
  }
  const extensions = urns.map((urn) => extensionNamed(view, urn)?.id)
  return new Set(extensions.filter((urn) => urn !== undefined))
}

class BodySorter {
  readonly core = new Map<AttributeDefinition, unknown>()
  readonly extensions = new Map<SchemaDefinition, Map<AttributeDefinition, unknown>>()
  readonly aliased = new Map<AttributeDefinition, unknown>()
  readonly ignored = new Set<string>()
  readonly #view: SchemaView

  constructor(view: SchemaView) {
    this.#view = view
  }

  take(key: string, value: unknown): void {
    const definition = topLevelNamed(this.#view, key)
    if (definition !== undefined) return takeKey(this.core, definition, key, value)
    const extension = extensionNamed(this.#view, key)
    if (extension !== undefined) return this.#takeExtension(extension, value)
    const alias = aliasNamed(this.#view, key)
    if (alias !== undefined) return takeKey(this.aliased, alias.attribute, key, value)
    if (!this.#takeQualified(key, value)) this.ignored.add(key)
  }

  #takeExtension(extension: SchemaDefinition, value: unknown): void {
    const into = this.#open(extension)
    if (isUnassigned(value)) return
    if (!isJsonObject(value)) throw invalidValue(extension.id, `must be an object, got ${kindOf(value)}`)
    for (const [key, element] of Object.entries(value)) this.#takeNamed(extension, into, key, element)
  }

  #takeQualified(key: string, value: unknown): boolean {
    const plain = afterUrn(key, this.#view.core.id)
    const definition = plain === undefined ? undefined : topLevelNamed(this.#view, plain)
    if (definition !== undefined) takeKey(this.core, definition, plain ?? key, value)
    const found = schemaUrns(this.#view).find(
      ({ urn, schema }) => schema !== undefined && afterUrn(key, urn) !== undefined,
    )
    if (found?.schema !== undefined) {
      this.#takeNamed(found.schema, this.#open(found.schema), afterUrn(key, found.urn) ?? key, value)
    }
    return definition !== undefined || found !== undefined
  }

  #takeNamed(extension: SchemaDefinition, into: Map<AttributeDefinition, unknown>, key: string, value: unknown): void {
    const definition = extension.attributes.find(({ name }) => name.toLowerCase() === key.toLowerCase())
    if (definition === undefined) this.ignored.add(`${extension.id}:${key}`)
    else takeKey(into, definition, key, value)
  }

  #open(extension: SchemaDefinition): Map<AttributeDefinition, unknown> {
    const into = this.extensions.get(extension) ?? new Map<AttributeDefinition, unknown>()
    this.extensions.set(extension, into)
    return into
  }
}

/**
 * Resolves the keys of a POST or PUT body in any case: attributes, extensions as an object under their URN, URN-qualified
 * attributes. Unknown ones are dropped and named in `ignored`.
 * @throws DomainError invalid-syntax when it is no object or of another schema; invalid-value for what no string may hold
 */
export function sortBody(body: unknown, view: SchemaView): SortedBody {
  if (!isJsonObject(body)) {
    throw new DomainError('invalid-syntax', `The body must be a JSON object, got ${kindOf(body)}.`)
  }
  guardJson(body)
  const sorter = new BodySorter(view)
  for (const [key, value] of Object.entries(body)) sorter.take(key, value)
  const schemas = [...sorter.core].find(([definition]) => definition.name === 'schemas')
  return {
    core: sorter.core,
    extensions: sorter.extensions,
    aliased: sorter.aliased,
    listed: readSchemas(schemas?.[1], view),
    ignored: sorter.ignored,
  }
}
