import { DomainError } from '../../domain/errors.ts'
import type { Filter } from '../../domain/filter.ts'
import type { Json, JsonObject } from '../../domain/json.ts'
import { isJsonObject } from '../../domain/json.ts'
import { invalidValue, kindOf } from '../schema/guard.ts'
import { aliasNamed, extensionNamed, topLevelNamed } from '../schema/view.ts'
import type { AttributeDefinition, SchemaView } from '../schema/view.ts'
import { parsePatchPath } from './path.ts'

/** What one operation, or one key of a path-less one, is about. */
export interface Target {
  /** URN of the extension that holds the attribute; undefined: the resource. */
  readonly schema: string | undefined
  readonly attribute: AttributeDefinition
  readonly where: Filter | undefined
  readonly sub: AttributeDefinition | undefined
  /** As the schema spells it, without the filter (which may hold personal values). */
  readonly path: string
}

/** A target with the value meant for it. */
export interface Assignment {
  readonly target: Target
  readonly value: Json | undefined
}

function targetOf(
  schema: string | undefined,
  attribute: AttributeDefinition,
  where?: Filter,
  sub?: AttributeDefinition,
) {
  const path = (schema === undefined ? '' : `${schema}:`) + attribute.name + (sub === undefined ? '' : `.${sub.name}`)
  return { schema, attribute, where, sub, path }
}

/** The operation's path, or the extension it names as a whole (`{ extension }`), or the resource (`undefined`). */
function readPath(text: string, view: SchemaView): Target | { readonly extension: string } | undefined {
  const { schema, attribute, where, sub } = parsePatchPath(text, view)
  if (attribute !== undefined) return targetOf(schema, attribute, where, sub)
  return schema === undefined ? undefined : { extension: schema }
}

/** Reads a key that is more than a name; undefined for one that names nothing. */
function readKey(key: string, view: SchemaView): Target | { readonly extension: string } | undefined {
  if (!/[.:[]/.test(key)) return undefined
  try {
    return readPath(key, view)
  } catch (error) {
    // An unknown key of a path-less value is dropped like one of a body, where a path would be an error.
    if (error instanceof DomainError) return undefined
    throw error
  }
}

/** Whether a key may not be written: said by a path it is an error, in a body or path-less value it is passed over. */
export function isReadOnly({ attribute, sub }: Target): boolean {
  return attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly'
}

/** Removing an extension as a whole leaves what can only stay. */
function isRemovable({ mutability }: AttributeDefinition): boolean {
  return mutability !== 'immutable'
}

interface Spreading {
  readonly view: SchemaView
  readonly ignored: Set<string>
  readonly out: Assignment[]
}

function spreadKey(key: string, value: Json | undefined, urn: string | undefined, spreading: Spreading): void {
  const { view, ignored, out } = spreading
  const extension = urn === undefined ? undefined : extensionNamed(view, urn)
  const named =
    extension === undefined
      ? topLevelNamed(view, key)
      : extension.attributes.find(({ name }) => name.toLowerCase() === key.toLowerCase())
  const qualified = urn === undefined ? key : `${urn}:${key}`
  const alias = named === undefined && urn === undefined ? aliasNamed(view, key) : undefined
  const target =
    alias !== undefined
      ? targetOf(alias.extension.id, alias.attribute)
      : named === undefined
        ? readKey(qualified, view)
        : targetOf(urn, named)
  if (target === undefined) ignored.add(qualified)
  else if ('extension' in target) spreadExtension(target.extension, value, spreading)
  else if (!isReadOnly(target)) out.push({ target, value })
}

function spreadExtension(urn: string, value: Json | undefined, spreading: Spreading): void {
  if (value === null || value === '') {
    const attributes = extensionNamed(spreading.view, urn)?.attributes ?? []
    for (const attribute of attributes.filter(isRemovable)) spreadKey(attribute.name, null, urn, spreading)
    return
  }
  if (!isJsonObject(value)) throw invalidValue(urn, `must be an object, got ${kindOf(value)}`)
  for (const [key, element] of Object.entries(value)) spreadKey(key, element, urn, spreading)
}

function spreadResource(value: Json | undefined, spreading: Spreading): void {
  if (!isJsonObject(value)) {
    const got = value === undefined ? 'none' : kindOf(value)
    throw new DomainError('invalid-value', `An operation without a path needs an object as its value, got ${got}.`)
  }
  const core = spreading.view.core.id.toLowerCase()
  for (const [key, element] of Object.entries(value)) {
    const extension = extensionNamed(spreading.view, key)
    if (extension !== undefined) spreadExtension(extension.id, element, spreading)
    else if (key.toLowerCase() === core && isJsonObject(element)) spreadPlain(element, spreading)
    else spreadKey(key, element, undefined, spreading)
  }
}

function spreadPlain(object: JsonObject, spreading: Spreading): void {
  for (const [key, element] of Object.entries(object)) spreadKey(key, element, undefined, spreading)
}

function removalOfExtension(urn: string, view: SchemaView): readonly Assignment[] {
  const attributes = extensionNamed(view, urn)?.attributes ?? []
  const targets = attributes.filter(isRemovable).map((attribute) => targetOf(urn, attribute))
  return targets.filter((target) => !isReadOnly(target)).map((target) => ({ target, value: undefined }))
}

/**
 * Takes an operation apart into the attributes it is about (RFC 7644 §3.5.2): one for a path, one for each key of a
 * path-less value. Keys may be dotted (`name.givenName`), URN-qualified, value paths (`emails[type eq "work"].value`),
 * an extension's or the core URN with an object. Unknown keys go to `ignored`, readOnly ones are passed over.
 * @throws DomainError invalid-path, invalid-value, mutability (a path to a readOnly attribute), no-target (remove
 * without a path)
 */
export function assignmentsOf(
  operation: { readonly op: string; readonly path: string | undefined; readonly value: Json | undefined },
  view: SchemaView,
  ignored: Set<string>,
): readonly Assignment[] {
  const { op, path, value } = operation
  const target = path === undefined ? undefined : readPath(path, view)
  const spreading: Spreading = { view, ignored, out: [] }
  if (target === undefined) {
    if (op === 'remove') throw new DomainError('no-target', 'A remove needs a path that says what to remove.')
    spreadResource(value, spreading)
    return spreading.out
  }
  if ('extension' in target) {
    if (op === 'remove') return removalOfExtension(target.extension, view)
    spreadExtension(target.extension, value, spreading)
    return spreading.out
  }
  if (isReadOnly(target)) {
    const message = `${target.path} is readOnly: the server works it out, a client cannot change it.`
    throw new DomainError('mutability', message, { params: { path: target.path } })
  }
  return [{ target, value }]
}
