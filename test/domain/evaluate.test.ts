import { expect } from 'chai'
import fc from 'fast-check'
import { compareText, evaluate } from '../../src/domain/evaluate.ts'
import type { AttributeRef, Comparison, Filter, Literal } from '../../src/domain/filter.ts'
import type { JsonObject } from '../../src/domain/json.ts'

function ref(path: string, options: Partial<AttributeRef> = {}): AttributeRef {
  return { path: path.split('.'), type: 'string', caseExact: false, multiValued: false, ...options }
}

function compare(at: AttributeRef, op: Comparison, value: Literal): Filter {
  return { kind: 'compare', at, op, value }
}

const BARBARA: JsonObject = {
  id: 'A1',
  userName: 'BJensen',
  active: false,
  name: { familyName: 'O\u2019Malley' },
  emails: [
    { value: 'Bjensen@Example.com', type: 'work', primary: true },
    { value: 'babs@home.example', type: 'home' },
  ],
  tags: ['One', 'two'],
  level: 7,
  meta: { created: '2011-05-13T04:42:34.000Z' },
}

const EMAIL = ref('emails.value', { multiValued: true })
const CREATED = ref('meta.created', { type: 'dateTime' })
const LEVEL = ref('level', { type: 'integer' })
const TITLE = ref('title')
const AT_2011 = Date.UTC(2011, 4, 13, 4, 42, 34)

describe('the evaluator of filters', () => {
  const CASES: readonly (readonly [string, Filter, boolean])[] = [
    ['compares text without case', compare(ref('userName'), 'eq', 'bjensen'), true],
    ['compares exact text with case', compare(ref('id', { caseExact: true }), 'eq', 'a1'), false],
    ['finds a part', compare(ref('name.familyName'), 'co', '\u2019MALL'), true],
    ['finds a beginning', compare(ref('userName'), 'sw', 'bj'), true],
    ['finds an end', compare(ref('userName'), 'ew', 'SEN'), true],
    ['orders text', compare(ref('userName'), 'gt', 'bjens'), true],
    ['lets one value of several satisfy', compare(EMAIL, 'eq', 'BABS@home.example'), true],
    ['takes ne as the opposite of eq over all values', compare(EMAIL, 'ne', 'babs@home.example'), false],
    ['takes ne of an absent attribute as true', compare(TITLE, 'ne', 'x'), true],
    ['takes any other comparison of an absent attribute as false', compare(TITLE, 'lt', 'x'), false],
    ['compares booleans', compare(ref('active', { type: 'boolean' }), 'eq', false), true],
    ['compares numbers', compare(LEVEL, 'ge', 7), true],
    ['orders numbers by their value', compare(LEVEL, 'lt', 10), true],
    ['compares instants', compare(CREATED, 'le', AT_2011), true],
    ['compares instants strictly', compare(CREATED, 'gt', AT_2011), false],
    ['sees an attribute that is there', { kind: 'present', at: ref('emails', { type: 'complex' }) }, true],
    ['sees that one is absent', { kind: 'present', at: TITLE }, false],
    ['sees false as a value', { kind: 'present', at: ref('active') }, true],
    ['turns not round', { kind: 'not', term: compare(TITLE, 'eq', 'x') }, true],
    ['compares plain values of a list', compare(ref('tags', { multiValued: true }), 'eq', 'TWO'), true],
  ]
  for (const [title, filter, expected] of CASES) {
    it(`${title} (RFC 7644 §3.4.2.2)`, () => {
      expect(evaluate(filter, BARBARA)).to.equal(expected)
    })
  }

  it('asks one element for all of a value path (RFC 7644 §3.4.2.2)', () => {
    const at = ref('emails', { type: 'complex', multiValued: true })
    const some = (type: string): Filter => {
      const terms = [compare(ref('type'), 'eq', type), compare(ref('value'), 'co', '@example')]
      return { kind: 'some', at, where: { kind: 'and', terms } }
    }
    expect([some('WORK'), some('home')].map((filter) => evaluate(filter, BARBARA))).to.deep.equal([true, false])
  })

  it('never reaches a prototype', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'constructor.name', '__proto__.toString']) {
      expect(evaluate({ kind: 'present', at: ref(name) }, BARBARA), name).to.equal(false)
    }
  })

  it('orders text as its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (left, right) => {
        expect(Math.sign(compareText(left, right))).to.equal(Buffer.compare(Buffer.from(left), Buffer.from(right)))
      }),
    )
    expect(compareText('\u{1F600}', '\uFF5E')).to.be.greaterThan(0)
  })
})
