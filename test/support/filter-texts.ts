import fc from 'fast-check'
import { attributeNamed, type AttributeDefinition, type SchemaView } from '../../src/scim/schema/view.ts'
import { text, TIMES } from './filter-people.ts'

const ORDERED = ['eq', 'ne', 'gt', 'ge', 'lt', 'le']
const TEXTUAL = [...ORDERED, 'co', 'sw', 'ew']

/** A literal of the type, as it stands in a filter. @param known texts that may well be stored */
function literal({ type }: AttributeDefinition, known: readonly string[]): fc.Arbitrary<string> {
  switch (type) {
    case 'boolean':
      return fc.constantFrom('true', 'false', '"True"')
    case 'integer':
    case 'decimal':
      return fc.constantFrom('-1', '0', '0.1', '2', '7', '1e21', '"10"')
    case 'dateTime':
      return fc
        .constantFrom(...TIMES, '2011-05-13T06:42:34+02:00', '2011-05-13T04:42:34.0009Z')
        .map((time) => `"${time}"`)
    case 'binary':
      return fc.constantFrom('"QUJD"', '"qujd"', '"x"')
    default:
      return fc
        .oneof({ weight: 4, arbitrary: text }, fc.constantFrom(...known), fc.constantFrom('', 'work', 'W/"2"', 'user'))
        .map((value) => JSON.stringify(value))
  }
}

function operators({ type }: AttributeDefinition): readonly string[] {
  if (type === 'boolean' || type === 'binary') return ['eq', 'ne']
  return type === 'string' || type === 'reference' ? TEXTUAL : ORDERED
}

/** One test of a named attribute: an operator with a literal of its type, or presence. */
function test(name: string, definition: AttributeDefinition, known: readonly string[]): fc.Arbitrary<string> {
  const present = fc.constantFrom('pr', 'eq null', 'ne null').map((rest) => `${name} ${rest}`)
  const compared = definition.type === 'complex' ? attributeNamed(definition.subAttributes ?? [], 'value') : definition
  if (compared === undefined) return present
  const comparison = fc
    .tuple(fc.constantFrom(...operators(compared)), literal(compared, known))
    .map(([op, value]) => `${name} ${op} ${value}`)
  return fc.oneof({ weight: 6, arbitrary: comparison }, present)
}

function visible({ name, returned }: AttributeDefinition): boolean {
  return returned !== 'never' && name !== '$ref' && name !== 'location'
}

/** `name[…]` over the sub-attributes, now and then with a sub-attribute behind it. */
function valuePath(name: string, definition: AttributeDefinition, known: readonly string[]): fc.Arbitrary<string> {
  const own = definition.subAttributes?.filter(visible) ?? [{ ...definition, name: 'value', multiValued: false }]
  const inner = fc.oneof(...own.map((sub) => test(sub.name, sub, known)))
  const two = fc.tuple(inner, fc.constantFrom('and', 'or'), inner).map(([left, op, right]) => `${left} ${op} ${right}`)
  const where = fc.oneof(
    inner,
    two,
    two.map((each) => `not (${each})`),
    fc.tuple(inner, two).map(([one, each]) => `${one} and not (${each})`),
  )
  const plain = where.map((each) => `${name}[${each}]`)
  return fc.oneof(
    plain,
    fc.tuple(plain, inner).map(([path, each]) => `${path}.${each}`),
  )
}

interface Named {
  readonly name: string
  readonly definition: AttributeDefinition
}

function namesOf(view: SchemaView): readonly Named[] {
  const own = [...view.common, ...view.core.attributes].map((definition) => ({ name: definition.name, definition }))
  const extended = view.extensions.flatMap(({ id, attributes }) =>
    attributes.map((definition) => ({ name: `${id}:${definition.name}`, definition })),
  )
  return [...own, ...extended].filter(({ definition }) => visible(definition))
}

/** Every attribute and sub-attribute that can be compared, by the name a filter uses. */
export function comparableNames(view: SchemaView): readonly Named[] {
  return namesOf(view).flatMap(({ name, definition }) => {
    const subs = definition.subAttributes?.filter(visible) ?? []
    const inner = subs.map((sub) => ({ name: `${name}.${sub.name}`, definition: sub }))
    return [{ name, definition }, ...inner]
  })
}

/**
 * Filters over all of a view: every operator on every attribute, value paths, and combinations.
 * @param known texts that may well be stored, ids for instance
 */
export function filterTexts(view: SchemaView, known: readonly string[]): fc.Arbitrary<string> {
  const leaf = fc.oneof(...comparableNames(view).map(({ name, definition }) => test(name, definition, known)))
  const lists = namesOf(view).filter(
    ({ name, definition }) => name !== 'schemas' && (definition.multiValued || definition.type === 'complex'),
  )
  const path = fc.oneof(...lists.map(({ name, definition }) => valuePath(name, definition, known)))
  const atom = fc.oneof({ weight: 2, arbitrary: leaf }, path)
  return fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 3, arbitrary: atom },
      { weight: 1, arbitrary: tie('tree').map((tree) => `not (${tree})`) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree'))
          .map(([left, op, right]) => `(${left}) ${op} (${right})`),
      },
    ),
  })).tree
}
