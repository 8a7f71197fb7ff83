import { isJsonObject } from '../domain/json.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { afterUrn } from './schema/body-keys.ts'
import { attributeNamed, extensionNamed, schemaUrns, topLevelNamed } from './schema/view.ts'
import type { AttributeDefinition, SchemaDefinition, SchemaView } from './schema/view.ts'

/** Parts of a resource by canonical name; `whole` takes all below a name, a further tree some of it. */
type Tree = ReadonlyMap<string, 'whole' | Tree>
type GrowingTree = Map<string, 'whole' | GrowingTree>

/** Which attributes an answer shows (RFC 7644 §3.9). Ask it with {@link wants}, apply it with {@link project}. */
export interface Projection {
  readonly kind: 'everything' | 'only' | 'without'
  readonly tree: Tree
}

/** The parameters as a query string or a search message has them: comma-separated text, or a list. */
export interface ProjectionQuery {
  readonly attributes?: string | readonly string[]
  readonly excludedAttributes?: string | readonly string[]
}

function namesOf(given: string | readonly string[] | undefined): readonly string[] {
  const texts = typeof given === 'string' ? [given] : (given ?? [])
  return texts
    .flatMap((text) => text.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** `name` or `name.sub` among the definitions, in canonical spelling. */
function resolveAmong(
  find: (name: string) => AttributeDefinition | undefined,
  text: string,
): readonly string[] | undefined {
  const [first = '', second, ...more] = text.split('.')
  const attribute = find(first)
  if (attribute === undefined || more.length > 0) return undefined
  if (second === undefined) return [attribute.name]
  const sub = attributeNamed(attribute.subAttributes ?? [], second)
  return sub === undefined ? undefined : [attribute.name, sub.name]
}

function resolveIn(extension: SchemaDefinition | undefined, text: string): readonly string[] | undefined {
  if (extension === undefined) return undefined
  const path = resolveAmong((each) => attributeNamed(extension.attributes, each), text)
  return path && [extension.id, ...path]
}

/** The path a client names, in any case and with or without its URN; undefined for an unknown one. */
function resolve(view: SchemaView, name: string): readonly string[] | undefined {
  const extension = extensionNamed(view, name)
  if (extension !== undefined) return [extension.id]
  for (const { urn, schema } of schemaUrns(view)) {
    const inside = schema === undefined ? undefined : afterUrn(name, urn)
    const path = inside === undefined ? undefined : resolveIn(schema, inside)
    if (path !== undefined) return path
  }
  const plain = afterUrn(name, view.core.id) ?? name
  return resolveAmong((each) => topLevelNamed(view, each), plain) ?? resolveIn(view.aliases?.extension, plain)
}

function grow(tree: GrowingTree, [first, ...rest]: readonly string[]): void {
  if (first === undefined) return
  const former = tree.get(first)
  if (former === 'whole') return
  const branch: GrowingTree = former ?? new Map<string, 'whole' | GrowingTree>()
  if (rest.length > 0) grow(branch, rest)
  tree.set(first, rest.length === 0 ? 'whole' : branch)
}

function treeOf(view: SchemaView, names: readonly string[]): GrowingTree {
  const tree: GrowingTree = new Map<string, 'whole' | GrowingTree>()
  for (const name of names) grow(tree, resolve(view, name) ?? [])
  return tree
}

function definitionsOf(view: SchemaView): readonly { path: readonly string[]; definition: AttributeDefinition }[] {
  const own = [...view.common, ...view.core.attributes].map((definition) => ({ path: [definition.name], definition }))
  const extended = view.extensions.flatMap(({ id, attributes }) =>
    attributes.map((definition) => ({ path: [id, definition.name], definition })),
  )
  return [...own, ...extended]
}

/** Shown only when asked for, or never; what is writeOnly is never stored, so there is nothing to hide. */
function isHidden({ returned, mutability }: AttributeDefinition): boolean {
  return returned === 'request' || (returned === 'never' && mutability !== 'writeOnly')
}

const defaults = new WeakMap<SchemaView, Projection>()

/** What no request asked for: all but what is returned only on request, or never (RFC 7643 §7). */
function defaultProjection(view: SchemaView): Projection {
  const known = defaults.get(view)
  if (known !== undefined) return known
  const tree: GrowingTree = new Map<string, 'whole' | GrowingTree>()
  for (const { path, definition } of definitionsOf(view)) {
    if (isHidden(definition)) grow(tree, path)
  }
  const projection: Projection = { kind: tree.size === 0 ? 'everything' : 'without', tree }
  defaults.set(view, projection)
  return projection
}

/** Takes what is always returned out of a tree of exclusions, and puts in what is not returned by default. */
function excluding(view: SchemaView, names: readonly string[]): Projection {
  const tree = treeOf(view, names)
  for (const { path, definition } of definitionsOf(view)) {
    const [name = '', inner] = path
    if (definition.returned === 'always' && inner === undefined) tree.delete(name)
    if (isHidden(definition)) grow(tree, path)
  }
  return { kind: tree.size === 0 ? 'everything' : 'without', tree }
}

/** Puts what is always returned (`id`, `schemas`) beside what was asked for, and takes out what never is. */
function only(view: SchemaView, names: readonly string[]): Projection {
  const tree = treeOf(view, names)
  for (const { path, definition } of definitionsOf(view)) {
    if (definition.returned === 'always') grow(tree, path)
    else if (definition.returned === 'never' && path.length === 1) tree.delete(definition.name)
  }
  return { kind: 'only', tree }
}

/**
 * Reads `attributes` and `excludedAttributes` (RFC 7644 §3.9): names in any case, sub-attributes, with or without a URN,
 * or a whole extension's URN; unknown ones are passed over. The two exclude each other; where both come, `attributes`
 * holds. Never throws.
 */
export function readProjection(query: ProjectionQuery, view: SchemaView): Projection {
  const wanted = namesOf(query.attributes)
  if (wanted.length > 0) return only(view, wanted)
  const unwanted = namesOf(query.excludedAttributes)
  return unwanted.length > 0 ? excluding(view, unwanted) : defaultProjection(view)
}

/**
 * Whether an answer shows anything at or below a path of canonical names, so that what nobody sees is never read:
 * `wants(projection, 'members')`, `wants(projection, ENTERPRISE_URN, 'manager')`.
 */
export function wants(projection: Projection, ...path: readonly string[]): boolean {
  let tree: Tree = projection.tree
  for (const name of path) {
    const branch = tree.get(name)
    if (branch === 'whole') return projection.kind === 'only'
    if (branch === undefined) return projection.kind !== 'only'
    tree = branch
  }
  return true
}

/** Applies `cut` to an object or to each element of a list; what is left empty is not shown. */
function below(value: Json, cut: (object: JsonObject) => JsonObject): Json | undefined {
  if (Array.isArray(value)) {
    const elements = value.map((each: Json) => below(each, cut)).filter((each) => each !== undefined)
    return elements.length === 0 ? undefined : elements
  }
  if (!isJsonObject(value)) return value
  const left = cut(value)
  return Object.keys(left).length === 0 ? undefined : left
}

function cut(object: JsonObject, tree: Tree, kind: 'only' | 'without'): JsonObject {
  const shown: [string, Json][] = []
  for (const [key, value] of Object.entries(object)) {
    const branch = tree.get(key)
    if (value === undefined || branch === (kind === 'only' ? undefined : 'whole')) continue
    const left = branch instanceof Map ? below(value, (inner) => cut(inner, branch, kind)) : value
    if (left !== undefined) shown.push([key, left])
  }
  return Object.fromEntries(shown)
}

/** The resource as the client asked to see it; the same object where nothing is cut. */
export function project(resource: JsonObject, { kind, tree }: Projection): JsonObject {
  return kind === 'everything' ? resource : cut(resource, tree, kind)
}
