import { expect } from 'chai'
import fc from 'fast-check'
import SCIMMY from 'scimmy'
import { DomainError } from '../../../src/domain/errors.ts'
import { ENTERPRISE_URN } from '../../../src/domain/schema-urns.ts'
import { baseView } from '../../../src/scim/schema/definitions.ts'
import { readGroupBody } from '../../../src/scim/schema/group-body.ts'
import { readUserBody } from '../../../src/scim/schema/normalise.ts'
import type { AttributeDefinition } from '../../../src/scim/schema/view.ts'
import { normalBodies, type NormalBody, recased, writable } from './bodies.ts'

const RUNS = 1_000
const USER = baseView('User')
const GROUP = baseView('Group')

type Body = Record<string, unknown>

/** What our reader makes of a body, without what only says how it was read. */
function ours({ core, extension }: NormalBody): Body {
  const body = { schemas: [USER.core.id], ...core, ...(extension === undefined ? {} : { [ENTERPRISE_URN]: extension }) }
  const { attributes, active, externalId } = readUserBody(body, USER)
  return normal({ ...attributes, active, externalId })
}

/** What the library makes of it: the schema and its extension each by their own definition, as it does itself. */
function library({ core, extension }: NormalBody): Body {
  const user = plain(new SCIMMY.Schemas.User({ schemas: [USER.core.id], ...core }, 'in'))
  if (extension === undefined) return normal(user)
  const enterprise = plain(new SCIMMY.Schemas.EnterpriseUser({ schemas: [ENTERPRISE_URN], ...extension }, 'in'))
  return normal({ ...user, [ENTERPRISE_URN]: normal(enterprise) })
}

const plain = (value: object): Body => JSON.parse(JSON.stringify(value)) as Body

const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Null, "", [] and {} say nothing (RFC 7643 §2.5), nor does an element of which only its labels are left. */
function tidied(value: unknown): unknown {
  if (value === null || value === '') return undefined
  if (Array.isArray(value)) {
    const kept = value.map(tidied).filter((each) => each !== undefined && !isLabel(each))
    return kept.length === 0 ? undefined : kept
  }
  if (!isObject(value)) return value
  const kept = Object.entries(value).flatMap(([key, each]) => {
    const left = tidied(each)
    return left === undefined ? [] : [[key, left] as const]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

const isLabel = (element: unknown): boolean =>
  isObject(element) && Object.keys(element).every((key) => key === 'type' || key === 'primary')

function normal({ schemas: _schemas, meta: _meta, ...attributes }: Body): Body {
  return (tidied(attributes) as Body | undefined) ?? {}
}

interface Read {
  readonly value?: Body
  readonly error?: string
}

/** The outcome of a reader. A failure that is none of its own refusals is a fault and goes through. */
function outcome(read: (body: NormalBody) => Body, body: NormalBody): Read {
  try {
    return { value: read(body) }
  } catch (error) {
    if (error instanceof DomainError || error instanceof TypeError) return { error: error.message }
    throw error
  }
}

/** A form we take that the library does not: how it is made of a normal body, and what it means. */
interface Tolerance {
  readonly given: (body: NormalBody) => NormalBody
  /** What it means, where that is not what the normal body means. */
  readonly means?: (read: Body) => Body
  /** One body that has what the tolerance is about. */
  readonly witness: NormalBody
}

const LISTS = USER.core.attributes.filter(({ multiValued, mutability }) => multiValued && mutability !== 'readOnly')
const inCore = (core: Body): NormalBody => ({ core: { userName: 'u', ...core }, extension: undefined })

/** The core attributes with each list that is there changed. */
function withLists(body: Body, change: (elements: readonly Body[], definition: AttributeDefinition) => unknown): Body {
  const changed = LISTS.filter(({ name }) => Array.isArray(body[name])).map(
    (definition) => [definition.name, change(body[definition.name] as Body[], definition)] as const,
  )
  return { ...body, ...Object.fromEntries(changed) }
}

const onLists = (change: Parameters<typeof withLists>[1]) => (body: NormalBody) => ({
  ...body,
  core: withLists(body.core, change),
})

/** A type no schema names, given to the first element that may have one. */
const retype = (elements: readonly Body[]) =>
  elements.map((element, index) => (index === 0 ? { ...element, type: 'of-our-own' } : element))

const booleansAsText = (value: unknown): unknown => {
  if (typeof value === 'boolean') return value ? 'True' : 'FALSE'
  if (Array.isArray(value)) return value.map(booleansAsText)
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, booleansAsText(v)])) : value
}

const hasPrimary = ({ subAttributes = [] }: AttributeDefinition) => subAttributes.some(({ name }) => name === 'primary')

const TOLERANCES: Readonly<Record<string, Tolerance>> = {
  'a boolean as text, in any case': {
    given: (body) => ({ ...body, core: booleansAsText(body.core) as Body }),
    witness: inCore({ active: true }),
  },
  'a bare manager': {
    given: ({ core, extension }) => {
      const manager = extension?.['manager']
      return { core, extension: isObject(manager) ? { ...extension, manager: manager['value'] } : extension }
    },
    witness: { core: { userName: 'u' }, extension: { manager: { value: 'm' } } },
  },
  'a bare value in a list': {
    given: onLists((elements) => elements.map((each) => (Object.keys(each).join() === 'value' ? each['value'] : each))),
    witness: inCore({ roles: [{ value: 'r' }] }),
  },
  'one value where a list stands': {
    given: onLists((elements) => (elements.length === 1 ? elements[0] : elements)),
    witness: inCore({ emails: [{ value: 'e' }] }),
  },
  'any type': {
    given: onLists(retype),
    means: (read) => withLists(read, retype),
    witness: inCore({ roles: [{ value: 'r' }] }),
  },
  'nothing said as [] or {} of one value': {
    given: ({ core, extension }) => ({ core: { title: [], name: [], nickName: {}, ...core }, extension }),
    witness: inCore({}),
  },
  'an element twice': {
    given: onLists((elements) => [...elements, ...elements]),
    witness: inCore({ emails: [{ value: 'e' }] }),
  },
  'a second primary': {
    given: onLists((elements, definition) =>
      hasPrimary(definition) && elements[0]?.['primary'] === true
        ? elements.map((each) => ({ ...each, primary: true }))
        : elements,
    ),
    means: (read) =>
      withLists(read, (elements, definition) =>
        hasPrimary(definition) && elements[0]?.['primary'] === true
          ? elements.map((each, index) => ({ ...each, primary: index === 0 }))
          : elements,
      ),
    witness: inCore({ emails: [{ value: 'e', primary: true }, { value: 'f' }] }),
  },
  'a reference that is no address': {
    given: ({ core, extension }) => ({ core: { ...core, profileUrl: 'people/7' }, extension }),
    means: (read) => ({ ...read, profileUrl: 'people/7' }),
    witness: inCore({}),
  },
}

/** Whether any value within, itself included, is so. */
function holds(value: unknown, test: (each: unknown) => boolean): boolean {
  return (
    test(value) || (typeof value === 'object' && value !== null && Object.values(value).some((v) => holds(v, test)))
  )
}

const saysNothing = (value: unknown): boolean =>
  value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)

/** Why we take what the library refuses, for a value that stands for an attribute. */
const TAKEN: Readonly<Record<string, (value: unknown, definition: AttributeDefinition) => boolean>> = {
  'says nothing': (value) => holds(value, saysNothing),
  'boolean as text': (value) => holds(value, (each) => typeof each === 'string' && /^(?:true|false)$/i.test(each)),
  'one for a list': (value, { multiValued }) => multiValued && !Array.isArray(value),
  'bare value': (value, { type }) =>
    type === 'complex' && (Array.isArray(value) ? value : [value]).some((each) => typeof each === 'string'),
  'any type': (value) => holds(value, (each) => isObject(each) && typeof each['type'] === 'string'),
  'no address': (_value, { type, subAttributes = [] }) =>
    type === 'reference' || subAttributes.some((sub) => sub.type === 'reference'),
  // The library reads the $ref of a manager, we work it out.
  'worked out': (value) => holds(value, (each) => isObject(each) && ('$ref' in each || 'displayName' in each)),
}

/** Why we refuse what the library takes. */
const REFUSED: Readonly<Record<string, (value: unknown, definition: AttributeDefinition) => boolean>> = {
  'a list for an element': (value) => Array.isArray(value) && value.some(Array.isArray),
  'not base64': (_value, { type, subAttributes = [] }) =>
    type === 'binary' || subAttributes.some((sub) => sub.type === 'binary'),
  'no character of a text': (value) =>
    holds(value, (each) => typeof each === 'string' && /[\p{Cc}\p{Surrogate}]/u.test(each)),
  'too long': (value) => holds(value, (each) => typeof each === 'string' && each.length > 1_024),
  'a blank name': (value, { name }) => name === 'userName' && typeof value === 'string' && value.trim() === '',
}

const WILD = fc.oneof(
  fc.constantFrom<unknown>(null, '', [], {}, 0, 1.5, true, 'true', 'False', 'text', ['text'], [5], [null], [[]], [{}]),
  fc.constantFrom<unknown>('a\0b', '\ud800', 'x'.repeat(9_000), ' ', 'a\nb', { value: 5 }, [{ value: ['x'] }], '=A=='),
  fc.constantFrom<unknown>([{ value: 'v' }], [{ VALUE: 'v', type: 'work' }], { value: 'v', other: 1 }, [
    { primary: 'x' },
  ]),
  fc.jsonValue({ maxDepth: 3 }),
)

describe("the write validator beside the SCIM library's own coercion", function () {
  this.timeout(60_000)

  it('reads every body in normal form as the library does, its keys in any case, and drops the same (RFC 7643 §2)', () => {
    const extra = { id: 'of-the-client', groups: [{ value: 'g' }], unknown: { a: [1] }, password: 'secret' }
    fc.assert(
      fc.property(normalBodies(USER), fc.infiniteStream(fc.boolean()), fc.boolean(), (body, coins, more) => {
        const next = () => coins.next().value === true
        const given = { core: { ...body.core, ...(more ? extra : {}) }, extension: body.extension }
        const wanted = library(body)
        expect(ours(given)).to.deep.equal(wanted)
        expect(library(given)).to.deep.equal(wanted)
        expect(ours(recased(given, next))).to.deep.equal(wanted)
      }),
      { numRuns: RUNS },
    )
  })

  for (const [name, { given, means = (read: Body) => read, witness }] of Object.entries(TOLERANCES)) {
    it(`takes ${name} for its normal form, which the library does not`, () => {
      const wrong = outcome(library, given(witness))
      expect(wrong.value, 'the library takes it too: this is no tolerance').to.not.deep.equal(means(library(witness)))
      expect(ours(given(witness))).to.deep.equal(means(library(witness)))
      fc.assert(
        fc.property(normalBodies(USER), (body) => {
          expect(ours(given(body))).to.deep.equal(means(library(body)))
        }),
        { numRuns: RUNS / 5 },
      )
    })
  }

  it('reads any value whatever as the library does, or differs for a reason that is named here', () => {
    const named = new Map<string, number>()
    const core = writable(USER.core.attributes)
    const seen = { both: 0, neither: 0 }
    fc.assert(
      fc.property(normalBodies(USER), fc.constantFrom(...core), WILD, (body, definition, value) => {
        const wild = { core: { ...body.core, [definition.name]: value }, extension: undefined }
        const [mine, theirs] = [outcome(ours, wild), outcome(library, wild)]
        if (mine.value !== undefined && theirs.value !== undefined) {
          seen.both++
          expect(mine.value).to.deep.equal(theirs.value)
          return
        }
        if (mine.error !== undefined && theirs.error !== undefined) {
          seen.neither++
          return
        }
        const reasons = mine.error === undefined ? TAKEN : REFUSED
        const reason = Object.keys(reasons).find((each) => reasons[each]?.(value, definition) === true)
        expect(reason, `${definition.name}: ${JSON.stringify(value)}: ${mine.error ?? theirs.error}`).to.be.a('string')
        named.set(String(reason), (named.get(String(reason)) ?? 0) + 1)
      }),
      { numRuns: RUNS * 3 },
    )
    // A generator that only ever met refusals would compare nothing.
    expect(Math.min(seen.both, seen.neither)).to.be.above(RUNS / 20)
    expect([...named.keys()]).to.include.members(['says nothing', 'boolean as text', 'bare value', 'not base64'])
  })

  it('reads the body of a group as the library does (RFC 7643 §4.2)', () => {
    const read = (body: Body): Body => {
      const { displayName, externalId, members } = readGroupBody({ schemas: [GROUP.core.id], ...body }, GROUP)
      return normal({ displayName, externalId, members })
    }
    const theirs = (body: Body): Body => {
      const { members, ...rest } = plain(new SCIMMY.Schemas.Group({ schemas: [GROUP.core.id], ...body }, 'in'))
      const ids = (members as Body[] | undefined)?.map(({ value }) => ({ value }))
      return normal({ ...rest, members: ids })
    }
    const members = fc.uniqueArray(fc.uuid(), { maxLength: 4 })
    fc.assert(
      fc.property(normalBodies(GROUP), members, ({ core }, ids) => {
        const body = { ...core, members: ids.map((value) => ({ value, type: 'User' })) }
        expect(read(body)).to.deep.equal(theirs(body))
        expect(read({ ...core, members: ids })).to.deep.equal(theirs(body))
      }),
      { numRuns: RUNS / 2 },
    )
  })
})
