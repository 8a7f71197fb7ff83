import fc from 'fast-check'
import type { JsonObject } from '../../../src/domain/json.ts'
import type { AttributeDefinition, SchemaView } from '../../../src/scim/schema/view.ts'

/** What a client may write: readOnly attributes are worked out, and a password is thrown away unread. */
export function writable(definitions: readonly AttributeDefinition[]): readonly AttributeDefinition[] {
  return definitions.filter(({ mutability }) => mutability !== 'readOnly' && mutability !== 'writeOnly')
}

/** Text that both readers keep as it is: something, on one line, whole characters. */
const text = fc
  .oneof(
    { weight: 3, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }) },
  )
  .filter((value) => value.trim() !== '' && !/\p{Cc}/u.test(value))

const address = fc.webUrl({ validSchemes: ['https'] })
const base64 = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'))

function scalar({ type, canonicalValues }: AttributeDefinition): fc.Arbitrary<unknown> {
  if (canonicalValues !== undefined) return fc.constantFrom(...canonicalValues)
  switch (type) {
    case 'boolean':
      return fc.boolean()
    case 'reference':
      return address
    case 'binary':
      return base64
    case 'string':
      return text
    default:
      throw new Error(`no core attribute is of type ${type}; make a generator for it`)
  }
}

/** The library refuses every type where its list of canonical values is empty: there the normal form has none. */
const UNTYPED: ReadonlySet<string> = new Set(['roles', 'x509Certificates'])

function complex(definition: AttributeDefinition): fc.Arbitrary<JsonObject> {
  const subs = writable(definition.subAttributes ?? []).filter(
    ({ name }) => name !== 'primary' && !(name === 'type' && UNTYPED.has(definition.name)),
  )
  const parts = Object.fromEntries(subs.map((sub) => [sub.name, scalar(sub)]))
  const value = subs.find(({ name }) => name === 'value')
  const needed = value?.name ?? subs.find(({ name }) => name !== 'type')?.name
  const record = fc.record(parts, { requiredKeys: needed === undefined ? [] : [needed] })
  return record as fc.Arbitrary<JsonObject>
}

/** Elements that are not the same, of which one at most is primary (RFC 7643 §2.4). */
function list(definition: AttributeDefinition): fc.Arbitrary<JsonObject[]> {
  const elements = fc.uniqueArray(complex(definition), {
    ...{ minLength: 1, maxLength: 3 },
    selector: ({ type, value, ...rest }) => JSON.stringify(value === undefined ? [type, rest] : [type, value]),
  })
  const hasPrimary = definition.subAttributes?.some(({ name }) => name === 'primary') === true
  return fc
    .tuple(elements, fc.option(fc.nat({ max: 2 }), { nil: -1 }))
    .map(([all, primary]) =>
      all.map((element, index) => (hasPrimary && index === primary ? { ...element, primary: true } : element)),
    )
}

/** Any of the attributes in the one form in which every reader takes them. */
export function attributesOf(definitions: readonly AttributeDefinition[]): fc.Arbitrary<Record<string, unknown>> {
  const values = writable(definitions).map(
    (each) =>
      [each.name, each.multiValued ? list(each) : each.type === 'complex' ? complex(each) : scalar(each)] as const,
  )
  const required = definitions.filter((each) => each.required).map(({ name }) => name)
  return fc.record(Object.fromEntries(values), { requiredKeys: required })
}

/** A body in normal form: what the core schema has, and what its extension has apart. */
export interface NormalBody {
  readonly core: Record<string, unknown>
  readonly extension: Record<string, unknown> | undefined
}

/** Bodies made of the definitions themselves, so that an attribute that is added is tried as well. */
export function normalBodies({ core, common, extensions }: SchemaView): fc.Arbitrary<NormalBody> {
  const externalId = common.filter(({ name }) => name === 'externalId')
  const [extension] = extensions
  return fc.record({
    core: attributesOf([...core.attributes, ...externalId]),
    extension:
      extension === undefined
        ? fc.constant(undefined)
        : fc.option(attributesOf(extension.attributes), { nil: undefined }),
  })
}

/** The same body with its keys in any case (RFC 7643 §2.1). */
export function recased({ core, extension }: NormalBody, upper: () => boolean): NormalBody {
  return {
    core: withKeys(core, upper) as Record<string, unknown>,
    extension: withKeys(extension, upper) as Record<string, unknown> | undefined,
  }
}

function withKeys(value: unknown, upper: () => boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => withKeys(each, upper))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      upper() ? key.toUpperCase() : key.toLowerCase(),
      withKeys(each, upper),
    ]),
  )
}
